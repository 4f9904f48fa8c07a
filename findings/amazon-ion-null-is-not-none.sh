#!/usr/bin/env bash
# amazon.ion 0.9.3: a null is not None, true prints 1, and a symbol is not a str.
#
# One would expect: null, true and text read from Ion behave as Python's own.
# What happens: `value is None` and `value == None` are false for every null. true is a sub-class of int, so that str() and f-strings print 1 and JSON has 1.
#   A symbol equals no str, and finds nothing in a dict. Only `not value` tells a null from a value, together with 0 and "". pyqldb 3.2.4 brings this version. In 0.15.0
#   true is a bool, and the other two are as before.
# Why it matters: `if row["closed"] is None` is never true and `if row["kind"] == "debit"` is false for symbols: the wrong branch is taken without an error.
# Instead: isinstance(value, IonPyNull); bool(value); value.text.
# Source: amazon/ion/simple_types.py: IonPyNull, IonPyBool = _ion_type_for('IonPyBool', int), IonPySymbol from SymbolToken. The module's page says that values mimic
#   their Python types.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.9.3
seen=$("$python" - <<'END'
import json
from amazon.ion.simpleion import loads

row = loads('{closed: null, paid: true, kind: debit}')
print(row["closed"] is None, row["closed"] == None, bool(row["closed"]))
print(row["paid"], json.dumps([row["paid"]]), row["paid"] is True, isinstance(row["paid"], bool))
print(row["kind"] == "debit", {"debit": -1}.get(row["kind"]), row["kind"].text)
END
)
expect "the null; the bool; the symbol" 'False False False
1 [1] False False
False None debit' "$seen"
