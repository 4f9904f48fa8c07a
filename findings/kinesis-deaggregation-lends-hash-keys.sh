#!/usr/bin/env bash
# aws_kinesis_agg 1.2.3 for Python and aws-kinesis-agg 4.2.8 for Node.js give a record the explicit hash key of another one.
#
# One would expect: of three records that were packed into one, only the second with an explicit hash key, only the second has one after unpacking.
# What happens: all three have it. The field of the protocol buffer is optional, and where it is absent the unpackers read its default, the index 0, which is the first key of the table.
# Why it matters: QLDB's streams, and their successors, are delivered through Kinesis in this format. A consumer that re-publishes records by their hash key sends those of other documents to the wrong
#   shard, where their order against each other is lost.
#   (The Python package also needs `six` and does not say so: its import fails in a fresh environment.)
# Instead: take the explicit hash key only where the producer sets one on every record, or parse the message and ask HasField.
# Source: aws_kinesis_agg/deaggregator.py, _create_user_record: `if ehks and ehks[mr.explicit_hash_key_index] is not None`; the definition in the aggregation format of the Kinesis Producer Library: "optional uint64 explicit_hash_key_index".
. "$(dirname "$0")/lib.sh"
python_with aws-kinesis-agg==1.2.3 protobuf==7.36.2 six==1.17.0
node_with aws-kinesis-agg@4.2.8
seen=$("$python" - <<'END'
import base64
from aws_kinesis_agg import aggregator, deaggregator

packer = aggregator.RecordAggregator()
for key, data, hash_key in (("a", b"1", None), ("b", b"2", "77"), ("c", b"3", None)):
    packer.add_user_record(key, data, hash_key)
partition_key, _, data = packer.clear_and_get().get_contents()
record = {"kinesis": {"kinesisSchemaVersion": "1.0", "partitionKey": partition_key, "sequenceNumber": "1", "approximateArrivalTimestamp": 0,
                      "data": base64.b64encode(data).decode()},
          "eventSource": "aws:kinesis", "eventVersion": "1.0", "eventID": "1", "eventName": "record", "invokeIdentityArn": "", "awsRegion": "", "eventSourceARN": ""}
print("Python", [(user["kinesis"]["partitionKey"], user["kinesis"]["explicitHashKey"]) for user in deaggregator.deaggregate_records([record])])
open("packed", "w").write(record["kinesis"]["data"])
END
node -e '
const record = { partitionKey: "a", sequenceNumber: "1", data: require("fs").readFileSync("packed", "utf8") };
require("aws-kinesis-agg").deaggregateSync(record, true, (error, users) => console.log("Node.js", JSON.stringify(users.map((user) => [user.partitionKey, user.explicitPartitionKey]))));
')
expect "partition key and explicit hash key of each; only b was given one" 'Python [('\''a'\'', '\''77'\''), ('\''b'\'', '\''77'\''), ('\''c'\'', '\''77'\'')]
Node.js [["a","77"],["b","77"],["c","77"]]' "$seen"
