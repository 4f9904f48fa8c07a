"""Many ledgers under names, and clients of boto3 on them."""

from __future__ import annotations

import os
from typing import Any
from weakref import WeakValueDictionary

from . import _native


class Ledgers:
    """Ledgers in memory, or in a folder, which may be the data folder of a server that does not run.

    With `create_ledgers` a session with an unknown ledger creates it; without, it is refused, as by a server.
    """

    def __init__(self, path: str | os.PathLike | None = None, *, create_ledgers: bool = True, strict: bool = False):
        self.native = _native.Service(None if path is None else os.fspath(path), create_ledgers=create_ledgers, strict=strict)

    def create(self, name: str) -> None:
        """Creates a ledger unless one has this name."""
        self.native.create_ledger(name)

    def client(self, service: str) -> Any:
        """A client `qldb-session` or `qldb` of boto3 that works on these ledgers. Needs botocore."""
        from .clients import EmbeddedClient

        return EmbeddedClient(self, service)

    def boto3_session(self, **arguments: Any) -> Any:
        """A session of boto3 whose clients `qldb-session` and `qldb` work on these ledgers. Needs boto3."""
        from .session import EmbeddedSession

        return EmbeddedSession(self, **arguments)

    def close(self) -> None:
        """Closes all ledgers. A folder can then be opened again."""
        self.native.close()


#: The ledgers of `client` and `boto3_session` by their folder. A folder can be opened once in a process.
_opened: WeakValueDictionary[tuple, Ledgers] = WeakValueDictionary()
#: The ledgers in memory of `client`. They live as long as the process, as boto3's default session does.
_in_memory: dict[bool, Ledgers] = {}


def _ledgers(path: str | os.PathLike, create_ledgers: bool) -> Ledgers:
    key = (os.path.realpath(os.fspath(path)), create_ledgers)
    found = _opened.get(key)
    if found is None:
        found = _opened[key] = Ledgers(path, create_ledgers=create_ledgers)
    return found


def client(service: str, path: str | os.PathLike | None = None, *, create_ledgers: bool = True) -> Any:
    """A client `qldb-session` or `qldb` of boto3 on embedded ledgers: those in a folder, or the process's own in memory."""
    if path is not None:
        return _ledgers(path, create_ledgers).client(service)
    if create_ledgers not in _in_memory:
        _in_memory[create_ledgers] = Ledgers(create_ledgers=create_ledgers)
    return _in_memory[create_ledgers].client(service)


def boto3_session(path: str | os.PathLike | None = None, *, create_ledgers: bool = True, **arguments: Any) -> Any:
    """A session of boto3 whose clients `qldb-session` and `qldb` work on embedded ledgers: those in a folder, or new ones in memory.

    For pyqldb: `QldbDriver("cars", boto3_session=everstrand.boto3_session())`. Other services work as in any session; `arguments`
    are those of `boto3.Session`.
    """
    ledgers = Ledgers(create_ledgers=create_ledgers) if path is None else _ledgers(path, create_ledgers)
    return ledgers.boto3_session(**arguments)
