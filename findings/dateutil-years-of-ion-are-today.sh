#!/usr/bin/env bash
# python-dateutil 2.9.0.post0 reads Ion's timestamp 2020T as the day of 2020 on which it is read.
#
# One would expect: 2020T is a year, and 2020-02T a month. A parser that has no such type refuses them, as dateutil's own isoparse and datetime.fromisoformat do, or takes the first day, as Ion's text of that day is 2020-01-01T.
# What happens: dateutil.parser.parse takes the T for a separator and fills the gaps from today: 2020T is the 30th of November if read on a 30th of November, and the 1st of December a day later. 2020-02T becomes the last day of February where today's is beyond it.
# Why it matters: dates of birth by year and contracts by month come out of a ledger as such texts, in JSON too. Each run of the same job writes other days, all of them likely ones, and a test passes on the day on which it was written.
# Instead: amazon.ion.simpleion.loads for Ion, isoparse for ISO 8601; parse(text, default=datetime(1, 1, 1)) at least.
# Source: Ion's specification, "Timestamps": 2007T is a year, the instant of its first day. dateutil's documentation, parser.parse: default, elements of the current date.
. "$(dirname "$0")/lib.sh"
python_with python-dateutil==2.9.0.post0
cat >read.py <<'END'
import datetime
from dateutil import parser


class Clock(datetime.datetime):
    """The clock that dateutil asks for today, set to a day."""

    today_is = None

    @classmethod
    def now(cls, tz=None):
        return cls(*cls.today_is)


parser._parser.datetime.datetime = Clock
for Clock.today_is in ((2026, 5, 6), (2026, 11, 30)):
    print("read on", "-".join(map(str, Clock.today_is)), *(f"{text} is {parser.parse(text).date()}" for text in ("2020T", "2020-02T")))
try:
    parser.isoparse("2020T")
except ValueError as error:
    print("isoparse", type(error).__name__)
END
expect "texts of Ion's years and months" "read on 2026-5-6 2020T is 2020-05-06 2020-02T is 2020-02-06
read on 2026-11-30 2020T is 2020-11-30 2020-02T is 2020-02-29
isoparse ValueError" "$("$python" -W ignore read.py)"
