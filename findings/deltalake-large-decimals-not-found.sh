#!/usr/bin/env bash
# deltalake 1.6.6 does not find a decimal of 21 digits when it is asked for it.
#
# One would expect: to_pyarrow_table(filters=[("amount", "=", x)]) gives the row whose amount is x, as the same table without a filter shows it.
# What happens: the smallest and the largest value of each file stand in the log as numbers of JSON, which the library writes and reads as doubles. 1234567890123456789.12 is 1234567890123456768 there. The file is then passed over, because x lies outside of what it can hold.
#   polars 2.1.0 finds the row in the same table. With 15 digits both find it.
# Why it matters: amounts in small units, and ids kept as decimal(38, 0), have such lengths. A look-up, a check for duplicates before an append, or a reconciliation finds no row that is there, without an error.
# Instead: read without a filter and filter afterwards with pyarrow.compute, or polars.scan_delta.
# Source: the Delta protocol, "Per-file Statistics": the minimum and the maximum of the column, truncated for texts and times only. The log in the output.
. "$(dirname "$0")/lib.sh"
python_with deltalake==1.6.6 pyarrow==26.0.1 polars==2.1.0
cat >find.py <<'END'
import glob
import json
from decimal import Decimal
import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

for text in ("1234567890123.12", "1234567890123456789.12"):
    amount, folder = Decimal(text), "table" + text
    write_deltalake(folder, pa.table({"amount": pa.array([amount], pa.decimal128(38, 2))}))
    steps = [json.loads(line) for line in open(glob.glob(folder + "/_delta_log/*.json")[0])]
    maximum = next(json.loads(step["add"]["stats"])["maxValues"]["amount"] for step in steps if "add" in step)
    table = DeltaTable(folder)
    found = [table.to_pyarrow_table(filters=[("amount", operator, amount)]).num_rows for operator in ("=", ">=", "<=")]
    print(text, "| largest in the log", maximum, "| all", table.to_pyarrow_table().num_rows, "| =, >=, <=", *found, "| polars", pl.scan_delta(folder).filter(pl.col("amount") == amount).collect().height)
END
expect "a table of one row, and how many rows a filter for it finds" "1234567890123.12 | largest in the log 1234567890123.12 | all 1 | =, >=, <= 1 1 1 | polars 1
1234567890123456789.12 | largest in the log 1.2345678901234568e+18 | all 1 | =, >=, <= 0 0 0 | polars 1" "$("$python" find.py)"
