#!/usr/bin/env bash
# Pins: partiql-lang-kotlin 0.2.7
# partiql-lang-kotlin 0.2.7: CAST of any text but 'true' to BOOL is false.
#
# One would expect: 'yes', '1' or 'maybe' is an error, as text that is no number is for CAST AS INT, or at least '1' is true.
# What happens: every text except "true" (in any case) is false. For floats minus zero is true, and zero false.
# Why it matters: `WHERE CAST(approved AS BOOL)` over imported data leaves out '1', 'yes', 'Y' and ' true', and WHERE NOT takes them in.
# Instead: compare the text: approved IN ('true', 'yes', '1').
# Source: PartiQL's documentation of CAST. org/partiql/lang/eval/ExprValueExtensions.kt, cast, the branch for BOOL.
. "$(dirname "$0")/lib.sh"
seen=$(partiql_ask "CAST('TRUE' AS BOOL)" "CAST('yes' AS BOOL)" "CAST('1' AS BOOL)" "CAST(1 AS BOOL)" "CAST(' true' AS BOOL)" "CAST('x' AS INT)" 'CAST(`0e0` AS BOOL)' 'CAST(`-0e0` AS BOOL)')
expect "a query and its answer" 'CAST('\''TRUE'\'' AS BOOL)  ->  true
CAST('\''yes'\'' AS BOOL)  ->  false
CAST('\''1'\'' AS BOOL)  ->  false
CAST(1 AS BOOL)  ->  true
CAST('\'' true'\'' AS BOOL)  ->  false
CAST('\''x'\'' AS INT)  ->  can'\''t convert string value to INT
CAST(`0e0` AS BOOL)  ->  false
CAST(`-0e0` AS BOOL)  ->  true' "$seen"
