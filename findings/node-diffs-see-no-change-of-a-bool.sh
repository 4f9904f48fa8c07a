#!/usr/bin/env bash
# microdiff 1.6.0, deep-diff 1.0.2, deep-object-diff 1.1.9, jsondiffpatch 0.7.7 and rfc6902 5.4.0 see no difference between two rows of ion-js 5.2.1 whose true has become false.
#
# One would expect: a library that compares objects says what is different between two revisions of a document.
# What happens: ion-js makes a Boolean object of each bool of a row. Such an object has no properties of its own, so that these five libraries find nothing to compare in it. {approved: true} and {approved: false} are the same for them, without an error,
#   while numbers, texts and times of the same rows are compared. just-diff 6.0.2 and node:util's isDeepStrictEqual see the change.
# Why it matters: "what has changed between two revisions" is the question that one keeps a ledger for. An audit page, or a job that copies only what has changed, passes over every flag that was set or cleared.
# Instead: compare ion.dumpText of both rows; or JSON.parse(JSON.stringify(row)) of both, which makes plain values of them, and loses precision of numbers.
# Source: ion-js, src/dom/Boolean.ts: class Boolean extends the Boolean of JavaScript. microdiff index.js: richTypes names Date, RegExp, String and Number. ECMAScript, "Boolean Objects": the value is an internal slot.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1 jsbi@4.3.2 microdiff@1.6.0 deep-diff@1.0.2 deep-object-diff@1.1.9 jsondiffpatch@0.7.7 rfc6902@5.4.0 just-diff@6.0.2
cat >compare.mjs <<'END'
import { isDeepStrictEqual } from "node:util";
import deepDiff from "deep-diff";
import { diff as deepObjectDiff } from "deep-object-diff";
import * as ion from "ion-js";
import { diff as jsondiffpatch } from "jsondiffpatch";
import { diff as justDiff } from "just-diff";
import microdiff from "microdiff";
import { createPatch } from "rfc6902";

const number = [ion.load("{amount: 1, approved: true}"), ion.load("{amount: 2, approved: true}")];
const bool = [ion.load("{amount: 1, approved: true}"), ion.load("{amount: 1, approved: false}")];
const different = (answer) => (answer && Object.keys(answer).length ? "different" : "same");
const libraries = {
  microdiff, "deep-diff": (a, b) => deepDiff.diff(a, b), "deep-object-diff": deepObjectDiff, jsondiffpatch: (a, b) => jsondiffpatch(a, b), rfc6902: createPatch, "just-diff": justDiff,
  "node:util": (a, b) => (isDeepStrictEqual(a, b) ? [] : [1]),
};
for (const [name, compare] of Object.entries(libraries)) console.log(name, different(compare(...number)), different(compare(...bool)));
END
expect "a library; two rows whose amount differs; two rows whose bool differs" "microdiff different same
deep-diff different same
deep-object-diff different same
jsondiffpatch different same
rfc6902 different same
just-diff different different
node:util different different" "$(node compare.mjs)"
