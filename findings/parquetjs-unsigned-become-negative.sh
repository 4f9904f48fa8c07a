#!/usr/bin/env bash
# @dsnp/parquetjs 1.8.8 reads unsigned numbers as negative ones, and a decimal as a float or as bytes, depending on its digits.
#
# One would expect: a reader that knows the type UINT_32 reads 4294967295, and a decimal of two places is one kind of value.
# What happens: from 2^31 on UINT_32 is negative, and from 2^63 on UINT_64. A decimal of up to 18 digits is a double (whose last digits are lost); one of more digits is a Buffer with the unscaled integer, of which the scale is not told. hyparquet 1.33.0 reads the unsigned numbers as they are.
# Why it matters: sequence numbers, sizes and ids come out of DuckDB, polars and Rust as unsigned. They are other numbers, which still differ from one another, so that a join finds nothing or the wrong row.
# Instead: hyparquet or DuckDB for Node.js; CAST to signed types, and amounts as text.
# Source: the Parquet format, LogicalTypes.md, "Unsigned Integers": UINT_32 and UINT_64 annotate INT32 and INT64. @dsnp/parquetjs dist/lib/types.js: UINT_32 and UINT_64 have toPrimitive, and no fromPrimitive.
. "$(dirname "$0")/lib.sh"
node_with @dsnp/parquetjs@1.8.8 hyparquet@1.33.0
python_with duckdb==2.0.1
"$python" - <<'END'
import duckdb

duckdb.sql("COPY (SELECT 4294967295::UINTEGER AS a, 18446744073709551615::UBIGINT AS b, 12345678901234.5678::DECIMAL(18, 4) AS c, 1.5::DECIMAL(20, 4) AS d) TO 'numbers.parquet' (COMPRESSION uncompressed)")
END
cat >read.mjs <<'END'
import { readFileSync } from "node:fs";
import parquet from "@dsnp/parquetjs";
import { parquetReadObjects } from "hyparquet";

const bytes = readFileSync("numbers.parquet");
const reader = await parquet.ParquetReader.openBuffer(bytes);
const show = (row) => Object.values(row).map((value) => (Buffer.isBuffer(value) ? value.toString("hex") : String(value))).join(" ");
console.log("@dsnp/parquetjs", show(await reader.getCursor().next()));
const [row] = await parquetReadObjects({ file: new Uint8Array(bytes).buffer });
console.log("hyparquet", show(row));
END
expect "4294967295, 18446744073709551615, 12345678901234.5678, 1.5000" '@dsnp/parquetjs -1 -1 12345678901234.568 00000000000000000000000000003a98
hyparquet 4294967295 18446744073709551615 12345678901234.568 1.5' "$(node read.mjs)"
