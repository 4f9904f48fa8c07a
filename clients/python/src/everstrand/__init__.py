"""A ledger database compatible with Amazon QLDB, in the process of the interpreter: no server and no socket.

* `Ledger` is one ledger with Python values: `Ledger()` in memory, `Ledger("folder")` on disk.
* `boto3_session()` is a boto3 session whose clients `qldb` and `qldb-session` are embedded ledgers, so that pyqldb runs on them;
  `client()` makes such a client alone.
* `verify()` checks digests, revisions and proofs, whether they are QLDB's or ours; `verify_revision()` fetches them first.
* `everstrand.aws` brings QLDB's service models back to today's boto3, for servers elsewhere.
* The pytest plugin has the fixtures `ledger`, `qldb_driver` and `qldb_endpoint`.

`python -m everstrand` runs the program of the same name, which is a server, a shell and an auditor.
"""

from .errors import ConflictError, EverstrandError, VerificationError
from .ledger import Ledger, Transaction
from .ledgers import Ledgers, boto3_session, client
from .values import Timestamp
from .verification import verify, verify_revision

__all__ = [
    "ConflictError",
    "EverstrandError",
    "Ledger",
    "Ledgers",
    "Timestamp",
    "Transaction",
    "VerificationError",
    "boto3_session",
    "client",
    "verify",
    "verify_revision",
]
__version__ = "0.1.0"
