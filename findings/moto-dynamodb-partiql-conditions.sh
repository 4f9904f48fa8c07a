#!/usr/bin/env bash
# py-partiql-parser 0.6.3, the PartiQL of moto's DynamoDB: DELETE and UPDATE ignore every condition but =, and <> means =.
#
# One would expect: DELETE … WHERE id = 'a' AND balance < 5 deletes the item if both hold, AND binds tighter than OR, and kind <> 'x' finds what is not x.
# What happens: an item whose balance is 9 is deleted, and changed, by conditions with <, >, <>, IS MISSING or attribute_not_exists. In SELECT kind <> 'x' finds the items whose kind is x; of IN only the first value counts; A OR B AND C finds nothing where A holds and C does not; BETWEEN finds nothing.
# Why it matters: such conditions are how a program that moved from a ledger to DynamoDB keeps "only if unchanged". A test against moto sees the item deleted where DynamoDB answers ConditionalCheckFailedException, and the code for that case is never run.
# Instead: DynamoDB Local, or the operations that are not PartiQL with a ConditionExpression, which moto evaluates by other code.
# Source: DynamoDB's documentation, "PartiQL delete statements" and "PartiQL operators". moto, moto/dynamodb/models, execute_statement. py_partiql_parser/_internal/delete_parser.py, update_parser.py and where_parser.py: "Default - should we error instead if fn != '=='?".
. "$(dirname "$0")/lib.sh"
python_with py-partiql-parser==0.6.3
seen=$("$python" - <<'END'
from py_partiql_parser import DynamoDBStatementParser

for statement in (
    "SELECT id FROM t WHERE kind = 'x'",
    "SELECT id FROM t WHERE kind <> 'x'",
    "SELECT id FROM t WHERE id IN ['a', 'b']",
    "SELECT id FROM t WHERE id = 'a' OR id = 'b' AND kind = 'y'",
    "SELECT id FROM t WHERE balance BETWEEN 1 AND 20",
    "DELETE FROM t WHERE id = 'a' AND kind = 'y'",
    "DELETE FROM t WHERE id = 'a' AND kind <> 'x'",
    "DELETE FROM t WHERE id = 'a' AND balance < 5",
    "DELETE FROM t WHERE id = 'a' AND kind IS MISSING",
    "UPDATE t SET kind = 'z' WHERE id = 'a' AND balance > 100",
):
    items = [{"id": {"S": "a"}, "balance": {"N": "9"}, "kind": {"S": "x"}}, {"id": {"S": "b"}, "balance": {"N": "10"}, "kind": {"S": "x"}}]
    found, changes = DynamoDBStatementParser(source_data={"t": items}).parse(statement)
    print(statement, "->", *(item["id"]["S"] for item in found), *("delete " + before["id"]["S"] if after is None else "change " + before["id"]["S"] for before, after in changes.get("t", [])))
END
)
expect "statement over item a (balance 9, kind x) and item b (10, x); what it finds, deletes or changes" "SELECT id FROM t WHERE kind = 'x' -> a b
SELECT id FROM t WHERE kind <> 'x' -> a b
SELECT id FROM t WHERE id IN ['a', 'b'] -> a
SELECT id FROM t WHERE id = 'a' OR id = 'b' AND kind = 'y' ->
SELECT id FROM t WHERE balance BETWEEN 1 AND 20 ->
DELETE FROM t WHERE id = 'a' AND kind = 'y' ->
DELETE FROM t WHERE id = 'a' AND kind <> 'x' -> delete a
DELETE FROM t WHERE id = 'a' AND balance < 5 -> delete a
DELETE FROM t WHERE id = 'a' AND kind IS MISSING -> delete a
UPDATE t SET kind = 'z' WHERE id = 'a' AND balance > 100 -> change a" "$seen"
