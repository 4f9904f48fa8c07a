#!/usr/bin/env bash
# amazon.ion 0.9.3 writes Decimal("Infinity") and Decimal("NaN") as the symbols Infinityd0 and NaNd0.
#
# One would expect: an error, because Ion's decimals have neither, as the binary writer raises one.
# What happens: dumps(…, binary=False) prints the name and an exponent. That text is Ion: a symbol. It is read as such, without an error anywhere. (-Infinityd0 is no Ion, and cannot be read.)
# Why it matters: a Decimal out of a division or of a data frame becomes text in an export or a message, and the number that was expected there is a word. In 0.15.0 it is the float +inf.
# Instead: `if not value.is_finite(): raise ValueError` for each Decimal before it is written.
# Source: the specification, docs/spec.html, "Real Numbers": decimals have no infinities and no NaN. amazon/ion/writer_text.py, _serialize_decimal: str(value), and "d0" where it has no exponent.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.9.3
seen=$("$python" - <<'END2'
from decimal import Decimal
from amazon.ion.simpleion import dumps, loads

for name in ["Infinity", "NaN", "1E+3"]:
    text = dumps(Decimal(name), binary=False, omit_version_marker=True)
    value = loads(text)
    print(name, text, value.ion_type.name, isinstance(value, Decimal))
END2
)
expect "a Decimal, its text, the type that is read, whether it is a Decimal" 'Infinity Infinityd0 SYMBOL False
NaN NaNd0 SYMBOL False
1E+3 1d+3 DECIMAL True' "$seen"
