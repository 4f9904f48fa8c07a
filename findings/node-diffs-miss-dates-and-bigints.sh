#!/usr/bin/env bash
# rfc6902 5.4.0 sees no difference between two Dates, just-diff 6.0.2 none within one second, and jsondiffpatch 0.7.7 none between two BigInts.
#
# One would expect: new Date("2020-01-01") and new Date("2021-01-01") are different, as are 9007199254740993n and 1n. rfc6902 says of its deep copy that it takes Dates.
# What happens: rfc6902 compares the properties of a Date, which has none: the patch is empty. just-diff compares what String makes of a Date, which has no milliseconds. jsondiffpatch has no case for a BigInt, and answers undefined, which means "no difference". deep-diff 1.0.2 and microdiff 1.6.0 see both changes.
# Why it matters: rows of SQL databases have Dates, and sums or sequence numbers are BigInts. A history that is made of such patches leaves a changed due date or a changed sum out, for good: the state that is built from the patches is the old one.
# Instead: deep-diff or microdiff; or texts in place of Dates and BigInts (JSON's own form) on both sides.
# Source: RFC 6902 speaks of JSON. rfc6902 util.js, objectType and clone, which has a case for Date; diff.js, diffAny compares objects by their keys. ECMAScript, Date.prototype.toString: to the second. jsondiffpatch, filters/trivial.js: undefined, null, number, boolean, string, function and object.
. "$(dirname "$0")/lib.sh"
node_with rfc6902@5.4.0 just-diff@6.0.2 jsondiffpatch@0.7.7 deep-diff@1.0.2 microdiff@1.6.0
cat >compare.mjs <<'END'
import deepDiff from "deep-diff";
import { diff as jsondiffpatch } from "jsondiffpatch";
import { diff as justDiff } from "just-diff";
import microdiff from "microdiff";
import { createPatch } from "rfc6902";

const dates = (...texts) => texts.map((text) => ({ due: new Date(text) }));
const pairs = [dates("2020-01-01", "2021-01-01"), dates("2020-01-01T00:00:00.001Z", "2020-01-01T00:00:00.002Z"), [{ sum: 9007199254740993n }, { sum: 1n }]];
const libraries = { rfc6902: createPatch, "just-diff": justDiff, jsondiffpatch: (a, b) => jsondiffpatch(a, b), "deep-diff": (a, b) => deepDiff.diff(a, b), microdiff };
for (const [name, compare] of Object.entries(libraries)) {
  const answers = pairs.map((pair) => compare(...pair)).map((answer) => (answer && Object.keys(answer).length ? "different" : "same"));
  console.log(name, ...answers);
}
END
expect "a library; two Dates, a year apart; two Dates, a millisecond apart; two BigInts" "rfc6902 same same different
just-diff different same different
jsondiffpatch different different same
deep-diff different different different
microdiff different different different" "$(node compare.mjs)"
