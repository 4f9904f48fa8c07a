"""The commit digest, for tests that speak to the service without a driver."""

import hashlib

from amazon.ion.simple_types import IonPyText
from amazon.ion.core import IonType
from ionhash.hasher import hashlib_hash_function_provider


def ion_hash(value):
    if isinstance(value, str):
        value = IonPyText.from_value(IonType.STRING, value)
    return value.ion_hash(hash_function_provider=hashlib_hash_function_provider("sha256"))


def dot(a, b):
    signed = [[byte - 256 if byte > 127 else byte for byte in reversed(half)] for half in (a, b)]
    return hashlib.sha256(a + b if signed[0] < signed[1] else b + a).digest()


def commit_digest(transaction_id, *statements):
    """`statements` are texts, or tuples of a text and Ion values."""
    digest = ion_hash(transaction_id)
    for statement in statements:
        text, *parameters = (statement,) if isinstance(statement, str) else statement
        said = ion_hash(text)
        for parameter in parameters:
            said = dot(said, ion_hash(parameter))
        digest = dot(digest, said)
    return digest
