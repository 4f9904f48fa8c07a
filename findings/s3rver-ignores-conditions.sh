#!/usr/bin/env bash
# s3rver 3.7.1 answers 200 to each of two creators of one object.
#
# One would expect: a stand-in for S3 that does not know the header If-None-Match refuses it (501), as one that does answers 412 to the second creator.
# What happens: the header is ignored, for creating (If-None-Match: *) and for replacing (If-Match with another ETag). A listing of more objects than max-keys answers 500 on every Node.js since 17.
# Why it matters: a journal on object storage stands on "created exactly once". A test against this server passes with code that loses blocks, and the bug is met in production.
# Instead: a store that was seen to honour both: versitygw, SeaweedFS, or gofakes3 in memory for single PUTs.
# Source: S3's documentation, "Conditional writes". s3rver lib/controllers/object.js, putObject looks at no condition; lib/controllers/bucket.js enciphers the listing's token with "des".
. "$(dirname "$0")/lib.sh"
node_with s3rver@3.7.1
seen=$(node -e '
const S3rver = require("s3rver");
const server = new S3rver({ port: 0, address: "127.0.0.1", silent: true, directory: "store", configureBuckets: [{ name: "journal" }] });
server.run().then(async ({ port }) => {
  const at = `http://127.0.0.1:${port}/journal/`;
  const put = async (body, headers) => (await fetch(at + "slot", { method: "PUT", body, headers })).status;
  console.log(await put("first", { "If-None-Match": "*" }), await put("second", { "If-None-Match": "*" }), await (await fetch(at + "slot")).text());
  console.log(await put("third", { "If-Match": "\"0123\"" }), await (await fetch(at + "slot")).text());
  await fetch(at + "other", { method: "PUT", body: "" });
  console.log((await fetch(at + "?list-type=2")).status, (await fetch(at + "?list-type=2&max-keys=1")).status);
  await server.close();
  process.exit();
}, console.error);
')
expect "two creators and what is stored; a replacement of another ETag and what is stored; a listing, and one in pages" '200 200 second
200 third
200 500' "$seen"
