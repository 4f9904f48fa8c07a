#!/usr/bin/env bash
# pyarrow 26.0.1 with times of amazon.ion 0.15.0: a column holds clock readings beside instants in UTC, depending on its first row.
#
# One would expect: times with an offset and times whose offset is unknown do not go into one column, or the digits and offsets are kept; a Timestamp of nine digits keeps them.
# What happens: the first value decides. If its offset is unknown (-00:00, or a day), the column has no zone, and every other time is written as its reading in UTC: 12:00+05:30 is 06:30. If the first one has an offset, unknown ones are taken for UTC, and the column is in the zone of the
#   first. Digits beyond the sixth are cut, without the error that pyarrow raises for its own casts.
# Why it matters: a Parquet file of a ledger's rows has another time for one and the same document when another document stands before it.
# Instead: two columns, the instant and the offset, or the text of Ion; an explicit type, pa.timestamp("ns", "UTC"), and nanoseconds as ints.
# Source: Ion's specification, "Timestamps": an unknown offset is not UTC. pyarrow's documentation, "Timestamps": casts that would lose data raise. amazon/ion/core.py: Timestamp is a datetime, whose tzinfo is None for an unknown offset.
. "$(dirname "$0")/lib.sh"
python_with amazon.ion==0.15.0 pyarrow==26.0.1
seen=$("$python" - <<'END'
import pyarrow
from amazon.ion.simpleion import loads

texts = ["2020-01-01T12:00:00-00:00", "2020-01-01T12:00:00+05:30", "2020-01-01T12:00:00.123456789Z"]
for order in (texts, [texts[1], texts[0], texts[2]]):
    column = pyarrow.array([loads(text) for text in order])
    print(column.type)
    for text, value in zip(order, column.cast(pyarrow.timestamp("us", column.type.tz)).to_pylist()):
        print(" ", text, value.isoformat())
END
)
expect "the type of the column; each time and what the column has" 'timestamp[us]
  2020-01-01T12:00:00-00:00 2020-01-01T12:00:00
  2020-01-01T12:00:00+05:30 2020-01-01T06:30:00
  2020-01-01T12:00:00.123456789Z 2020-01-01T12:00:00.123456
timestamp[us, tz=+05:30]
  2020-01-01T12:00:00+05:30 2020-01-01T12:00:00+05:30
  2020-01-01T12:00:00-00:00 2020-01-01T17:30:00+05:30
  2020-01-01T12:00:00.123456789Z 2020-01-01T17:30:00.123456+05:30' "$seen"
