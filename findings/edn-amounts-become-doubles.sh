#!/usr/bin/env bash
# edn-data 1.2.2 and jsedn 0.4.1 read 1.50M as the double 1.5, and write it without its M.
#
# One would expect: a number with M is exact, and one with N of any size; 64 bits are the least for an int. A reader for JavaScript keeps them as BigInt, as text or as an object, and writes them back.
# What happens: both read an exact decimal into a double, with 17 digits at most, and write the double: the type has changed to a float, and the last digits are gone. edn-data reads 9007199254740993 as ...992 (with N as a BigInt); jsedn gives
#   the text "9007199254740993N", with the letter, and small ones as numbers. 007 is a symbol for one and 7 for the other.
# Why it matters: amounts in Datomic and XTDB are written with M for a reason. Read and written in Node.js, an amount is an approximate number for all peers, and another value for every hash.
# Instead: edn_format in Python, whose Decimal keeps the places; or text for amounts.
# Source: the specification of EDN, "Integers" and "Floating point numbers": "suffix M to indicate that exact precision is desired", 64-bit integers. edn-data dist/parse.js: parseFloat(this.state); jsedn lib/tokens.js: parseFloat(token).
. "$(dirname "$0")/lib.sh"
node_with jsedn@0.4.1 edn-data@1.2.2
python_with edn_format==0.8.0
numbers=(1.50M 0.10M 1234567890.12345678901M 9007199254740993 9007199254740993N 7N)
cat >read.mjs <<'END'
import jsedn from "jsedn";
import { parseEDNString, toEDNString } from "edn-data";

for (const text of process.argv.slice(2)) {
  const value = jsedn.parse(text), other = parseEDNString(text);
  console.log(text, "|", typeof other, toEDNString(other), "|", typeof jsedn.toJS(value), jsedn.encode(value));
}
END
seen=$(paste -d'|' <(node read.mjs "${numbers[@]}") <("$python" - "${numbers[@]}" <<'END'
import sys
import edn_format

for text in sys.argv[1:]:
    value = edn_format.loads(text)
    print("", type(value).__name__, edn_format.dumps(value))
END
))
expect "number; type and what edn-data writes; the same of jsedn; the same of edn_format" '1.50M | number 1.5 | number 1.5| Decimal 1.50M
0.10M | number 0.1 | number 0.1| Decimal 0.10M
1234567890.12345678901M | number 1234567890.1234567 | number 1234567890.1234567| Decimal 1234567890.12345678901M
9007199254740993 | number 9007199254740992 | string 9007199254740993| int 9007199254740993
9007199254740993N | bigint 9007199254740993N | string 9007199254740993N| int 9007199254740993
7N | bigint 7N | number 7| int 7' "$seen"
