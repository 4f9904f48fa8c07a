#!/usr/bin/env python3
"""Whether the journal under an old digest is the beginning of that under a newer one; docs/journal-format.md, section 2.

prefix.py OLD NEW [PROOF]   files with {digest, digestTipAddress}; the proof in NEW, or a list of hashes of its own
prefix.py lines FILE        lines of {expect, old, new}, judged one by one
Exit status: 0 verified, 1 not verified, 2 unusable."""

import sys

from verify import UNUSABLE, content, dot, get, hash_of, member, need, read_file, read_text, read_values, saved_digest

def continues(old, new, nodes):
    (old_digest, a, _), (new_digest, b, _) = old, new  # the strands may differ where the ledger was restored (section 5)
    need(a <= b, "the older digest comes first")
    if a == b:
        return not nodes and old_digest == new_digest
    nodes = ([old_digest] if a & (a + 1) == 0 else []) + nodes
    if not nodes:
        return False
    while a & 1:
        a, b = a >> 1, b >> 1
    old_root = new_root = nodes[0]
    for node in nodes[1:]:
        if b == 0:
            return False
        if a & 1 or a == b:
            old_root = dot(node, old_root)
            while a & 1 == 0 and a:
                a, b = a >> 1, b >> 1
        new_root = dot(node, new_root)
        a, b = a >> 1, b >> 1
    return b == 0 and old_root == old_digest and new_root == new_digest

def judge(old, new, proof):
    nodes = [hash_of(node) for node in proof.content]
    return continues(saved_digest(old), saved_digest(new), nodes)

def main(arguments):
    try:
        if arguments[:1] == ["lines"] and len(arguments) == 2:
            values = [next(read_text(line)) for line in read_file(arguments[1]).decode().splitlines()]
            found = [judge(get(v, "old"), get(v, "new"), member(get(v, "new"), "proof")) for v in values]
            wrong = [n for n, (v, is_so) in enumerate(zip(values, found)) if is_so != content(v, "expect")]
            return print("%d lines, judged otherwise than expected: %s" % (len(values), wrong)) or len(wrong) > 0
        if len(arguments) not in (2, 3):
            return print(__doc__) or 2
        old, new, *rest = [read_values(read_file(name))[0] for name in arguments]
        is_so = judge(old, new, rest[0] if rest else member(new, "proof"))
        return print("verified" if is_so else "NOT VERIFIED") or not is_so
    except UNUSABLE as error:
        return print("unusable: %s" % error) or 2

if __name__ == "__main__":
    sys.exit(int(main(sys.argv[1:])))
