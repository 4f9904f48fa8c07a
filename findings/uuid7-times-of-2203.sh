#!/usr/bin/env bash
# uuid7 0.1.0 for Python makes ids of version 7 whose time all others read as the year 2203.
#
# One would expect: a UUID of version 7 begins with 48 bits of milliseconds since 1970, so that ids of all makers sort by time together, and whoever reads the time gets that of the making.
# What happens: the package called uuid7 divides the first 60 bits otherwise (36 bits of seconds, then fractions of them), and sets the same version. The id of 30 November 2026 is the one of 2203 for uuid-utils 1.2.0, uuid6 2025.0.1 and DuckDB 2.0.1,
#   and sorts behind every id that the others make in the next 176 years.
# Why it matters: version 7 is chosen for keys of append-only tables because it keeps their order and tells their time. With two makers in one table the order is wrong for good, and so is each `WHERE id < …` that means a time.
# Instead: uuid6 (its uuid7), uuid-utils, or uuid.uuid7 of Python 3.14.
# Source: RFC 9562, section 5.7: unix_ts_ms, 48 bits. The package's page says that it follows draft 02 of 2021, which the RFC has replaced; uuid_extensions/uuid7.py, uuid7.
. "$(dirname "$0")/lib.sh"
python_with uuid7==0.1.0 uuid-utils==1.2.0 uuid6==2025.0.1 duckdb==2.0.1
cat >make.py <<'END'
from uuid_extensions import uuid7

# Midnight of 30 November 2026, in nanoseconds.
print(uuid7(1_795_996_800 * 10**9))
END
cat >read.py <<'END'
import sys
from datetime import datetime, timezone
from uuid import UUID
import duckdb, uuid6, uuid_utils

made = sys.argv[1]
print("version", UUID(made).version)
print("uuid-utils", datetime.fromtimestamp(uuid_utils.UUID(made).timestamp / 1000, timezone.utc).date())
print("uuid6", datetime.fromtimestamp(uuid6.UUID(made).time / 1000, timezone.utc).date())
print("DuckDB", duckdb.execute("SELECT uuid_extract_timestamp(?::UUID) AT TIME ZONE 'UTC'", [made]).fetchone()[0].date())
print("after an id that uuid-utils makes now:", made > str(uuid_utils.uuid7()))
END
made=$("$python" make.py)
expect "the id of 30 November 2026, as others read it" "version 7
uuid-utils 2203-02-12
uuid6 2203-02-12
DuckDB 2203-02-12
after an id that uuid-utils makes now: True" "$("$python" read.py "$made")"
