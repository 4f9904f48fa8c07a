#!/usr/bin/env bash
# ion-schema-kotlin 1.2.1 and the crate ion-schema 0.16.1 each find texts valid for a regular expression that the specification rules out.
#
# One would expect: Ion Schema has a small language of regular expressions of its own, so that one schema means the same everywhere: \d is 0 to 9, \w is a to z, A to Z, 0 to 9 and _, and $ is the end of the input.
# What happens: in Rust \d takes the digits of every script, and \w every letter. In Kotlin $ also holds before a line feed at the end. So one finds "é" a word and the other does not, and one finds "12" with a line feed behind it a number.
# Why it matters: a schema guards account numbers and ids on both ends of a queue. What one end has checked is refused at the other, or stored with digits that no later program can add up.
# Instead: write classes out: [0-9] and [A-Za-z0-9_]; for Kotlin add codepoint_length.
# Source: Ion Schema Specification 1.0, "regex", the tables of features and classes. ion-schema-rust src/constraint.rs hands the text to the crate regex, whose classes are Unicode's; ion-schema-kotlin Regex.kt to java.util.regex, find().
. "$(dirname "$0")/lib.sh"
seen=$(ion_schema_ask 'regex: "^\\d+$"' '"12"' '"\u0661\u0662"' '"12\n"'
ion_schema_ask 'regex: "^\\w+$"' '"e_1"' '"\u00e9_1"' '"e_1\n"')
expect 'for ^\d+$, then for ^\w+$: value; Kotlin; Rust' '"12" valid valid
"\u0661\u0662" invalid valid
"12\n" valid invalid
"e_1" valid valid
"\u00e9_1" invalid valid
"e_1\n" valid invalid' "$seen"
