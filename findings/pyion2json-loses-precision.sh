#!/usr/bin/env bash
# pyion2json 0.0.2 makes another number of 1234567890.12345678901, and a day of 2020T.
#
# One would expect: a converter "from an Ion cursor, e.g. of QLDB, to JSON" that refers to Ion's rules for it keeps the digits of decimals, and writes timestamps as Ion or ISO 8601 does.
# What happens: decimals go through a float, although the comment beside it says "precision preserved": digits behind the sixteenth are gone, and so are zeros at the end. Timestamps are str() of a datetime: a year or a month becomes midnight of its
#   first day, nanoseconds are cut, and there is a blank in place of T.
# Why it matters: it is the package that is found for QLDB's rows and JSON. Sums of its output differ from sums in the ledger, and a contract "of 2020" has become one of 1 January.
# Instead: str() of decimals and amazon.ion.simpleion.dumps(value, binary=False) of timestamps, into strings.
# Source: Ion's cookbook, "Down-converting to JSON": decimals are printed as JSON numbers with precision preserved, timestamps as strings in Ion's format. pyion2json/pyion2json.py, ion_to_json: float(ion_val), str(ion_val).
. "$(dirname "$0")/lib.sh"
python_with pyion2json==0.0.2 amazon.ion==0.15.0
seen=$("$python" - <<'END'
import json
from amazon.ion.simpleion import loads
from pyion2json import ion_to_json

for text in ("1.50", "1234567890.12345678901", "1d2", "2020T", "2020-06T", "2020-01-01T12:00:00.123456789Z", "2020-01-01T12:00:00-00:00"):
    print(text, json.dumps(ion_to_json(loads(text))))
END
)
expect "Ion; JSON" '1.50 1.5
1234567890.12345678901 1234567890.1234567
1d2 100.0
2020T "2020-01-01 00:00:00"
2020-06T "2020-06-01 00:00:00"
2020-01-01T12:00:00.123456789Z "2020-01-01 12:00:00.123456+00:00"
2020-01-01T12:00:00-00:00 "2020-01-01 12:00:00"' "$seen"
