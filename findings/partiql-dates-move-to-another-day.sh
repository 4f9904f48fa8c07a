#!/usr/bin/env bash
# Pins: partiql-lang-kotlin 0.2.7
# partiql-lang-kotlin 0.2.7: TO_TIMESTAMP takes the 31st of February for the 28th.
#
# One would expect: a date that does not exist is an error, as it is for CAST and for TO_TIMESTAMP without a pattern.
# What happens: with a pattern the day is moved to the last one of the month. There is no error.
# Why it matters: typing errors in due dates, and dates in the wrong order of day and month, become dates that nobody gave; QLDB's statements of those years were run by this interpreter, so that ledgers hold such dates.
# Instead: parse dates in the application; use CAST(text AS TIMESTAMP).
# Source: PartiQL's documentation of TO_TIMESTAMP says nothing of it. org/partiql/lang/eval/builtins/TimestampParser.kt: java.time's formatter, whose default
#   resolver style is SMART.
. "$(dirname "$0")/lib.sh"
seen=$(partiql_ask "TO_TIMESTAMP('2019-02-31', 'yyyy-MM-dd')" "TO_TIMESTAMP('31/04/2019', 'dd/MM/yyyy')" "TO_TIMESTAMP('2019-02-31')" "CAST('2019-02-31' AS TIMESTAMP)")
expect "a query and its answer" 'TO_TIMESTAMP('\''2019-02-31'\'', '\''yyyy-MM-dd'\'')  ->  2019-02-28
TO_TIMESTAMP('\''31/04/2019'\'', '\''dd/MM/yyyy'\'')  ->  2019-04-30
TO_TIMESTAMP('\''2019-02-31'\'')  ->  Timestamp was not a valid ion timestamp
CAST('\''2019-02-31'\'' AS TIMESTAMP)  ->  can'\''t convert string value to TIMESTAMP' "$seen"
