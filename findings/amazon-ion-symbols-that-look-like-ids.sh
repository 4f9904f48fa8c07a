#!/usr/bin/env bash
# amazon.ion 0.9.3 writes the symbol '$4' without quotes, and reads it back as `name`.
#
# One would expect: a field that is called $4 is written '$4', because $4 without quotes is the fourth symbol of the system's table.
# What happens: the writer knows that $4 is an identifier and leaves the quotes out. Read again, by itself or by any other library, the field is called `name`; $7 is
#   `symbols`, and $10 and above cannot be read or are another field's name. Binary is not affected. The Python writer of 0.15.0 still does so; its C writer does not.
# Why it matters: prices or parameters called $1, $2 … exchanged as text change their names without an error.
# Instead: exchange binary, or names without a dollar sign before digits.
# Source: the specification, docs/symbols.html, "Symbol Representations", symbol identifiers. amazon/ion/writer_text.py: _IDENTIFIER_STARTS and _is_identifier allow the form.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.9.3
seen=$("$python" - <<'END'
from amazon.ion.simpleion import dumps, loads

text = dumps({"$4": 1, "$7": 2, "$04": 3}, binary=False)
print(text)
print(list(loads(text)), list(loads(dumps({"$4": 1, "$7": 2}))))
END
)
expect "the text; the names read from it (the third became one more `name`), and those read from binary" '$ion_1_0 {$4:1,$7:2,$04:3}
['\''name'\'', '\''symbols'\''] ['\''$4'\'', '\''$7'\'']' "$seen"
