#!/usr/bin/env bash
# pg8000 1.31.6 stores the text "null" in an array as NULL.
#
# One would expect: a list of texts is an array of the same texts.
# What happens: "NULL" in capitals is put into quotes, and is stored as a text. "null", "Null" and "nuLL" are not; PostgreSQL takes them for NULL in any case. As a parameter of its own, outside of a list, "null" is stored as it is. psycopg 3.3.9 stores all of them.
# Why it matters: Null is a family name and "null" a value in many exports. The text is gone for good, and `'null' = ANY (names)` finds nothing. A column of arrays that forbids NULL elements refuses the row.
# Instead: psycopg; or unnest and single parameters.
# Source: PostgreSQL's documentation, "Array Value Input": NULL in any upper- or lower-case variant is the null value; quote it to have the text. pg8000/converters.py, array_string_escape: only "NULL" is compared.
# (The server is the one that pgserver 0.1.4 brings; run by root, pgserver makes a user of its name.)
. "$(dirname "$0")/lib.sh"
python_with pgserver==0.1.4 pg8000==1.31.6 'psycopg[binary]==3.3.9'
cat >write.py <<'END'
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
for name in ("Smith", "NULL", "Null", "null"):
    count = "SELECT num_nulls(VARIADIC {}::text[])"
    print(name, one.run(count.format(":names"), names=[name])[0][0], other.execute(count.format("%s"), [[name]]).fetchone()[0])
one.close()
END
expect "a list of one name; NULLs in the array that pg8000 makes of it, and psycopg" "Smith 0 0
NULL 0 0
Null 1 0
null 1 0" "$("$python" -W ignore write.py 2>/dev/null)"
