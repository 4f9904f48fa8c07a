#!/usr/bin/env bash
# ion-js 5.2.1 writes 23:59:59.9999999 in binary as 00:00:59.9999999 of the next day.
#
# One would expect: a timestamp that is read from text and written in binary is the same timestamp.
# What happens: the binary writer takes year, month, day, hour and minute from a Date that has been rounded to milliseconds, and the seconds with their fraction from the timestamp. Where the rounding reaches the next minute, the
#   written time is a minute late, and the day, the month and the year may be the next. In text the time stays. ion-hash-js 2.1.0 takes the same writer: its hash is that of a time a minute later.
# Why it matters: 2020-12-31T23:59:59.9999999Z, as .NET and SQL Server write the end of a year, is a time of 2021 in every binary file and message. The driver for QLDB sends a parameter in binary and hashes what it has written, so the time is a minute late and its
#   hash that of two minutes; a server refuses the commit, "Digests don't match".
# Instead: at most three digits of a fraction, or dumpText where text can be sent.
# Source: the specification, docs/spec.html, "Timestamps": the digits of a fraction are significant. dist/commonjs/es6/IonBinaryWriter.js, writeTimestamp: date.getUTCFullYear() to date.getUTCMinutes() of value.getDate(), then
#   value.getSecondsInt(); IonTimestamp.js, getDate: Math.round of the milliseconds.
. "$(dirname "$0")/lib.sh"
python_with pyqldb==3.2.4 boto3==1.40.60 botocore==1.40.60
node_with ion-js@5.2.1 ion-hash-js@2.1.0
seen=$(node -e '
const ion = require("ion-js");
for (const time of ["2020-12-31T23:59:59.9999999Z", "2020-06-30T23:59:59.999999+02:00", "2020-01-01T00:00:59.999Z"]) {
  const value = ion.load(time);
  console.log(ion.dumpText(value), ion.dumpText(ion.load(ion.dumpBinary(value))));
}
')
expect "in text, and in text after binary" '2020-12-31T23:59:59.9999999Z 2021-01-01T00:00:59.9999999Z
2020-06-30T23:59:59.999999+02:00 2020-07-01T00:00:59.999999+02:00
2020-01-01T00:00:59.999Z 2020-01-01T00:00:59.999Z' "$seen"
seen=$("$python" - <<'END'
import ionhash
from amazon.ion.simpleion import loads

print("ionhash", *(loads(time).ion_hash("sha256").hex()[:8] for time in ("2020-01-01T00:00:59.9999999Z", "2020-01-01T00:01:59.9999999Z")))
END
node -e '
const ion = require("ion-js"), { digest } = require("ion-hash-js");
console.log("ion-hash-js", Buffer.from(digest(ion.load("2020-01-01T00:00:59.9999999Z"), "sha256")).toString("hex").slice(0, 8));
')
expect "the hash of 00:00:59.9999999 and of 00:01:59.9999999, and what ion-hash-js says of the first" 'ionhash 4f30160e e1979072
ion-hash-js e1979072' "$seen"
