#!/usr/bin/env bash
# transit-python2 0.8.321 writes a time without a zone in verbose JSON, which transit-js 0.8.874 reads in the reader's own zone.
#
# One would expect: Transit times are instants, in milliseconds (~m) or as text in UTC (~t…Z). A datetime without a zone is refused, as the writers of compact JSON and of MessagePack do, or is UTC in every mode.
# What happens: the verbose writer writes isoformat(), without a zone and with microseconds. transit-js takes such text for the local time of its machine, so that one document means another instant in Tokyo than in UTC. The compact form of a time with
#   a zone has milliseconds, the verbose form of the same time microseconds.
# Why it matters: verbose JSON is what one turns on to look at a stream, and to keep it. The times of a Datomic or XTDB peer differ by hours from what was written.
# Instead: datetime.now(timezone.utc), always with a zone; compact JSON.
# Source: the Transit format's table of types: "t" is a point in time, RFC 3339 with milliseconds and the zone Z. transit/write_handlers.py, VerboseDateTimeHandler.rep.
. "$(dirname "$0")/lib.sh"
python_with transit-python2==0.8.321
node_with transit-js@0.8.874
cat >write.py <<'END'
import io
import sys
from datetime import datetime, timezone
from transit.writer import Writer

for time in (datetime(2020, 1, 1, 12, 0, 0, 123456), datetime(2020, 1, 1, 12, 0, 0, 123456, timezone.utc)):
    for form in ("json", "json_verbose"):
        file = io.StringIO()
        try:
            Writer(file, form).write(time)
            print(file.getvalue())
        except TypeError:
            print("refused")
END
cat >read.mjs <<'END'
import transit from "transit-js";
import { readFileSync } from "node:fs";

for (const line of readFileSync("written", "utf8").trimEnd().split("\n"))
  console.log(line === "refused" ? line : `${line} ${transit.reader("json").read(line).toISOString()}`);
END
"$python" -W ignore write.py >written
expect "without a zone: compact, verbose; in UTC: compact, verbose; each with what a reader in Tokyo takes it for" "refused
{\"~#'\":\"~t2020-01-01T12:00:00.123456\"} 2020-01-01T03:00:00.123Z
[\"~#'\",\"~m1577880000123\"] 2020-01-01T12:00:00.123Z
{\"~#'\":\"~t2020-01-01T12:00:00.123456+00:00\"} 2020-01-01T12:00:00.123Z" "$(TZ=Asia/Tokyo node read.mjs)"
