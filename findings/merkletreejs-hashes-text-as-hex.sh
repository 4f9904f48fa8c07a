#!/usr/bin/env bash
# merkletreejs 0.6.0: with its own default hash function, the option hashLeaves gives "cafe" another hash than SHA-256 of the text.
#
# One would expect: with hashLeaves the tree hashes each leaf, and its default function is SHA-256; so the root is the same as of leaves that one hashed oneself, and as with Node.js's SHA-256.
# What happens: crypto-js, the default, answers no Buffer; then the text is taken for hexadecimal digits and hashed again. The leaf is not the hash of the text.
# Why it matters: a root that was published for a list of entries cannot be computed by any other program, nor by the same package with Node.js's function, and it does not vouch for the entries as they were written.
# Instead: hash the leaves yourself, new MerkleTree(entries.map(SHA256), SHA256), as the README does, or give a function that returns a Buffer.
# Source: the API's documentation, options.hashLeaves: "If set to true, the leaves will be hashed using the set hashing algorithms". dist/Base.js, bufferifyFn: enc.Hex.parse(value.toString('hex')), where value is a text.
. "$(dirname "$0")/lib.sh"
node_with merkletreejs@0.6.0 crypto-js@4.2.0
cat >leaves.mjs <<'END'
import { createHash } from "node:crypto";
import SHA256 from "crypto-js/sha256.js";
import { MerkleTree } from "merkletreejs";

const sha256 = (data) => createHash("sha256").update(data).digest();
const entries = ["cafe", "tea"];
const start = (tree) => tree.getLeaves().map((leaf) => leaf.toString("hex").slice(0, 8)).join(" ");
console.log("SHA-256 of the texts:", entries.map((entry) => sha256(entry).toString("hex").slice(0, 8)).join(" "));
console.log("hashed before:", start(new MerkleTree(entries.map((entry) => SHA256(entry)), SHA256)));
console.log("hashLeaves, node:crypto:", start(new MerkleTree(entries, sha256, { hashLeaves: true })));
console.log("hashLeaves, crypto-js:", start(new MerkleTree(entries, SHA256, { hashLeaves: true })));
console.log("hashLeaves, default:", start(new MerkleTree(entries, undefined, { hashLeaves: true })));
END
expect "the first eight digits of the leaves" 'SHA-256 of the texts: a860b858 a9f74d1e
hashed before: a860b858 a9f74d1e
hashLeaves, node:crypto: a860b858 a9f74d1e
hashLeaves, crypto-js: 03346f0e 1aa51ae5
hashLeaves, default: 03346f0e 1aa51ae5' "$(node leaves.mjs)"
