//! Blocks, hashes, digests and proofs: what an auditor needs, and nothing of a database.
