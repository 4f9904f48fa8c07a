#!/usr/bin/env bash
# cbor-x 1.6.9 reads the exact decimals of CBOR as doubles, and 1e309 as infinity.
#
# One would expect: a decimal fraction (tag 4) is exact, as the bignums (tag 2) are that the library reads as BigInt. What JavaScript has no number for is kept with its tag, as the package cbor 10.0.12 keeps it.
# What happens: mantissa and exponent are read as one double. Digits beyond the seventeenth are gone, 1E+309 is infinity, and what is written again is a float, so that the reader in Python gets a float, whose digits are no longer those of the Decimal.
# Why it matters: amounts in COSE receipts and in messages of Python's Decimal are such fractions. A service in Node.js that reads one and passes it on has signed or stored another amount.
# Instead: cbor, which gives a Tagged value with exponent and mantissa; addExtension of cbor-x for tag 4; amounts as text.
# Source: RFC 8949, section 3.4.4, "Decimal Fractions and Bigfloats": for applications that need exact decimals. cbor-x decode.js, currentExtensions[4] makes a number of mantissa and exponent.
. "$(dirname "$0")/lib.sh"
node_with cbor-x@1.6.9 cbor@10.0.12
python_with cbor2==6.3.0
cat >values.py <<'END'
import sys
from decimal import Decimal
import cbor2

if sys.argv[1] == "write":
    for text in ("1.50", "0.1", "1234567890.12345678901", "1E+309"):
        print(text, cbor2.dumps(Decimal(text)).hex())
else:
    for line in sys.stdin:
        text, number, *written = line.split()
        print(text, number, *(repr(cbor2.loads(bytes.fromhex(data))) for data in written))
END
cat >pass.mjs <<'END'
import { readFileSync } from "node:fs";
import cbor from "cbor";
import { decode, encode } from "cbor-x";

for (const line of readFileSync(0, "utf8").trimEnd().split("\n")) {
  const [text, data] = line.split(" "), bytes = Buffer.from(data, "hex");
  console.log(text, decode(bytes), encode(decode(bytes)).toString("hex"), cbor.encode(cbor.decodeFirstSync(bytes)).toString("hex"));
}
END
"$python" values.py write >written
node pass.mjs <written >passed
expect "a Decimal; as cbor-x reads it; what Python reads after cbor-x, and after cbor" "1.50 1.5 1.5 Decimal('1.50')
0.1 0.1 0.1 Decimal('0.1')
1234567890.12345678901 1234567890.1234567 1234567890.1234567 Decimal('1234567890.12345678901')
1E+309 Infinity inf Decimal('1E+309')" "$("$python" values.py read <passed)"
