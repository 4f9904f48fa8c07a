#!/usr/bin/env bash
# pg8000 1.31.6 reads the end `infinity` of a period as "nfinit", asyncpg 0.32.0 as a time without a zone, and psycopg 3.3.9 and psycopg2 2.9.13 sort a period without an end before one that ends.
#
# One would expect: the period of a row that holds "until further notice", tstzrange(since, 'infinity') or tstzrange(since, NULL), is read with an end that is infinity or None, and sorted() gives the order of PostgreSQL: what has no end comes last.
# What happens: pg8000 cuts the first and the last character of a bound, taking them for quotes, which infinity does not have; the range cannot be written again. asyncpg gives the year 9999 without a zone beside a start in UTC, so that comparing the end with now raises TypeError.
#   The two psycopgs put None below every bound on both sides, so that the row that holds now comes before those that are over.
# Why it matters: such ranges are how temporal tables keep the present row. Code that takes the last one of a sorted history takes an old one.
# Instead: SELECT lower(r), upper(r), lower_inf(r), upper_inf(r), and ORDER BY in the statement.
# Source: PostgreSQL's documentation, "Infinite (Unbounded) Ranges" and "Range Functions and Operators", <; asyncpg's table of types: timestamptz is an offset-aware datetime. pg8000/converters.py, tstz_in: data[1:-1]. psycopg/types/range.py, Range.__lt__: None is less, for _upper as for _lower.
# (The server is the one that pgserver 0.1.4 brings; run by root, pgserver makes a user of its name.)
. "$(dirname "$0")/lib.sh"
python_with pgserver==0.1.4 pg8000==1.31.6 asyncpg==0.32.0 psycopg2-binary==2.9.13 'psycopg[binary]==3.3.9'
cat >read.py <<'END'
import asyncio
import os
import asyncpg
import pg8000.native
import pgserver
import psycopg
import psycopg2

os.mkdir("data")
os.chmod(".", 0o755)
server = pgserver.get_server("data")
socket = os.path.abspath("data")
to = {"host": socket, "user": "postgres", "dbname": "postgres"}
open_end = "SELECT tstzrange('2020-01-01Z', 'infinity')"
connection = pg8000.native.Connection("postgres", unix_sock=socket + "/.s.PGSQL.5432", database="postgres")
print("pg8000", connection.run(open_end)[0][0].upper)
connection.close()


async def ask():
    connection = await asyncpg.connect(host=socket, user="postgres", database="postgres")
    period = await connection.fetchval(open_end)
    print("asyncpg", period.upper, period.lower.tzinfo, period.upper.tzinfo)
    await connection.close()


asyncio.run(ask())
history = "SELECT r FROM (VALUES (int4range(1, 5)), (int4range(1, NULL)), (int4range(1, 9))) AS v (r) ORDER BY r"
connection = psycopg.connect(**to)
rows = [row for row, in connection.execute(history)]
print("PostgreSQL", *(row.upper for row in rows))
print("psycopg", *(row.upper for row in sorted(rows)))
cursor = psycopg2.connect(**to).cursor()
cursor.execute(history)
print("psycopg2", *(row.upper for row in sorted(row for row, in cursor)))
END
expect "the end of a period that ends at infinity; then the ends of three periods from 1 on, in order" "pg8000 nfinit
asyncpg 9999-12-31 23:59:59.999999 UTC None
PostgreSQL 5 9 None
psycopg None 5 9
psycopg2 None 5 9" "$("$python" -W ignore read.py 2>/dev/null)"
