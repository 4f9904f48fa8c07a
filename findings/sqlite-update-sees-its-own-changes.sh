#!/usr/bin/env bash
# SQLite 3.51.1: a sub-query in UPDATE sees the rows that the same statement has changed already.
#
# One would expect: every row is computed from the table as it was before the statement, as the SQL standard says, as PostgreSQL and DuckDB do, and as QLDB did, where a statement reads one snapshot.
# What happens: a correlated sub-query runs row by row against the table as it is by then. A running total over 10, 20, 30 becomes 10, 30, 70 in place of 10, 30, 60. A sub-query without a reference to the outer row is computed once, before.
# Why it matters: this is how a running balance is filled in. The result depends on the order in which rows are visited; a table that is copied to or from a ledger, or checked against one, differs without an error.
# Instead: UPDATE … FROM (SELECT id, SUM(n) OVER (ORDER BY id) AS total FROM t) AS s WHERE …, or a temporary table.
# Source: SQLite's page on UPDATE says that all expressions are evaluated before assignments are made, of one row. DuckDB 2.0.1 beside it.
. "$(dirname "$0")/lib.sh"
python_with pysqlite3-binary==0.5.4.post2 duckdb==2.0.1
seen=$("$python" - <<'END'
import duckdb
from pysqlite3 import dbapi2 as sqlite

print(sqlite.sqlite_version)
for name, database in (("SQLite", sqlite.connect(":memory:")), ("DuckDB", duckdb.connect())):
    database.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, n INTEGER)")
    database.execute("INSERT INTO entry VALUES (1, 10), (2, 20), (3, 30)")
    database.execute("UPDATE entry SET n = (SELECT SUM(before.n) FROM entry AS before WHERE before.id <= entry.id)")
    print(name, [n for (n,) in database.execute("SELECT n FROM entry ORDER BY id").fetchall()])
END
)
expect "the version of SQLite; running totals of 10, 20, 30" '3.51.1
SQLite [10, 30, 70]
DuckDB [10, 30, 60]' "$seen"
