#!/usr/bin/env bash
# base62 2.0.2 and base-x 5.0.1 for Node.js and pybase62 1.0.0: none of them reads the ids of a ledger, and no two agree.
#
# One would expect: the ids of QLDB are documented as "base62-encoded UUIDs", so that a base62 library decodes them to 16 bytes, and all to the same.
# What happens: base62 takes digits, lower case, upper case and answers a double, which has lost half of the digits. pybase62 takes digits, upper, lower and reads one number: 17 bytes. base-x with that alphabet does
#   the same. The ids are two numbers of 64 bits with 11 digits each, so that 17 bytes come out for most of them.
# Why it matters: ids are put into UUID columns, shards and short links by such a conversion; going back gives another id.
# Instead: keep the 22 characters; or split them in the middle and decode each half with the alphabet 0-9A-Za-z.
# Source: base62/lib/ascii.js (default alphabet, decode by arithmetic of Number); base62.py of pybase62 (CHARSET_DEFAULT). The id below is from the samples in QLDB's guide.
. "$(dirname "$0")/lib.sh"
node_with base62@2.0.2 base-x@5.0.1
python_with pybase62==1.0.0
id=8F0TPCmdNQ6JTRpiLj2TmW
seen=$(node -e '
const id = process.argv[1], base62 = require("base62"), make = require("base-x").default;
const digits = make("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
console.log("base62", base62.decode(id), base62.encode(base62.decode(id)) === id);
console.log("base-x", Buffer.from(digits.decode(id)).toString("hex"));
' "$id"
"$python" - "$id" <<'END'
import sys
import base62

text = sys.argv[1]
print("pybase62", base62.decodebytes(text).hex())
print("two halves", "".join("%016x" % base62.decode(half) for half in (text[:11], text[11:])))
END
)
expect "number and whether it goes back; bytes; bytes; the two halves, 16 bytes" 'base62 3.782856109866796e+38 false
base-x 010ecee22b7d0303fb008f63c8d0eb7fd4
pybase62 010ecee22b7d0303fb008f63c8d0eb7fd4
two halves 6000176ccbb15eb6e2d650d3354f2fd4' "$seen"
