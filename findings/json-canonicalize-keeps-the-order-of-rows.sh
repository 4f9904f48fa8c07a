#!/usr/bin/env bash
# json-canonicalize 3.0.1 does not sort the fields of an ion-js row, nor of anything else with toJSON.
#
# One would expect: RFC 8785 output, with the fields of each object sorted, whatever the object is made of. JSON.stringify accepts an ion-js struct.
# What happens: where an object has toJSON, as each ion-js struct has, its result is written with JSON.stringify as it is. Two rows with the same fields in another order have two "canonical" forms. A Number
#   object is `{}`, and a hole in an array is left out.
# Why it matters: signatures and hashes over canonical JSON of a ledger's rows: a row that comes from another query, or from another server, has its fields in another order, and the signature does not hold.
#   (The package canonicalize 5.1.0 calls toJSON without its object, and so throws for each row.)
# Instead: canonicalize(JSON.parse(JSON.stringify(row))), or Ion Hash, which needs no JSON.
# Source: RFC 8785, section 3.2.3. json-canonicalize dist/index.js: `object.toJSON != null` is
#   treated like a scalar, with JSON.stringify.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1 json-canonicalize@3.0.1 canonicalize@5.1.0
seen=$(node -e '
const ion = require("ion-js");
const { canonicalize } = require("json-canonicalize");
import("canonicalize").then(({ default: other }) => {
  const rows = ["{owner: \"Ann\", amount: 5}", "{amount: 5, owner: \"Ann\"}"].map((text) => ion.load(text));
  for (const row of rows) console.log(canonicalize(row), canonicalize(JSON.parse(JSON.stringify(row))));
  console.log(canonicalize(new Number(5)), canonicalize([, 1]), other(new Number(5)), other([, 1]));
  try { other(rows[0]); } catch (error) { console.log(error.message); }
});
')
expect "a row in two orders of its fields, as it is and by way of JSON; a Number and a hole by json-canonicalize and by canonicalize; a row by canonicalize" '{"owner":"Ann","amount":5} {"amount":5,"owner":"Ann"}
{"amount":5,"owner":"Ann"} {"amount":5,"owner":"Ann"}
{} [1] 5 [null,1]
Cannot convert undefined or null to object' "$seen"
