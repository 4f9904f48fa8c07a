#!/usr/bin/env bash
# ion-js 5.2.1: a list is an Array, and map, filter, slice and concat of it throw.
#
# One would expect: the list of a row is documented to extend Array; for-of, length, indexes and push work.
# What happens: the methods of Array that make a new array call the list's constructor with a number, as the language says for sub-classes. The
#   constructor of the library wants an array of values and throws "… is not iterable" or gives a wrong length.
# Why it matters: row.lines.map(…) works in tests with plain objects and throws with the first row from a ledger.
# Instead: row.lines.elements().map(…), or Array.from(row.lines).
# Source: ion-js dist/commonjs/es6/dom/Sequence.js: constructor(children, annotations = []) { super(); … } without Symbol.species.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
const list = ion.load("[1, 2, 3]");
console.log(Array.isArray(list), list.length, list[0].numberValue(), [...list].length);
for (const [name, call] of Object.entries({ map: (l) => l.map((x) => x), filter: (l) => l.filter(() => true), slice: (l) => l.slice(0, 2), concat: (l) => l.concat([4]),
    reduce: (l) => l.reduce((sum, x) => sum + x, 0), elements: (l) => l.elements().map(Number) }))
  try { console.log(name, ion.dumpText(call(list))); } catch (error) { console.log(name, error.message); }
')
expect "what works; then each method" 'true 3 1 3
map children is not iterable
filter children is not iterable
slice children is not iterable
concat children is not iterable
reduce 6
elements [1,2,3]' "$seen"
