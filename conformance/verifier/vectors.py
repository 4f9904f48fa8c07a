#!/usr/bin/env python3
"""Holds verify.py against the project's test vectors: vectors.py FOLDER."""
import os, sys

from verify import *

def main(folder):
    bad = []
    def load(name): return read_values(read_file(os.path.join(folder, name)))[0]
    def check(what, good): bad.extend([] if good else [what])
    record = load("02-streams-block-3.ion")
    check("02 block", not check_shape(get(get(record, "block_summary"), "payload"), None).bad)
    for name, value in record.content:
        if name.startswith("revision_details"):
            problems = revision_problems(get(get(value, "payload"), "revision"))
            check("02 " + name, (not problems) == name.endswith("original"))
    names = [("digest", "digest"), ("digestTipAddress", "digest_tip_address"), ("blockAddress", "block_address"),
             ("revisionHash", "revision_hash"), ("proof", "proof_ion_text")]
    for receipt in content(load("03-qldb-rest-api.ion"), "receipts"):
        check("03", not proof_problems(fields(*[(ours, get(receipt, theirs)) for ours, theirs in names])))
    for sample in load("08-statement-digests.ion").content:
        digest = fold(ion_hash(get(sample, "statement")), [ion_hash(p) for p in content(sample, "parameters")])
        check("08", digest == hash_of(get(sample, "statementDigest")))
    for name, good in (("real", True), ("edited", False)):
        for revision in content(load("09-qldb-wallet.ion"), name):
            check("09 " + name, (not revision_problems(revision)) == good)
    row = load("10-mini-driver-binary.ion")
    decoded = one(content(row, "ion_binary"))
    check("10", ion_hash(decoded) == ion_hash(get(row, "decoded")) and revision_problems(decoded))
    shapes, leaves = load("14-merkle-shapes-synthetic.ion"), [sha(i.to_bytes(4, "big")) for i in range(200)]
    for sample in content(shapes, "roots"):
        check("14 root", root(leaves[:content(sample, "n")]) == hash_of(get(sample, "root")))
    for sample in content(shapes, "proofs"):
        n, i, nodes = content(sample, "n"), content(sample, "i"), [hash_of(p) for p in content(sample, "proof")]
        check("14 proof", fold(leaves[i], nodes) == root(leaves[:n]) and len(nodes) == path_length(i, n - 1))
    for sample in load("15-dot-synthetic.ion").content:
        check("15", join(hash_of(get(sample, "a")), hash_of(get(sample, "b"))) == hash_of(get(sample, "dot")))
    for sample in load("16-ion-hash-edge-cases.ion").content:
        hashed = ion_hash(next(read_text(content(sample, "text"))))
        check("16 " + content(sample, "text"), hashed == hash_of(get(sample, "sha256")))
    print("\n".join(bad) or "all vectors hold")
    return 1 if bad else 0

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
