"""One ledger, with Python values."""

from __future__ import annotations

import os
import random
import time
from contextlib import contextmanager
from typing import Any, Callable, Iterator, TypeVar

from . import _native
from .errors import ConflictError
from .ledgers import Ledgers
from .verification import verify_revision

Result = TypeVar("Result")

#: How often a transaction is run again after a conflict, as in QLDB's drivers.
RETRIES = 4


class Transaction:
    """An open transaction. Its statements are committed together or not at all."""

    def __init__(self, native: _native.Transaction, as_ion: bool):
        self._native = native
        self._as_ion = as_ion

    @property
    def id(self) -> str:
        """The id of the transaction."""
        return self._native.id

    def execute(self, statement: str, *parameters: Any) -> list:
        """Runs a statement with a value for each `?`, and returns all rows."""
        rows = self._native.execute(statement, parameters, as_ion=self._as_ion)
        if not self._as_ion:
            return rows
        from amazon.ion.simpleion import loads

        return [loads(row) for row in rows]


class Ledger:
    """A ledger in memory, or in a folder if `path` names one.

    `values="plain"` returns plain Python values, which know neither annotations nor the difference between a symbol and a string;
    `values="ion"` returns those of amazon.ion. Parameters may be either.

    Several threads may use a ledger at once. In a folder one process uses it at a time.
    """

    def __init__(self, path: str | os.PathLike | None = None, *, name: str = "ledger", values: str = "plain"):
        if values not in ("plain", "ion"):
            raise ValueError(f"values is 'plain' or 'ion', not {values!r}")
        self.name = name
        self.ledgers = Ledgers(path)
        self._as_ion = values == "ion"
        self.ledgers.create(name)

    def execute(self, statement: str, *parameters: Any) -> list:
        """Runs one statement in a transaction of its own, and again after a conflict. Returns all rows."""
        return self.run(lambda transaction: transaction.execute(statement, *parameters))

    def run(self, work: Callable[[Transaction], Result]) -> Result:
        """Calls `work` with an open transaction, commits it, and returns what `work` returned.

        After a conflict `work` is called again with a new transaction, at most four times, so it should do nothing else. If it
        raises, the transaction is rolled back.
        """
        for attempt in range(RETRIES + 1):
            try:
                with self.transaction() as transaction:
                    return work(transaction)
            except ConflictError:
                if attempt == RETRIES:
                    raise
                time.sleep(random.uniform(0, 0.01 * 2**attempt))
        raise AssertionError("the last attempt returns or raises")

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """An open transaction, committed at the end of the `with` block and rolled back if the block raises."""
        native = self.ledgers.native.start_transaction(self.name)
        try:
            yield Transaction(native, self._as_ion)
        except BaseException:
            native.abort()
            raise
        native.commit()

    def digest(self) -> dict:
        """The digest of the whole journal, as `get_digest` of boto3 returns it. Keep it outside of the ledger's folder."""
        return self.client("qldb").get_digest(Name=self.name)

    def verify(self, table: str, document_id: str, digest: dict | None = None) -> str:
        """Verifies the latest revision of a document under a digest, by default the present one.

        Returns what was checked. Raises `VerificationError` if something does not hold.
        """
        native = self.ledgers.native.start_transaction(self.name)
        try:
            found = native.execute(f'SELECT * FROM "_ql_committed_{table}" BY id WHERE id = ?', (document_id,), as_ion=False)
        finally:
            native.abort()
        if not found:
            raise ValueError(f"table {table} has no current document {document_id}")
        return verify_revision(self.client("qldb"), self.name, found[0], digest)

    def client(self, service: str) -> Any:
        """A client of boto3 on this ledger: `qldb-session` or `qldb`. Needs botocore."""
        return self.ledgers.client(service)

    def boto3_session(self) -> Any:
        """A session of boto3 whose clients `qldb-session` and `qldb` are this ledger. Needs boto3."""
        return self.ledgers.boto3_session()

    def serve(self, address: str = "127.0.0.1:0") -> _native.Endpoint:
        """The ledger over HTTP, on a loopback address, until the endpoint is closed or forgotten. Its `url` has the port."""
        return self.ledgers.native.serve(address)

    def close(self) -> None:
        """Closes the ledger. A folder can then be opened again."""
        self.ledgers.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
