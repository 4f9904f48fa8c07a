#!/usr/bin/env bash
# ion-js 5.2.1: Object.keys, the spread operator and Object.assign see none of a struct's fields.
#
# One would expect: a struct, so a row of the Node driver for QLDB, reads like an object: row.name works, `row.name = 1` sets a
#   field, delete row.name removes it, JSON.stringify(row) has all fields.
# What happens: Object.keys(row) is ["_fields"]. {...row} and Object.assign({}, row) are an object with the library's inner field and
#   not one of the row's; `"name" in row` is false. As a parameter such a copy throws "jsValue.toString is not a function".
# Why it matters: an API that answers {...row, status: "paid"}, the usual way to change one field of an object, sends the library's inside
#   in place of the document; a loop over Object.entries(row) finds nothing to check or to copy.
# Instead: row.fieldNames(), Object.fromEntries(row.fields()), or set the field on the row itself.
# Source: ion-js dist/commonjs/es6/dom/Struct.js: the constructor returns a Proxy with set, get and deleteProperty, and without ownKeys,
#   has and getOwnPropertyDescriptor.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
const row = ion.load("{id: 7, status: \"open\"}");
console.log(JSON.stringify(row), row.status.stringValue());
console.log(JSON.stringify(Object.keys(row)), "status" in row);
console.log(JSON.stringify({ ...row, status: "paid" }));
try { ion.dumpText({ ...row, status: "paid" }); } catch (error) { console.log(error.message); }
console.log(ion.dumpText({ ...Object.fromEntries(row.fields()), status: "paid" }));
')
expect "JSON and one field; Object.keys and in; a copy by spread as JSON and as Ion; a copy by fields()" '{"id":7,"status":"open"} open
["_fields"] false
{"_fields":{"id":[7],"status":["open"]},"status":"paid"}
jsValue.toString is not a function
{id:7,status:"paid"}' "$seen"
