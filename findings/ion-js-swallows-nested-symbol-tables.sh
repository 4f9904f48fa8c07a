#!/usr/bin/env bash
# ion-js 5.2.1 loses a struct inside a text document when its annotation is $ion_symbol_table.
#
# One would expect: a symbol table has meaning at the top of a stream only. Below the top a struct with that annotation is data like any
#   other, and all other libraries return it.
# What happens: the text reader takes it for a symbol table at any depth, consumes it and goes on with the next value. The list that held
#   it is empty. The same document in binary is read whole.
# Why it matters: a ledger that keeps Ion documents, schemas or messages inside its own documents loses them on the way through text, for
#   example when a journal export in text is read.
# Instead: read binary, or another library.
# Source: the specification, docs/symbols.html, "Top-Level Semantics": symbol tables only meaningfully occur at the top level.
#   ion-js dist/commonjs/es6/IonTextReader.js, next(): the branch for T_STRUCT does not ask for the depth, as those for symbols do.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
const document = "[$ion_symbol_table::{symbols: [\"a\"]}, 1]";
console.log(ion.load(document).length);
const writer = ion.makeBinaryWriter();
writer.stepIn(ion.IonTypes.LIST);
writer.setAnnotations(["$ion_symbol_table"]);
writer.stepIn(ion.IonTypes.STRUCT);
writer.stepOut();
writer.writeInt(1);
writer.stepOut();
writer.close();
console.log(ion.load(writer.getBytes()).length);
')
expect "elements of a list of two, read from text and from binary" '1
2' "$seen"
