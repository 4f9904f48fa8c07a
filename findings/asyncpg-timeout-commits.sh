#!/usr/bin/env bash
# asyncpg 0.32.0 and psycopg 3.3.9: a commit that ran into its timeout has been committed by the timeout.
#
# One would expect: after TimeoutError a commit may or may not have happened; with synchronous replication it goes on waiting for the standby, and the rows are not seen until then.
# What happens: both libraries send a cancel request when the time is over. PostgreSQL takes it for "do not wait for the standby": the transaction is committed on the primary alone, its rows are seen at once, and the warning that says so is dropped with the answer.
#   Without a timeout, a commit whose wait another session cancels returns as if the standby had it. psycopg2 2.9.13 keeps the warning in connection.notices; the others show it only to a listener.
# Why it matters: whoever turned synchronous replication on wants that nothing is shown which one machine could still lose. A timeout of a second, or a task that is cancelled, turns it off for that transaction, and the program reports a failure.
# Instead: no timeout and no cancellation around commit; take a TimeoutError of a commit for "unknown", look the rows up on the standby, and listen to notices (add_log_listener, add_notice_handler).
# Source: PostgreSQL's documentation, "Synchronous Replication": a wait that is cancelled ends in a local commit with a warning. asyncpg, "Connection": command_timeout; asyncpg/protocol/protocol.pyx, _on_timeout requests a cancellation; psycopg/connection_async.py, wait: _try_cancel on CancelledError.
# (The server is the one that pgserver 0.1.4 brings; run by root, pgserver makes a user of its name.)
. "$(dirname "$0")/lib.sh"
python_with pgserver==0.1.4 psycopg2-binary==2.9.13 'psycopg[binary]==3.3.9' asyncpg==0.32.0
cat >commit.py <<'END'
import asyncio
import os
import threading
import time
import asyncpg
import pgserver
import psycopg
import psycopg2

os.mkdir("data")
os.chmod(".", 0o755)
server = pgserver.get_server("data")
os.environ["PGHOST"] = os.path.abspath("data")
server.psql("CREATE TABLE t (id INT)")
server.psql("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
server.psql("SELECT pg_reload_conf()")
to = {"user": "postgres"}


def rows():
    with psycopg.connect(dbname="postgres", autocommit=True, **to) as connection:
        return [row for row, in connection.execute("SELECT id FROM t ORDER BY id")]


async def attempt(name, coroutine):
    try:
        print(name, await coroutine, rows())
    except TimeoutError:
        await asyncio.sleep(1)
        print(name, "TimeoutError", rows())


async def timeouts():
    connection = await asyncpg.connect(database="postgres", **to)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO t VALUES (1)")
    await attempt("asyncpg, wait_for", asyncio.wait_for(transaction.commit(), 1))
    connection = await asyncpg.connect(database="postgres", command_timeout=1, **to)
    await attempt("asyncpg, command_timeout", connection.execute("INSERT INTO t VALUES (2)"))
    connection = await psycopg.AsyncConnection.connect(dbname="postgres", **to)
    await connection.execute("INSERT INTO t VALUES (3)")
    await attempt("psycopg, wait_for", asyncio.wait_for(connection.commit(), 1))


asyncio.run(timeouts())
for number, module in enumerate((psycopg, psycopg2), 4):
    connection = module.connect(dbname="postgres", application_name=module.__name__, **to)
    connection.cursor().execute("INSERT INTO t VALUES (%s)", (number,))
    other = threading.Timer(1, server.psql, (f"SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = '{module.__name__}'",))
    other.start()
    print(module.__name__, "cancelled:", connection.commit(), rows(), len(getattr(connection, "notices", [])))
    other.join()
END
expect "what commit returned or raised, and the rows that others see; at last the notices" 'asyncpg, wait_for TimeoutError [1]
asyncpg, command_timeout TimeoutError [1, 2]
psycopg, wait_for TimeoutError [1, 2, 3]
psycopg cancelled: None [1, 2, 3, 4] 0
psycopg2 cancelled: None [1, 2, 3, 4, 5] 1' "$("$python" -W ignore commit.py 2>errors)"
