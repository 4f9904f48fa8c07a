#!/usr/bin/env bash
# ion-schema-kotlin 1.2.1: the codepoint_length of a name with U+20BB7 is one too many.
#
# One would expect: codepoint_length counts code points, which the specification chose because they are unambiguous.
# What happens: characters beyond U+FFFF count twice, as they do in Java's length(). The crate ion-schema 0.16.1 counts them once. utf8_byte_length, a constraint of the same kind, is right in both.
# Why it matters: U+20BB7 is a common form of a Japanese family name, and there are some hundred such characters in registers of persons. A document that is valid for the Rust writer is refused by the Java reader, and a name of the
#   least length is taken that should not be.
# Instead: utf8_byte_length for storage bounds; otherwise a bound that is generous.
# Source: Ion Schema Specification 1.0, "codepoint_length". ion-schema-kotlin, CodepointLength.kt.
. "$(dirname "$0")/lib.sh"
seen=$(ion_schema_ask 'codepoint_length: 2' '"\u5409\u91ce"' '"\U00020BB7\u91ce"' '"\U00020BB7"'
ion_schema_ask 'utf8_byte_length: 7' '"\U00020BB7\u91ce"')
expect 'codepoint_length 2, then utf8_byte_length 7: value; Kotlin; Rust' '"\u5409\u91ce" valid valid
"\U00020BB7\u91ce" invalid valid
"\U00020BB7" valid invalid
"\U00020BB7\u91ce" valid valid' "$seen"
