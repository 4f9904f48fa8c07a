#!/usr/bin/env bash
# Pins: partiql-lang-kotlin 0.2.7
# partiql-lang-kotlin 0.2.7: NOT IN is true beside NULL, and for what is no collection.
#
# One would expect: SQL's rule that `1 NOT IN (2, NULL)` is NULL, because nobody knows what NULL is, and an error for `1 NOT IN 7`. `=` of the same interpreter keeps the rule.
# What happens: both are true, and NULL IN (1, NULL) is true.
# Why it matters: "everybody who is not on the list" includes those whose list has a gap, or is absent, or is one value where a list was meant. A statement that ran on QLDB and runs on a SQL database selects, updates or deletes other rows.
# Instead: `EXISTS(SELECT … WHERE x = y)`, or check with IS LIST before.
# Source: the PartiQL specification, section on NULL and MISSING in operators. org/partiql/lang/eval/EvaluatingCompiler.kt, compileNAryIn: looks for an equal element, where NULL equals NULL.
. "$(dirname "$0")/lib.sh"
seen=$(partiql_ask "1 = NULL" "1 NOT IN (2, NULL)" "NULL IN (1, NULL)" "1 NOT IN 7" "1 NOT IN MISSING" "SELECT VALUE p.name FROM [{'name': 'Ann', 'banned': ['Eve']}, {'name': 'Bob'}] AS p WHERE 'Eve' NOT IN p.banned")
expect "a query and its answer" '1 = NULL  ->  null
1 NOT IN (2, NULL)  ->  true
NULL IN (1, NULL)  ->  true
1 NOT IN 7  ->  true
1 NOT IN MISSING  ->  true
SELECT VALUE p.name FROM [{'\''name'\'': '\''Ann'\'', '\''banned'\'': ['\''Eve'\'']}, {'\''name'\'': '\''Bob'\''}] AS p WHERE '\''Eve'\'' NOT IN p.banned  ->  ["Bob"]' "$seen"
