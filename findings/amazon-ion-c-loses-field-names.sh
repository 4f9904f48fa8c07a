#!/usr/bin/env bash
# amazon.ion 0.15.0 writes a dict's key that is not text as a field without a name.
#
# One would expect: {2024: 10} is refused, as the library's own Python writer and version 0.9.3 refuse it, or has the name "2024".
# What happens: the C writer, which the wheels use, writes the field with symbol zero, the name without a text, and nothing says so.
#   None, a bool, a float, bytes or a tuple as the key do the same. Only a second such key in one dict raises IERR_INVALID_SYMBOL.
# Why it matters: a total by year, a balance by account number or a count under None is a natural entry of a dict in Python. Its key is lost in the file or
#   in the ledger, for good.
# Instead: {str(key): value …}.
# Source: amazon-ion/ion-python, amazon/ion/ioncmodule.c, write_struct_field: whatever is no str is written by _ion_writer_write_field_sid_helper(writer, 0). amazon/ion/writer_text.py checks the key.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
seen=$("$python" - <<'END'
from amazon.ion import simpleion

totals = {2024: 10, "sum": 60}
print(simpleion.dumps(totals, binary=False))
print(list(simpleion.loads(simpleion.dumps(totals))))
simpleion.c_ext = False
try:
    simpleion.dumps(totals, binary=False)
except TypeError as error:
    print("without C:", error)
END
)
expect "text; the keys after a round trip; the Python writer" '$ion_1_0 {$0:10,sum:60}
[None, '\''sum'\'']
without C: Expected type (<class '\''str'\''>, <class '\''type'\''>), found <class '\''int'\''>.' "$seen"
