"""The exceptions of this package. The embedded boto3 clients raise botocore's instead."""

from __future__ import annotations


class EverstrandError(Exception):
    """The ledger refused something.

    `name` is the name of QLDB's exception, such as `BadRequestException`; `code` is QLDB's number of the error as text, such as
    `412` for a table that exists, or None.
    """

    def __init__(self, message: str, name: str = "", code: str | None = None):
        super().__init__(message)
        self.name = name
        self.code = code


class ConflictError(EverstrandError):
    """Another transaction changed what this one has read. Running this one again may succeed."""


class VerificationError(Exception):
    """Evidence does not hold. The message has a line for each step."""


def of_service(name: str, message: str, code: str | None) -> EverstrandError:
    """The exception for an answer of the engine."""
    kind = ConflictError if name == "OccConflictException" else EverstrandError
    return kind(message, name, code)
