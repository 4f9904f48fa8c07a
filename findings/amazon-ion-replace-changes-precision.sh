#!/usr/bin/env bash
# amazon.ion: replace() on a timestamp drops its fraction in 0.9.3 and its precision in 0.15.0.
#
# One would expect: a timestamp of the library is a datetime, and replace(year=2021) changes the year and nothing else.
# What happens: in 0.9.3, the version that pyqldb brings, the result has whole seconds: 12:00:00.123456 becomes 12:00:00, and 2020T a second. In 0.15.0 it
#   always has six digits: 2020T becomes a time in microseconds, .123456789 becomes .123456. astimezone and `+ timedelta` do the same in 0.15.0, and
#   raise in 0.9.3.
# Why it matters: a time that was copied with a small change is another value with another hash, and in 0.9.3 up to a second earlier.
# Instead: amazon.ion.core.timestamp(…, precision=…, fractional_seconds=…) with the fields of the old value.
# Source: amazon/ion/core.py, class Timestamp: the constructor takes precision and fraction from keyword arguments that datetime.replace does not pass.
. "$(dirname "$0")/lib.sh"
seen=
for version in 0.9.3 0.15.0; do
    python_with "amazon.ion==$version"
    seen+=$("$python" - <<'END'
from amazon.ion.simpleion import dumps, loads

for text in ("2020T", "2020-01-01T12:00:00.123456Z", "2020-01-01T12:00:00.123456789Z"):
    print(text, dumps(loads(text).replace(year=2021), binary=False)[9:])
END
)$'\n'
done
expect "a timestamp and replace(year=2021), with 0.9.3, then with 0.15.0" '2020T 2021-01-01T00:00:00-00:00
2020-01-01T12:00:00.123456Z 2021-01-01T12:00:00Z
2020-01-01T12:00:00.123456789Z 2021-01-01T12:00:00Z
2020T 2021-01-01T00:00:00.000000-00:00
2020-01-01T12:00:00.123456Z 2021-01-01T12:00:00.123456Z
2020-01-01T12:00:00.123456789Z 2021-01-01T12:00:00.123456Z' "${seen%$'\n'}"
