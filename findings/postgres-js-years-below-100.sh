#!/usr/bin/env bash
# postgres 3.4.9 for Node.js (postgres.js) reads timestamps of the year 1 as 2001, and of the year 99 as 1999.
#
# One would expect: 0001-01-01 is the first of January of the year 1, as pg 8.23.1 reads it, or is refused. It is a common stand-in for "unknown" or "since ever", and the smallest date of .NET, Java and Python.
# What happens: the text of PostgreSQL, "0001-01-01 00:00:00+00", goes to new Date as it is. It is no ISO 8601, so that JavaScript guesses: two digits of a year are of this century or of the last one. What is read is a likely date, and is written back as such. A timestamp of infinity or of a year before Christ is an Invalid Date.
# Why it matters: rows that are valid since ever are valid since 2001; a history that is copied has other beginnings than the one it was copied from.
# Instead: SELECT to_json(t), which is ISO 8601; a type of one's own for the OIDs 1082, 1114 and 1184; the package pg.
# Source: ECMA-262, "Date.parse": what is not in the format of the standard may be read in any way. postgres.js src/types.js: date, parse: x => new Date(x). pg reads with the package postgres-date.
. "$(dirname "$0")/lib.sh"
node_with postgres@3.4.9 pg@8.23.1
cat >read.mjs <<'END'
import pg from "pg";
import postgres from "postgres";

const sql = postgres({ path: process.env.PGHOST + "/.s.PGSQL.5432", max: 1 });
const client = new pg.Client();
await client.connect();
const text = (value) => (value instanceof Date && !Number.isNaN(+value) ? value.toISOString() : String(value));
for (const time of ["timestamptz '0001-01-01 00:00Z'", "timestamp '0099-12-31 12:00'", "timestamptz '0100-01-01 00:00Z'", "timestamptz 'infinity'"]) {
  console.log(time, text((await sql.unsafe(`SELECT ${time} AS v`))[0].v), text((await client.query(`SELECT ${time} AS v`)).rows[0].v));
}
const [{ v }] = await sql`SELECT timestamptz '0001-01-01 00:00Z' AS v`;
console.log("written back:", (await sql`SELECT ${v}::timestamptz::text AS v`)[0].v);
await client.end();
await sql.end();
END
postgres_run node read.mjs >seen
expect "a time; as postgres.js reads it; as pg does" "timestamptz '0001-01-01 00:00Z' 2001-01-01T00:00:00.000Z 0001-01-01T00:00:00.000Z
timestamp '0099-12-31 12:00' 1999-12-31T12:00:00.000Z 0099-12-31T12:00:00.000Z
timestamptz '0100-01-01 00:00Z' 0100-01-01T00:00:00.000Z 0100-01-01T00:00:00.000Z
timestamptz 'infinity' Invalid Date Infinity
written back: 2001-01-01 00:00:00+00" "$(cat seen)"
