#!/usr/bin/env bash
# Pins: partiql-lang-kotlin 0.2.7
# partiql-lang-kotlin 0.2.7: SELECT * makes {_1: {}} of an empty struct, and a literal loses fields whose name is no text.
#
# One would expect: SELECT * of a row without fields is a row without fields; {1: 'a'} is an error, because a name has to be text.
# What happens: the empty struct is taken for a value without names, like a number, and gets the name _1. Of a struct literal the fields whose name is a number or NULL are left out, without an error.
# Why it matters: a document whose fields were all removed comes back with a field that it never had; INSERT of a struct with computed names loses values.
# Instead: SELECT VALUE t FROM t; CAST(name AS STRING) as the name.
# Source: the PartiQL specification: SELECT * makes a tuple of the variables' tuples. EvaluatingCompiler.kt: `unnamed` values are those without bindings in order; compileStruct skips names that are not text.
. "$(dirname "$0")/lib.sh"
seen=$(partiql_ask "SELECT * FROM [{}, {'a': 1}, 5] AS q" "SELECT VALUE q FROM [{}, {'a': 1}, 5] AS q" "{1: 'a', 'b': 2}" "{'b': 2}")
expect "a query and its answer" 'SELECT * FROM [{}, {'\''a'\'': 1}, 5] AS q  ->  [{_1:{}},{a:1},{_1:5}]
SELECT VALUE q FROM [{}, {'\''a'\'': 1}, 5] AS q  ->  [{},{a:1},5]
{1: '\''a'\'', '\''b'\'': 2}  ->  {b:2}
{'\''b'\'': 2}  ->  {b:2}' "$seen"
