#!/usr/bin/env bash
# postgres 3.4.9 for Node.js (postgres.js) reads a NULL in a boolean[] as false, and in a text[] as the text "NULL".
#
# One would expect: an element that is NULL is null, as a column that is NULL is, and as pg 8.23.1 reads it.
# What happens: there is no NULL in arrays for it. The four letters go to the reader of the type: a text or a numeric is "NULL", a bool, for which whatever is not "t" is false, is false, an int is NaN, and a timestamp an Invalid Date.
# Why it matters: array_agg of a column with gaps makes such arrays. "Not answered" is read as "no", and "NULL" is stored by the next program as a name.
# Instead: to_jsonb(array), or array_agg(…) FILTER (WHERE … IS NOT NULL); the package pg.
# Source: PostgreSQL's documentation, "Array Input and Output Syntax": NULL without quotes is the null value. postgres.js src/types.js, arrayParserLoop: parser(x.slice(…)) of each element without quotes.
. "$(dirname "$0")/lib.sh"
node_with postgres@3.4.9 pg@8.23.1
cat >read.mjs <<'END'
import { inspect } from "node:util";
import pg from "pg";
import postgres from "postgres";

const sql = postgres({ path: process.env.PGHOST + "/.s.PGSQL.5432", max: 1 });
const client = new pg.Client();
await client.connect();
for (const array of ["ARRAY[true, NULL]", "ARRAY[NULL, 'a']", "ARRAY['NULL']", "ARRAY[1.5, NULL]", "ARRAY[1, NULL]", "ARRAY[timestamp 'epoch', NULL]"]) {
  const read = [(await sql.unsafe(`SELECT ${array} AS v`))[0].v, (await client.query(`SELECT ${array} AS v`)).rows[0].v];
  console.log(array, ...read.map((value) => inspect(value)));
}
await client.end();
await sql.end();
END
postgres_run node read.mjs >seen
expect "an array; as postgres.js reads it; as pg does" "ARRAY[true, NULL] [ true, false ] [ true, null ]
ARRAY[NULL, 'a'] [ 'NULL', 'a' ] [ null, 'a' ]
ARRAY['NULL'] [ 'NULL' ] [ 'NULL' ]
ARRAY[1.5, NULL] [ '1.5', 'NULL' ] [ 1.5, null ]
ARRAY[1, NULL] [ 1, NaN ] [ 1, null ]
ARRAY[timestamp 'epoch', NULL] [ 1970-01-01T00:00:00.000Z, Invalid Date ] [ 1970-01-01T00:00:00.000Z, null ]" "$(cat seen)"
