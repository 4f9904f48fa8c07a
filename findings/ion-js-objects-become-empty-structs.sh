#!/usr/bin/env bash
# ion-js 5.2.1 stores a Map, a Set, an Error, an ArrayBuffer and a typed array as structs without their content.
#
# One would expect: an object that the library has no Ion type for is refused, as undefined, functions and symbols are.
# What happens: whatever is not known is taken for a struct of its own enumerable properties. Map, Set, Error, RegExp, ArrayBuffer and URL have
#   none: `{}`. A typed array other than Uint8Array is a struct with the fields '0', '1', … The Node driver for QLDB sends parameters
#   through the same function. Buffer, which is a Uint8Array, is refused.
# Why it matters: the insert succeeds, the document id comes back, and the ledger has recorded an empty struct for good.
# Instead: Object.fromEntries(map), [...set], new Uint8Array(buffer), error.message.
# Source: ion-js dist/commonjs/es6/dom/JsValueConversion.js: an object that is no instance of a known class goes to
#   dom/Struct.js, _fromJsValue, which takes Object.entries.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
const values = { Map: new Map([["a", 1]]), Set: new Set([1]), Error: new Error("lost"), ArrayBuffer: new ArrayBuffer(2), URL: new URL("file:///a"),
  Uint16Array: new Uint16Array([5]), Uint8Array: new Uint8Array([5]), Buffer: Buffer.from([5]), undefined: undefined };
for (const [name, value] of Object.entries(values))
  try { console.log(name, ion.dumpText(value)); } catch (error) { console.log(name, "refused:", error.message); }
')
expect "what each is stored as" 'Map {}
Set {}
Error {}
ArrayBuffer {}
URL {}
Uint16Array {'\''0'\'':5}
Uint8Array {{BQ==}}
Buffer refused: Unable to construct a(n) Blob from a Buffer.
undefined refused: Cannot create an Ion value from `undefined`.' "$seen"
