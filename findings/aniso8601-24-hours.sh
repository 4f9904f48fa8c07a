#!/usr/bin/env bash
# aniso8601 10.0.1 reads 2020-02-03T24:00:00Z as the beginning of that day, and arrow 1.4.0 rounds the last moment of a day into the next one.
#
# One would expect: 24:00 is the end of a day, which is the beginning of the next one. Digits that a datetime cannot hold are cut, or rounded, by all readers alike.
# What happens: aniso8601 puts 00:00 of the same day in place of 24:00, a day too early. ciso8601 2.4.1, dateutil's isoparse 2.9.0.post0 and arrow read the next day. Of .9999999 arrow makes the next day, the others cut; of the last moment of 9999 arrow raises.
# Why it matters: "valid until 2020-12-31T24:00" ends a day before its time. Ion has timestamps of any number of digits, and .NET writes seven: the last moment of a year is in that year for one reader, and in the next for another.
# Instead: ciso8601, or dateutil.parser.isoparse; cut the text to six digits before arrow.get.
# Source: ISO 8601-1:2019/Amd 1, 24:00:00 is the end of the day; ISO 8601:2004, 4.2.3, midnight: "24:00:00" of a day is "00:00:00" of the next. aniso8601/builders/python.py, PythonTimeBuilder; arrow/parser.py, _parse_token "S": the seventh digit rounds.
. "$(dirname "$0")/lib.sh"
python_with aniso8601==10.0.1 arrow==1.4.0 ciso8601==2.4.1 python-dateutil==2.9.0.post0
cat >read.py <<'END'
import aniso8601
import arrow
import ciso8601
from dateutil.parser import isoparse

readers = {"aniso8601": aniso8601.parse_datetime, "arrow": arrow.get, "ciso8601": ciso8601.parse_datetime, "dateutil": isoparse}
for text in ("2020-02-03T24:00:00Z", "2020-12-31T23:59:59.9999999Z"):
    print(text)
    for name, read in readers.items():
        print("   ", name, read(text).isoformat())
END
expect "one text, four readers" "2020-02-03T24:00:00Z
    aniso8601 2020-02-03T00:00:00+00:00
    arrow 2020-02-04T00:00:00+00:00
    ciso8601 2020-02-04T00:00:00+00:00
    dateutil 2020-02-04T00:00:00+00:00
2020-12-31T23:59:59.9999999Z
    aniso8601 2020-12-31T23:59:59.999999+00:00
    arrow 2021-01-01T00:00:00+00:00
    ciso8601 2020-12-31T23:59:59.999999+00:00
    dateutil 2020-12-31T23:59:59.999999+00:00" "$("$python" -W ignore read.py)"
