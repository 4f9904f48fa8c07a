#!/usr/bin/env bash
# deltalake 1.6.6 commits a partition of -1.50 as "-1.-50", and the table cannot be read from then on.
#
# One would expect: an append to a Delta table that is partitioned by a decimal writes the partition as "-1.50", or is refused and leaves the table as it was.
# What happens: the sign is written before the digits on both sides of the point. The version is committed to the log first; then write_deltalake raises, because it cannot parse what it wrote. All of the table, also the rows that it held before, is unreadable in
#   its newest version. -1.00 is written well, -0.05 as "0.-5".
# Why it matters: amounts, rates and offsets of bookings are negative half of the time. One such row takes a table of history away from all its readers.
# Instead: partition by a text or a date. The version before it is still read by its number, DeltaTable(folder, version=0).
# Source: the Delta protocol, "Partition Value Serialization": decimal types are translated to strings. The log in the output.
. "$(dirname "$0")/lib.sh"
python_with deltalake==1.6.6 pyarrow==26.0.1
cat >write.py <<'END'
import glob
import json
from decimal import Decimal
import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

for rate in ("1.50", "-1.50"):
    rows = pa.table({"rate": pa.array([Decimal(rate)], pa.decimal128(10, 2)), "id": [rate]})
    try:
        write_deltalake("rates", rows, partition_by=["rate"], mode="append")
        print("written", rate)
    except Exception as error:
        print("written", rate, type(error).__name__, error)
steps = [json.loads(line) for name in sorted(glob.glob("rates/_delta_log/*.json")) for line in open(name)]
print("the log", *(step["add"]["partitionValues"] for step in steps if "add" in step))
try:
    print("read", DeltaTable("rates").to_pyarrow_table().num_rows)
except Exception as error:
    print("read", type(error).__name__, error)
print("read, version 0:", DeltaTable("rates", version=0).to_pyarrow_table().num_rows, "row")
END
expect "two appends of one row each, and the table after them" "written 1.50
written -1.50 DeltaError Kernel error: Failed to parse value '-1.-50' as 'decimal(10,2)'
the log {'rate': '1.50'} {'rate': '-1.-50'}
read DeltaError Kernel error: Failed to parse value '-1.-50' as 'decimal(10,2)'
read, version 0: 1 row" "$("$python" write.py)"
