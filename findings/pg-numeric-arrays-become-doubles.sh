#!/usr/bin/env bash
# pg 8.23.1 for Node.js reads a numeric as text, and the same numeric in an array as a double.
#
# One would expect: the package leaves numeric and bigint as texts, because a number of JavaScript cannot hold them; it does so for bigint[] as well.
# What happens: numeric[] goes through parseFloat. 1234567890.12345678901 loses its last digits and 1.50 its zero, without an error.
# Why it matters: array_agg(amount ORDER BY day) is how the entries of one account come in one row. Their sum differs from SUM(amount) of the same statement, which is exact.
# Instead: array_agg(amount::text), or pg.types.setTypeParser(1231, …). The package postgres reads texts in both cases.
# Source: pg's documentation, "Data Types": numeric is returned as string because of the loss of precision. pg-types lib/textParsers.js: register(1231, parseFloatArray).
. "$(dirname "$0")/lib.sh"
node_with pg@8.23.1 postgres@3.4.9
cat >read.mjs <<'END'
import pg from "pg";
import postgres from "postgres";

const sql = postgres({ path: process.env.PGHOST + "/.s.PGSQL.5432", max: 1 });
const client = new pg.Client();
await client.connect();
for (const amount of ["1234567890.12345678901", "1.50", "-0.10"]) {
  const statement = `SELECT numeric '${amount}' AS one, ARRAY[numeric '${amount}'] AS many`;
  const { one, many } = (await client.query(statement)).rows[0];
  console.log(one, many, (await sql.unsafe(statement))[0].many[0]);
}
await client.end();
await sql.end();
END
postgres_run node read.mjs >seen
expect "a numeric by pg; in an array; in an array by postgres.js" "1234567890.12345678901 [ 1234567890.1234567 ] 1234567890.12345678901
1.50 [ 1.5 ] 1.50
-0.10 [ -0.1 ] -0.10" "$(cat seen)"
