#!/usr/bin/env bash
# dynamodb-json 1.4.2 for Python reads an item with an attribute called S, M or BOOL as that attribute alone, and writes times without their offset and sets as lists.
#
# One would expect: DynamoDB JSON of an item is read as the item, with all attributes, whatever their names are; exact numbers stay exact, a time with an offset is the same instant afterwards, and a set is SS or NS.
# What happens: an object that has a key of a type's name is taken for a typed value: {"size": {"M": {"S": …, "M": …}}} is the value of S, and what stands beside it is gone. A number with a fraction becomes a float. 00:00+05:00 is written as 00:00 without a zone, and a set of Python as L.
# Why it matters: sizes S, M and L, and units such as N, are natural names of fields. The package is made for moving items between DynamoDB and JSON, as one does between a ledger and DynamoDB; what is lost on the way is not missed.
# Instead: boto3.dynamodb.types.TypeDeserializer and TypeSerializer, which keep Decimal and all names; times as texts of one's own.
# Source: Amazon DynamoDB's developer guide, "Data type descriptors": an attribute's value is an object of one descriptor, the names around it are free. dynamodb_json/json_util.py, object_hook and json_serial.
. "$(dirname "$0")/lib.sh"
python_with dynamodb-json==1.4.2 boto3==1.40.60 simplejson==4.3.0
cat >read.py <<'END'
import json
from datetime import datetime, timedelta, timezone
from boto3.dynamodb.types import TypeDeserializer
from dynamodb_json import json_util

for item in ('{"stock": {"M": {"S": {"N": "3"}, "XL": {"N": "5"}}}}', '{"N": {"S": "north"}, "S": {"S": "south"}}', '{"amount": {"N": "1234567890.12345678901"}}'):
    by_boto3 = {name: TypeDeserializer().deserialize(value) for name, value in json.loads(item).items()}
    print(json_util.loads(item), "|", by_boto3)
print(json_util.dumps({"at": datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=5))), "tags": {"a"}}))
END
expect "items as dynamodb-json reads them, and boto3; then what is written of midnight at +05:00 and of a set" "{'stock': '3'} | {'stock': {'S': Decimal('3'), 'XL': Decimal('5')}}
south | {'N': 'north', 'S': 'south'}
{'amount': 1234567890.1234567} | {'amount': Decimal('1234567890.12345678901')}
{\"at\": {\"S\": \"2020-01-01T00:00:00.000000\"}, \"tags\": {\"L\": [{\"S\": \"a\"}]}}" "$("$python" -W ignore read.py)"
