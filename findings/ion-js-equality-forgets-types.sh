#!/usr/bin/env bash
# ion-js 5.2.1: ionEquals says that a list is an s-expression, and a clob a blob.
#
# One would expect: ionEquals is documented as strict equality of the Ion data model, where a list is never equal to an s-expression,
#   nor a clob to a blob. Annotations, precision and the sign of zero do count in it, and are respected.
# What happens: lists and s-expressions are compared by their elements only, clobs and blobs by their bytes only.
# Why it matters: "has this document changed?" is answered with no when a list became an s-expression; the Ion hash, and so the
#   revision's hash in a ledger, says yes.
# Instead: compare getType() along the way, or compare the binary encodings or Ion hashes.
# Source: ion-js dist/commonjs/es6/dom/Sequence.js and dom/Lob.js, _valueEquals(): the other value may be of either type. The
#   specification, docs/spec.html: list and sexp, clob and blob are types of their own.
. "$(dirname "$0")/lib.sh"
node_with ion-js@5.2.1
seen=$(node -e '
const ion = require("ion-js");
for (const [a, b] of [["[1, a]", "(1 a)"], ["{{aGk=}}", "{{\"hi\"}}"], ["x::1", "1"], ["1.0", "1.00"], ["0.", "-0."]])
  console.log(a, b, ion.load(a).ionEquals(ion.load(b)));
')
expect "two values, and ionEquals" '[1, a] (1 a) true
{{aGk=}} {{"hi"}} true
x::1 1 false
1.0 1.00 false
0. -0. false' "$seen"
