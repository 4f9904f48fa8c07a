#!/usr/bin/env bash
# pymerkle 7.0.0 has the tree of RFC 6962, and proofs of its own.
#
# One would expect: the roots are those of RFC 6962 (they are), so the proofs are, too: an inclusion proof of the last of five entries is the one hash of the first four.
# What happens: entries count from 1. The path of an inclusion proof begins with the entry's own hash, and the consistency proof from 3 to 5 has the RFC's hashes in another order, with bits
#   ("rule", "subset") beside them.
# Why it matters: a verifier for transparency logs, checkpoints or our proofs refuses these, and pymerkle refuses theirs. Nothing but the path's order tells them apart.
# Instead: compute the paths by RFC 6962, section 2.1, or keep to pymerkle on both ends.
# Source: RFC 6962, sections 2.1.1 and 2.1.2. pymerkle/core.py, prove_inclusion and prove_consistency.
. "$(dirname "$0")/lib.sh"
python_with pymerkle==7.0.0
seen=$("$python" -W ignore - <<'END'
from hashlib import sha256
from pymerkle import InmemoryTree

leaf = lambda entry: sha256(b"\0" + entry).digest()
node = lambda left, right: sha256(b"\1" + left + right).digest()
a, b, c, d, e = (leaf(bytes([x])) for x in b"abcde")
names = {a: "a", b: "b", c: "c", d: "d", e: "e", node(a, b): "ab", node(c, d): "cd", node(node(a, b), node(c, d)): "abcd"}
tree = InmemoryTree(algorithm="sha256")
for entry in b"abcde":
    tree.append_entry(bytes([entry]))
print(tree.get_state() == node(node(node(a, b), node(c, d)), e))
print([names[bytes.fromhex(hash)] for hash in tree.prove_inclusion(5, 5).serialize()["path"]])
print([names[bytes.fromhex(hash)] for hash in tree.prove_consistency(3, 5).serialize()["path"]])
END
)
expect "the root is the RFC's; proof of entry e, where the RFC has abcd; consistency from 3 to 5, where the RFC has c, d, ab, e" 'True
['\''e'\'', '\''abcd'\'']
['\''d'\'', '\''c'\'', '\''ab'\'', '\''e'\'']' "$seen"
