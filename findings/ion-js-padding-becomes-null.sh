#!/usr/bin/env bash
# ion-js 5.2.1 shows the padding of binary Ion as values that are null.
#
# One would expect: "NOP padding" is the white space of binary Ion. A writer may leave unused bytes between values, so that it
#   can fill in a length later or align a record. A reader passes over them.
# What happens: the reader of ion-js returns each padding as a value of type null. A list of one number behind one byte of
#   padding has two elements. At the top of a stream each padding is one more value. In a struct, the specification's own form
#   (symbol zero as the name) throws "Symbol ID zero is unsupported".
# Why it matters: an export that another library wrote, for example Ion C or Java with its length patching, is read without an
#   error and has more elements than it has. Counts, positions and hashes differ from those of every other reader.
# Instead: send such files through another library first (`ion-java`, `amazon.ion`), or ask the writer for text.
# Source: the specification, docs/binary.html, section "NOP Padding": "padding" is skipped and legal wherever a value may stand.
#   ion-js dist/commonjs/es6/IonParserBinaryRaw.js, load_next(): type code 0 sets `_null` whatever the length nibble is, where
#   only 0x0F is null.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
const text = (hex) => ion.dumpText(...[ion.load(Buffer.from("e00100ea" + hex, "hex"))]);
console.log(text("b32021" + "01"), text("b400" + "202101"), text("b6" + "03ffffff" + "2101"));
console.log(ion.loadAll(Buffer.from("e00100ea" + "01ff" + "2101", "hex")).length);
try { text("d5" + "8000" + "842101"); } catch (error) { console.log(error.message); }
')
expect "a list of 0 and 1; the same behind one byte of padding; 1 behind four bytes of padding
    number of values at the top: one padding and one number
    a struct that begins with padding" "[0,1] [null,0,1] [null,1]
2
Symbol ID zero is unsupported" "$seen"
