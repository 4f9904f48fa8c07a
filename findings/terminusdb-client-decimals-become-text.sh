#!/usr/bin/env bash
# terminusdb-client 10.2.6 writes a Decimal and None as texts, a float as an exact decimal, and reads a time in UTC without its zone.
#
# One would expect: Decimal("1.50") as the object of a triple is an xsd:decimal, the float 1.5 an xsd:double, a date an xsd:date; None is refused. A time that ends in Z is read in UTC.
# What happens: what is no int, float, bool or datetime is written as str() of it with the type xsd:string: the Decimal is the text "1.50", None the text "None", bytes the text "b'x'". Floats are xsd:decimal, as if they were exact. A date has the type xsd:dateTime without a time.
#   On the way back 12:00:00Z has no zone, and 12:00:00+05:00 has one, so that the two cannot be compared.
# Why it matters: TerminusDB is a store with history to which ledgers are moved. Amounts of care (Decimal) become text there, on which no sum and no comparison works, and amounts by accident (float) become exact; "None" is a value like another.
# Instead: {"@type": "xsd:decimal", "@value": "1.50"} and the like, written by hand; skip None; replace a missing tzinfo by UTC after reading.
# Source: W3C, XML Schema Part 2, decimal, double, date. TerminusDB's documentation, "Data types". terminusdb_client/woqlquery/woql_query.py, _clean_object; woql_type.py, datetime_from_woql.
. "$(dirname "$0")/lib.sh"
python_with terminusdb-client==10.2.6
seen=$("$python" -W ignore - <<'END'
from datetime import date
from decimal import Decimal
from terminusdb_client import WOQLQuery
from terminusdb_client.woql_type import datetime_from_woql

for value in (1, 1.5, Decimal("1.50"), None, b"x", date(2020, 1, 1)):
    data = WOQLQuery().add_triple("account", "amount", value).to_dict()["object"]["data"]
    print(repr(value), data["@type"], repr(data["@value"]))
for text in ("2020-01-01T12:00:00Z", "2020-01-01T12:00:00+05:00"):
    print(text, datetime_from_woql(text, "xsd:dateTime").isoformat())
END
)
expect "value, type and value in the query; a time from the database, as it is read" '1 xsd:integer 1
1.5 xsd:decimal 1.5
Decimal('\''1.50'\'') xsd:string '\''1.50'\''
None xsd:string '\''None'\''
b'\''x'\'' xsd:string "b'\''x'\''"
datetime.date(2020, 1, 1) xsd:dateTime '\''2020-01-01'\''
2020-01-01T12:00:00Z 2020-01-01T12:00:00
2020-01-01T12:00:00+05:00 2020-01-01T12:00:00+05:00' "$seen"
