#!/usr/bin/env bash
# @jsonjoy.com/json-pack 18.28.0: its codec for Amazon Ion reads large ints as other ints, and writes dates as {}.
#
# One would expect: a codec for Ion reads Ion's ints, which have no largest one, as BigInt beyond 2^53, or refuses them, as it refuses decimals, timestamps and symbols ("Unknown Ion type").
# What happens: 9007199254740993 is read as 9007199254740992, and longer ones as floats. NaN and infinity, read back, are NaN and infinity; a Date is written as an empty struct; BigInt cannot be written.
# Why it matters: amounts in cents, account numbers and ids are exactly such ints. They change without an error.
# Instead: ion-js, whose bigIntValue() is exact.
# Source: the specification, docs/spec.html, "Ints": of any size. lib/ion/IonDecoderBase.js: readUint multiplies numbers by 256; IonEncoderFast.js: objects are written by their keys.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1 @jsonjoy.com/json-pack@18.28.0 tslib@2.8.1
seen=$(node -e '
const ion = require("ion-js");
const { IonDecoder } = require("@jsonjoy.com/json-pack/lib/ion/IonDecoder");
const { IonEncoderFast } = require("@jsonjoy.com/json-pack/lib/ion/IonEncoderFast");
for (const text of ["9007199254740993", "123456789012345678901", "1.50"])
  try { console.log(text, String(new IonDecoder().decode(ion.dumpBinary(ion.load(text))))); } catch (error) { console.log(text, error.message); }
console.log(ion.dumpText(ion.load(new IonEncoderFast().encode({ at: new Date(0) }))));
')
expect "Ion, and what is read; a Date as it is written" '9007199254740993 9007199254740992
123456789012345678901 123456789012345680000
1.50 Unknown Ion type: 0x5
{at:{}}' "$seen"
