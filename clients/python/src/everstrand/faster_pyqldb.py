"""Makes pyqldb 3 faster in this process. `import everstrand.faster_pyqldb` does it; nothing else in this package does.

pyqldb writes each parameter as Ion three times and hashes it, all in Python, which takes longer than the ledger takes for the
transaction. After this import the native module writes and hashes values of Python's own types, once. Others go the old way.
"""

from __future__ import annotations

from typing import Any

import ionhash  # noqa: F401  (gives the values of amazon.ion their method `ion_hash`)
from amazon.ion.simpleion import dumps
from pyqldb.communication.session_client import SessionClient
from pyqldb.transaction.transaction import Transaction
from pyqldb.util.qldb_hash import QldbHash

from ._native import encode

#: The types whose values the native module writes as amazon.ion does.
_PLAIN = {type(None), bool, int, float, str, bytes}


def _is_plain(value: Any) -> bool:
    kind = type(value)
    if kind is dict:
        return all(type(name) is str and _is_plain(field) for name, field in value.items())
    if kind is list or kind is tuple:
        return all(map(_is_plain, value))
    return kind in _PLAIN


class _Encoded:
    """A parameter in binary Ion, with its hash. pyqldb takes it for a value of amazon.ion."""

    __slots__ = ("binary", "hash")
    ion_annotations = ()

    def __init__(self, value: Any):
        self.binary, self.hash = encode(value)

    def ion_hash(self, _algorithm: str) -> bytes:
        return self.hash


_to_ion = Transaction._to_ion
_to_qldb_hash = QldbHash.to_qldb_hash


def _faster_to_ion(value: Any) -> Any:
    return _Encoded(value) if _is_plain(value) else _to_ion(value)


def _faster_to_qldb_hash(value: Any) -> QldbHash:
    return QldbHash(encode(value)[1]) if type(value) is str else _to_qldb_hash(value)


def _faster_to_value_holder(parameter: Any) -> dict:
    return {"IonBinary": parameter.binary if type(parameter) is _Encoded else dumps(parameter)}


Transaction._to_ion = staticmethod(_faster_to_ion)
QldbHash.to_qldb_hash = staticmethod(_faster_to_qldb_hash)
SessionClient._to_value_holder = staticmethod(_faster_to_value_holder)
