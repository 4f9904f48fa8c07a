#!/usr/bin/env bash
# amazon.ion 0.15.0 moves a time whose offset has seconds to another instant; its Python writer writes no Ion.
#
# One would expect: Ion offsets have minutes. A local time in Amsterdam of 1930, which was 00:19:32 ahead of UTC, is refused, or keeps its instant.
# What happens: the C writer keeps the clock's reading and cuts the offset to +00:19, which is another instant, by 32 seconds. The Python writer (the only one
#   in 0.9.3) writes `+00:1932` as text, which no reader takes, and in binary keeps the instant with another reading. Three results for one value.
# Why it matters: births, contracts and deeds before about 1937 have such offsets in every time zone database. The ledger has recorded a time that nobody gave.
# Instead: value.astimezone(timezone.utc), or an offset rounded by the application.
# Source: the specification, docs/spec.html, "Timestamps": hour and minute offset. ion-python amazon/ion/ioncmodule.c, offset_seconds(…) / 60; amazon/ion/writer_text.py, _bytes_utc_offset: strftime('%z').
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
seen=$("$python" - <<'END'
from datetime import datetime, timedelta, timezone
from amazon.ion import simpleion

moment = datetime(1930, 1, 1, 12, 0, tzinfo=timezone(timedelta(minutes=19, seconds=32)))
print(moment.astimezone(timezone.utc).isoformat())
for c in (True, False):
    simpleion.c_ext = c
    text, binary = simpleion.dumps(moment, binary=False)[9:], simpleion.dumps(moment)
    simpleion.c_ext = True
    again = simpleion.loads(binary)
    print("C" if c else "Python", text, again.isoformat(), again.astimezone(timezone.utc).isoformat())
END
)
expect "the instant in UTC; then by writer: the text, the binary read back, its instant" '1930-01-01T11:40:28+00:00
C 1930-01-01T12:00:00.000000+00:19 1930-01-01T12:00:00+00:19 1930-01-01T11:41:00+00:00
Python 1930-01-01T12:00:00.000000+00:1932 1930-01-01T11:59:28+00:19 1930-01-01T11:40:28+00:00' "$seen"
