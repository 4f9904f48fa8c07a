#!/usr/bin/env bash
# Pins: partiql-lang-kotlin 0.2.7
# partiql-lang-kotlin 0.2.7: SUBSTRING and DATE_ADD take a number modulo 2^32.
#
# One would expect: a start, length or number of days beyond 2^31 is an error, as an overflow in arithmetic is.
# What happens: the number is cut to its lower 32 bits. Adding 4,294,967,297 days adds one day, and a substring of so many characters has one.
# Why it matters: seconds since 1970, the usual operand of DATE_ADD(second, …), are beyond 2^31 from 2038 on. The first second of 2100 becomes a day of 1963: due dates of long contracts lie in the past.
# Instead: add days and seconds apart; compute in the application.
# Source: org/partiql/lang/eval/builtins/DateAddExprFunction.kt and SubstringExprFunction.kt call intValue(), which is numberValue().toInt().
. "$(dirname "$0")/lib.sh"
seen=$(partiql_ask 'DATE_ADD(day, 4294967297, `2000-01-01T`)' 'DATE_ADD(second, 4102444800, `1970-01-01T00:00:00Z`)' "SUBSTRING('abcdef', 2, 4294967297)" "SUBSTRING('abcdef', 4294967298)" "9223372036854775807 + 1")
expect "a query and its answer" 'DATE_ADD(day, 4294967297, `2000-01-01T`)  ->  2000-01-02
DATE_ADD(second, 4102444800, `1970-01-01T00:00:00Z`)  ->  1963-11-25T17:31:44Z
SUBSTRING('\''abcdef'\'', 2, 4294967297)  ->  "b"
SUBSTRING('\''abcdef'\'', 4294967298)  ->  "bcdef"
9223372036854775807 + 1  ->  Int overflow or underflow' "$seen"
