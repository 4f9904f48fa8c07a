#!/usr/bin/env bash
# fastparquet 2026.9.0 reads the date 9999-12-31 as 29 March 1816.
#
# One would expect: a date of Parquet, a number of days, is read as that date, or is refused where pandas' nanoseconds cannot hold it.
# What happens: the days are multiplied into nanoseconds of 64 bits, which overflow beyond 11 April 2262 and before 1677: 9999-12-31 is a time in 1816, and 0001-01-01 one in 1754. Timestamps in microseconds of the same years are right. Decimals are floats, the exact ones of 18 digits too.
# Why it matters: 9999-12-31 is what "valid until further notice" is in registers, and 0001-01-01 "unknown". A filter for what is still valid finds nothing, and nothing says why.
# Instead: pyarrow or polars; store open ends as NULL.
# Source: the Parquet format, LogicalTypes.md, DATE and DECIMAL. fastparquet/converted_types.py, convert: DATE is data * DAYS_TO_NANOS, viewed as datetime64[ns]; timestamps are read in their own unit.
. "$(dirname "$0")/lib.sh"
python_with fastparquet==2026.9.0 pandas==3.1.1 duckdb==2.0.1
seen=$("$python" -W ignore - <<'END'
import duckdb
import fastparquet

days = ("2020-06-15", "2262-04-11", "2262-04-12", "9999-12-31", "0001-01-01")
values = ", ".join(f"(DATE '{day}', TIMESTAMP '{day}', 12345678901234.5678::DECIMAL(18, 4))" for day in days)
duckdb.sql(f"COPY (SELECT * FROM (VALUES {values}) AS t (day, time, amount)) TO 'days.parquet'")
frame = fastparquet.ParquetFile("days.parquet").to_pandas()
for day, row in zip(days, frame.itertuples()):
    print(day, row.day.date(), row.time.date(), row.amount)
END
)
expect "date that was written; as a date, as a timestamp; the amount 12345678901234.5678" '2020-06-15 2020-06-15 2020-06-15 12345678901234.568
2262-04-11 2262-04-11 2262-04-11 12345678901234.568
2262-04-12 1677-09-21 2262-04-12 12345678901234.568
9999-12-31 1816-03-29 9999-12-31 12345678901234.568
0001-01-01 1754-08-30 0001-01-01 12345678901234.568' "$seen"
