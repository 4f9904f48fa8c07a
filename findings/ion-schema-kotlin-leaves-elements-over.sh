#!/usr/bin/env bash
# ion-schema-kotlin 1.2.1 finds [1, 2] invalid for "up to two ints, then an int".
#
# One would expect: ordered_elements describes which lists are valid. [1, 2] is one int and then an int.
# What happens: an element that also fits the type behind an optional one is taken for that type, and nothing is tried again: 1 is the last int, and 2 is left over. ["note", "total"] is invalid for "an optional value, then a string". The crate ion-schema 0.16.1 finds both valid.
# Why it matters: "any number of notes, then the total" and "optional header, then lines" are such lists. A document that one implementation has accepted into a ledger cannot be validated by the other.
# Instead: write types that cannot be taken for each other, or put the parts in fields of a struct.
# Source: Ion Schema Specification 1.0, "ordered_elements" and "occurs": minimum and maximum number of occurrences. ion-schema-kotlin OrderedElements.kt; ion-schema-rust src/ordered_elements_nfa.rs.
. "$(dirname "$0")/lib.sh"
seen=$(ion_schema_ask 'ordered_elements: [{type: int, occurs: range::[0, 2]}, int]' '[]' '[1]' '[1, 2]' '[1, 2, 3]' '[1, 2, 3, 4]'
ion_schema_ask 'ordered_elements: [{type: any, occurs: optional}, string]' '["total"]' '["note", "total"]' '[7, "total"]')
expect 'up to two ints, then one; then an optional value and a string: value; Kotlin; Rust' '[] invalid invalid
[1] valid valid
[1, 2] invalid valid
[1, 2, 3] invalid valid
[1, 2, 3, 4] invalid invalid
["total"] valid valid
["note", "total"] invalid valid
[7, "total"] valid valid' "$seen"
