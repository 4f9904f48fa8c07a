#!/usr/bin/env bash
# psycopg2 2.9.13, psycopg 3.3.9, asyncpg 0.32.0 and pg 8.23.1: a commit after a failed statement rolls back, and raises nothing.
#
# One would expect: a commit that returns has committed. PostgreSQL answers COMMIT of a failed transaction with the tag ROLLBACK, so the library knows.
# What happens: the error of an INSERT was caught, as code that goes on with the next row does. Then commit() of the three libraries for Python returns None, and so does the end of psycopg's `with connection`; pg for Node.js resolves, with ROLLBACK as the name of the command. All rows of the transaction are gone.
#   github.com/jackc/pgx/v5 5.13.0 answers "commit unexpectedly resulted in rollback", and github.com/lib/pq 1.12.3 an error, too.
# Why it matters: a loader that moves rows from a ledger, or from audit tables, and passes over duplicates reports thousands of rows that are not there.
# Instead: a savepoint around each statement that may fail, or ON CONFLICT; ask connection.info.transaction_status before commit.
# Source: PostgreSQL's documentation of COMMIT does not mention it; protocol, "CommandComplete": the tag. psycopg/_connection_base.py, _commit_gen; asyncpg/transaction.py, __commit; pgx tx.go, ErrTxCommitRollback.
# (The server is the one that pgserver 0.1.4 brings; run by root, pgserver makes a user of its name.)
. "$(dirname "$0")/lib.sh"
python_with pgserver==0.1.4 psycopg2-binary==2.9.13 'psycopg[binary]==3.3.9' asyncpg==0.32.0
node_with pg@8.23.1
go_with github.com/jackc/pgx/v5@v5.13.0 github.com/lib/pq@v1.12.3
cat >commit.mjs <<'END'
import pg from "pg";

const client = new pg.Client({ host: process.env.PGHOST, user: "postgres", database: "postgres" });
await client.connect();
await client.query("BEGIN");
await client.query("INSERT INTO t VALUES (1)");
await client.query("INSERT INTO t VALUES (1)").catch(() => {});
console.log("pg", (await client.query("COMMIT")).command);
await client.end();
END
cat >main.go <<'END'
package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	_ "github.com/lib/pq"
)

func main() {
	ctx := context.Background()
	connection, err := pgx.Connect(ctx, "user=postgres database=postgres")
	if err != nil {
		panic(err)
	}
	one, _ := connection.Begin(ctx)
	one.Exec(ctx, "INSERT INTO t VALUES (1)")
	one.Exec(ctx, "INSERT INTO t VALUES (1)")
	fmt.Println("pgx", one.Commit(ctx))
	database, err := sql.Open("postgres", "user=postgres database=postgres sslmode=disable")
	if err != nil {
		panic(err)
	}
	other, _ := database.Begin()
	other.Exec("INSERT INTO t VALUES (1)")
	other.Exec("INSERT INTO t VALUES (1)")
	fmt.Println("lib/pq", other.Commit())
}
END
cat >commit.py <<'END'
import asyncio
import os
import subprocess
import sys
from contextlib import suppress
import asyncpg
import pgserver
import psycopg
import psycopg2

os.mkdir("data")
os.chmod(".", 0o755)
server = pgserver.get_server("data")
os.environ["PGHOST"] = os.path.abspath("data")
server.psql("CREATE TABLE t (id INT PRIMARY KEY)")
for module in (psycopg2, psycopg):
    connection = module.connect("user=postgres dbname=postgres")
    cursor = connection.cursor()
    cursor.execute("INSERT INTO t VALUES (1)")
    with suppress(module.errors.UniqueViolation):
        cursor.execute("INSERT INTO t VALUES (1)")
    print(module.__name__, connection.commit())
    connection.close()
with psycopg.connect("user=postgres dbname=postgres") as connection:
    connection.execute("INSERT INTO t VALUES (1)")
    with suppress(psycopg.errors.UniqueViolation):
        connection.execute("INSERT INTO t VALUES (1)")
print("psycopg, with: no error")


async def with_asyncpg():
    connection = await asyncpg.connect(user="postgres", database="postgres")
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO t VALUES (1)")
    with suppress(asyncpg.UniqueViolationError):
        await connection.execute("INSERT INTO t VALUES (1)")
    print("asyncpg", await transaction.commit())


asyncio.run(with_asyncpg())
sys.stdout.flush()
subprocess.run(["node", "commit.mjs"], check=True)
subprocess.run(["./local"], check=True)
with psycopg.connect("user=postgres dbname=postgres") as connection:
    print("rows", *connection.execute("SELECT COUNT(*) FROM t").fetchone())
END
go mod tidy 2>/dev/null
go build -o local .
expect "what commit returned, or its error; the rows afterwards" 'psycopg2 None
psycopg None
psycopg, with: no error
asyncpg None
pg ROLLBACK
pgx commit unexpectedly resulted in rollback
lib/pq pq: could not complete operation in a failed transaction
rows 0' "$("$python" -W ignore commit.py 2>errors)"
