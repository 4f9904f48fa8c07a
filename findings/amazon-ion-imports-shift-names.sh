#!/usr/bin/env bash
# amazon.ion 0.15.0 counts imports that have to be ignored, so that the names of a stream are others.
#
# One would expect: an import clause without a name, with an empty name or with the name "$ion" is ignored, as the specification says and as ion-java, ion-js and
#   ion-go do. The first local symbol is then $10.
# What happens: the C reader gives the ignored table the ids from $10 on: $10 is read as "$ion" or as a symbol without text, and the names that the stream defines stand
#   behind it. The Python reader (0.9.3 too) does the same and refuses versions below 1, which count as 1.
# Why it matters: the fields of a whole file get other names or none, depending on the library that reads it.
# Instead: write local symbol tables without such clauses; read foreign ones with ion-java.
# Source: the specification, docs/symbols.html, "Imports", the first three rules. ion-python amazon/ion/reader_managed.py, _import_desc_handler: `desc.name is not None or
#   desc.name == TEXT_ION`, where `and … !=` was meant.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
seen=$("$python" - <<'END'
from amazon.ion import simpleion

for c in (True, False):
    simpleion.c_ext = c
    for clause in ('{name: "$ion", version: 1, max_id: 9}', '{name: "", version: 1, max_id: 2}', '{name: "other", version: 0, max_id: 1}'):
        stream = '$ion_symbol_table::{imports: [%s], symbols: ["amount", "owner"]} [$10, $11]' % clause
        try:
            print("C" if c else "Python", clause, [symbol.text for symbol in simpleion.loads(stream)])
        except Exception as error:
            print("C" if c else "Python", clause, error)
END
)
expect "the import, and the first two symbols behind it: amount and owner are right in the first two cases, none and amount in the third" 'C {name: "$ion", version: 1, max_id: 9} ['\''$ion'\'', '\''$ion_1_0'\'']
C {name: "", version: 1, max_id: 2} [None, None]
C {name: "other", version: 0, max_id: 1} [None, '\''amount'\'']
Python {name: "$ion", version: 1, max_id: 9} [None, None]
Python {name: "", version: 1, max_id: 2} [None, None]
Python {name: "other", version: 0, max_id: 1} Version must be positive: 0' "$seen"
