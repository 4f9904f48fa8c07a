#!/usr/bin/env bash
# amazon.ion: two timestamps that differ in the seventh digit are equal, and so are a year and its first day.
#
# One would expect: == of timestamps compares what is stored, or at least the instants.
# What happens: the comparison is that of datetime, in microseconds, whatever more digits the value keeps and writes. 2020T equals 2020-01-01T, and a set or a dict
#   holds one of the two. A time with an unknown offset (-00:00) is never equal to the same time in UTC, and comparing them with < raises TypeError.
# Why it matters: a program that looks for changed revisions, or puts them into a set, finds none where the ledger's hashes differ.
# Instead: compare dumps(a) == dumps(b), or amazon.ion.equivalence.ion_equals.
# Source: amazon/ion/core.py of 0.9.3 and 0.15.0: class Timestamp(datetime) has no __eq__ of its own.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
seen=$("$python" - <<'END'
from amazon.ion.equivalence import ion_equals
from amazon.ion.simpleion import dumps, loads

for a, b in [("2020-01-01T00:00:00.1234561Z", "2020-01-01T00:00:00.1234569Z"), ("2020T", "2020-01-01T"), ("2020-01-01T00:00Z", "2020-01-01T00:00-00:00")]:
    x, y = loads(a), loads(b)
    print(a, b, x == y, len({x, y}), ion_equals(x, y), dumps(x) == dumps(y))
END
)
expect "two timestamps, ==, how many a set holds, ion_equals, same bytes" '2020-01-01T00:00:00.1234561Z 2020-01-01T00:00:00.1234569Z True 1 False False
2020T 2020-01-01T True 1 False False
2020-01-01T00:00Z 2020-01-01T00:00-00:00 False 2 False False' "$seen"
