#!/usr/bin/env bash
# pg8000 1.31.6 reads an interval of minus 90 minutes as minus 30 minutes, and minus a minute as a minute.
#
# One would expect: '-01:30:00' is minus one hour and a half. PostgreSQL writes the sign once, for all of the time.
# What happens: hours, minutes and seconds are read one by one, so that the sign goes to the hours alone: -1 hour and 30 minutes. Where the hours are 00 the sign is lost. Intervals in an array are read so, too. psycopg 3.3.9 reads them as they are.
# Why it matters: "paid minus due", "delivered minus promised" and time accounts are differences of two timestamps, half of which are negative. They come out too small, or as a delay where one was early, without an error.
# Instead: SELECT EXTRACT(epoch FROM a - b), which is a numeric, or psycopg.
# Source: PostgreSQL's documentation, "Interval Output", IntervalStyle postgres, e.g. -1 year -2 mons +3 days -04:05:06. pg8000/types.py, PGInterval.from_str_postgres: int(hours_str), int(minutes_str), float(seconds_str).
# (The server is the one that pgserver 0.1.4 brings; run by root, pgserver makes a user of its name.)
. "$(dirname "$0")/lib.sh"
python_with pgserver==0.1.4 pg8000==1.31.6 'psycopg[binary]==3.3.9'
cat >read.py <<'END'
import os
import pg8000.native
import pgserver
import psycopg

os.mkdir("data")
os.chmod(".", 0o755)
server = pgserver.get_server("data")
socket = os.path.abspath("data")
one = pg8000.native.Connection("postgres", unix_sock=socket + "/.s.PGSQL.5432", database="postgres")
other = psycopg.connect(host=socket, user="postgres", dbname="postgres")
for text in ("-01:30:00", "-00:01:00", "-00:00:00.25", "-2 days -01:30:00", "01:30:00"):
    seen = one.run(f"SELECT '{text}'::interval")[0][0], other.execute(f"SELECT '{text}'::interval").fetchone()[0]
    print(f"{text:18}", *(value.total_seconds() for value in seen))
seen = one.run("SELECT timestamp '2020-01-01 10:00' - timestamp '2020-01-01 11:30'")
print("10:00 minus 11:30", seen[0][0].total_seconds())
one.close()
END
expect "an interval; its seconds by pg8000, and by psycopg" "-01:30:00          -1800.0 -5400.0
-00:01:00          60.0 -60.0
-00:00:00.25       0.25 -0.25
-2 days -01:30:00  -174600.0 -178200.0
01:30:00           5400.0 5400.0
10:00 minus 11:30 -1800.0" "$("$python" -W ignore read.py 2>/dev/null)"
