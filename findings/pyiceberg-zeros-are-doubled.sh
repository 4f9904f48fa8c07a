#!/usr/bin/env bash
# pyiceberg 0.12.0 writes two rows as four when their partitions are 0.0 and -0.0.
#
# One would expect: an append of two rows adds two rows, whatever column the table is partitioned by.
# What happens: the two zeros are two partitions, and the rows of each are picked with ==, for which the zeros are equal. Each of the two files gets both rows. The append of a NaN, which equals nothing, finds no row for its partition, and raises ZeroDivisionError.
# Why it matters: balances and differences are zero, and -0.0 is what a sum of negative amounts that are cleared gives. Sums and counts over the table are too high, without an error.
# Instead: partition by a decimal, a date or a text; add 0.0 to the column before the append, which makes the zeros one.
# Source: the Iceberg specification, "Partition Transforms", identity, and "Partition Data": -0.0 and 0.0 are different partition values. pyiceberg/io/pyarrow.py, _determine_partitions: the rows of a partition are filtered by the values of its key.
. "$(dirname "$0")/lib.sh"
python_with 'pyiceberg[sql-sqlite]==0.12.0' pyarrow==26.0.1
cat >append.py <<'END'
import os
import pyarrow as pa
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.transforms import IdentityTransform
from pyiceberg.types import DoubleType, LongType, NestedField

catalog = SqlCatalog("local", uri="sqlite:///catalog.db", warehouse="file://" + os.getcwd())
catalog.create_namespace("n")
schema = Schema(NestedField(1, "balance", DoubleType(), required=False), NestedField(2, "amount", LongType(), required=False))
by_balance = PartitionSpec(PartitionField(1, 1000, IdentityTransform(), "by_balance"))
for name, balances in (("zeros", [0.0, -0.0]), ("others", [1.0, 2.0]), ("nan", [float("nan")])):
    rows = pa.table({"balance": balances, "amount": [10] * len(balances)})
    table = catalog.create_table("n." + name, schema, partition_spec=by_balance)
    try:
        table.append(rows)
        print(balances, "appended", rows.num_rows, "read", table.scan().to_arrow().num_rows, "sum", sum(table.scan().to_arrow().column("amount").to_pylist()))
    except Exception as error:
        print(balances, type(error).__name__)
END
expect "rows of 10 each" "[0.0, -0.0] appended 2 read 4 sum 40
[1.0, 2.0] appended 2 read 2 sum 20
[nan] ZeroDivisionError" "$("$python" -W ignore append.py 2>/dev/null)"
