#!/usr/bin/env bash
# amazon.ion 0.15.0 reads all symbols of an absent shared table as one and the same.
#
# One would expect: a symbol whose text is unknown, because its shared symbol table is not at hand, is still told from others: it is "symbol 1 of table …". It can be written again, and read by those who have the table.
# What happens: the C reader makes symbol zero of each of them. Two fields with different unknown names have the same name, and what is written has lost them for good. The Python reader (0.9.3 too) keeps the number,
#   but text that it writes of them cannot be read by anybody, and binary fails with AssertionError.
# Why it matters: reading and writing a file of a system with shared tables, which nobody would call a change, makes its symbols unreadable for those who have the tables.
# Instead: pass a catalog with the table: loads(…, catalog=…).
# Source: the specification, docs/symbols.html, "Symbol Zero" and "Imports"; guides/symbols-guide.html: a token of unknown text has an import location. ion-python amazon/ion/ioncmodule.c: a symbol without text becomes SID 0.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
seen=$("$python" - <<'END'
from amazon.ion import simpleion

stream = '$ion_symbol_table::{imports: [{name: "absent", version: 1, max_id: 2}]} [$10, $11]'
for c in (True, False):
    simpleion.c_ext = c
    values = simpleion.loads(stream)
    try:
        written = simpleion.dumps(values).hex()
    except AssertionError:
        written = "AssertionError"
    print("C" if c else "Python", [(symbol.text, symbol.sid) for symbol in values], values[0] == values[1], simpleion.dumps(values, binary=False), written)
END
)
expect "two symbols of unknown text: text and number, whether they are equal, as text, as binary" 'C [(None, 0), (None, 0)] True $ion_1_0 [$0,$0] e00100eab27070
Python [(None, 10), (None, 11)] False $ion_1_0 [$10,$11] AssertionError' "$seen"
