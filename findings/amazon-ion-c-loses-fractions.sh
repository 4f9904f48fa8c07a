#!/usr/bin/env bash
# amazon.ion 0.15.0 reads a timestamp with ten or more digits of a fraction as another time.
#
# One would expect: Ion sets no bound to the digits of a second's fraction. A library that holds nine of them rounds, or refuses.
# What happens: the C reader, which the wheels use, gives text with more than nine digits the fraction zero: .12345678901 becomes .000000000, so does
#   .9999999999. In binary it rounds up instead: 1 of 10^10 becomes 1 of 10^9. The Python reader of the same release keeps the digits.
# Why it matters: two readings of one stored value differ by up to a second, with nine digits that look exact; and the hash of a document that is
#   read and written again has changed.
# Instead: simpleion.c_ext = False before reading such data, or at most nine digits when writing.
# Source: the specification, docs/spec.html, "Timestamps": fractional seconds of any precision. ion-python amazon/ion/ioncmodule.c:
#   MAX_TIMESTAMP_PRECISION 9.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0
seen=$("$python" - <<'END'
from amazon.ion import simpleion

forms = ["2020-01-01T00:00:00.12345678901Z", "2020-01-01T00:00:00.9999999999Z", bytes.fromhex("e00100ea6a800fe48181808080ca01")]
for c in (True, False):
    simpleion.c_ext = c
    for form in forms:
        print("C" if c else "Python", simpleion.dumps(simpleion.loads(form), binary=False)[9:])
END
)
expect "eleven digits in text; ten nines; 1 of 10^10 in binary" 'C 2020-01-01T00:00:00.000000000Z
C 2020-01-01T00:00:00.000000000Z
C 2020-01-01T00:00:00.000000001Z
Python 2020-01-01T00:00:00.12345678901Z
Python 2020-01-01T00:00:00.9999999999Z
Python 2020-01-01T00:00:00.0000000001Z' "$seen"
