#!/usr/bin/env bash
# ion-js 5.2.1 writes the number 1e21 as a float in text and as an int in binary.
#
# One would expect: the type that a number gets does not depend on the encoding. Text and binary are two forms of one value.
# What happens: a number without a fraction is an int. In text the library writes what JavaScript prints, and from 1e21 on that has an exponent,
#   which Ion reads as a float. In binary the same number is an int of 22 digits. The two have different types and different Ion hashes.
# Why it matters: the driver for QLDB sends binary, a log or an export of the same object in text says something else, and a hash computed
#   from one does not fit the other. The 22 digits also claim a precision that the double never had.
# Instead: new ion.dom.Float(x), or a BigInt.
# Source: ion-js dist/commonjs/es6/IonTextWriter.js, writeInt(): value.toString(10).
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
for (const number of [1e20, 1e21, 1e23]) {
  const [text, binary] = [ion.load(ion.dumpText(number)), ion.load(ion.dumpBinary(number))];
  console.log(ion.dumpText(number), text.getType().name, ion.dumpText(binary), binary.getType().name);
}
')
expect "the text and its type, what the binary says and its type" '100000000000000000000 int 100000000000000000000 int
1e+21 float 1000000000000000000000 int
1e+23 float 99999999999999991611392 int' "$seen"
