#!/usr/bin/env bash
# ion-js 5.2.1 refuses 1_000_000 and 0b1010.
#
# One would expect: Ion text allows underscores between digits and integers in base two, so that people can read them.
# What happens: both are syntax errors.
# Why it matters: a document in Ion text that Java, Python, Go, C and Rust read cannot be read by a Node service.
# Instead: exchange binary, or let another library write the text (none of them writes underscores).
# Source: the specification, docs/spec.html, sections "Ints", "Real Numbers": underscores, 0b. ion-js dist/commonjs/es6/IonParserTextRaw.js,
#   _read_number(): asks for x only, and never for an underscore.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
for (const text of ["1_000_000", "0b1010", "12_345.67", "0xff"])
  try { console.log(text, ion.dumpText(ion.load(text))); } catch (error) { console.log(text, error.message); }
')
expect "text, and what it is read as" '1_000_000 invalid character after number
0b1010 invalid character after number
12_345.67 invalid character after number
0xff 255' "$seen"
