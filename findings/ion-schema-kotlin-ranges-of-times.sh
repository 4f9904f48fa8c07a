#!/usr/bin/env bash
# ion-schema-kotlin 1.2.1: 2000-06-15 lies in no range of timestamps, and the specification's own range of precisions is refused.
#
# One would expect: a timestamp without an offset, such as a day or a year, stands for the instant in UTC, and lies in a range if that does. range::[exclusive::second, max], an example of the specification, is "any timestamp with fractional seconds".
# What happens: every timestamp with an unknown offset is invalid for every range; only the bounds must have an offset. A precision range with max cannot be loaded. NaN and the infinities, which are outside of a range of numbers, are a NumberFormatException.
#   The crate ion-schema 0.16.1 answers as the specification says.
# Why it matters: QLDB's documents are full of days (2000-06-15). A schema that asks for dates of this century refuses all of them in Java, and none in Rust.
# Instead: timestamp_precision for days, and the range in the application.
# Source: Ion Schema Specification 1.0, "RANGE<TIMESTAMP>", "RANGE<NUMBER>", "timestamp_precision". ion-schema-kotlin, RangeIonTimestamp.kt and RangeIonTimestampPrecision.kt.
. "$(dirname "$0")/lib.sh"
seen=$(ion_schema_ask 'valid_values: range::[2000-01-01T00:00:00Z, 2001-01-01T00:00:00Z]' 2000-06-15T12:00:00Z 2000-06-15T12:00:00-00:00 2000-06-15 2000-06T 1999-06-15
ion_schema_ask 'timestamp_precision: range::[exclusive::second, max]' 2000-06-15T12:00:00Z 2000-06-15T12:00:00.5Z
ion_schema_ask 'valid_values: range::[0, 9]' 5e0 nan +inf)
expect 'the year 2000; precisions beyond the second; numbers from 0 to 9: value; Kotlin; Rust' '2000-06-15T12:00:00Z valid valid
2000-06-15T12:00:00-00:00 invalid valid
2000-06-15 invalid valid
2000-06T invalid valid
1999-06-15 invalid invalid
2000-06-15T12:00:00Z InvalidSchemaException invalid
2000-06-15T12:00:00.5Z InvalidSchemaException valid
5e0 valid valid
nan NumberFormatException invalid
+inf NumberFormatException invalid' "$seen"
