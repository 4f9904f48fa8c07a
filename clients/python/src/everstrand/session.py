"""A session of boto3 with embedded clients."""

from __future__ import annotations

from typing import Any

import boto3.session

from .clients import SERVICES, EmbeddedClient
from .ledgers import Ledgers


class EmbeddedSession(boto3.session.Session):
    """A session of boto3 whose clients `qldb` and `qldb-session` are ledgers in this process.

    What boto3 itself sets up, it sets up when something else is asked of the session, because it takes longer than a test.
    """

    def __init__(self, ledgers: Ledgers, **arguments: Any):
        self.ledgers = ledgers
        self._arguments = arguments

    def client(self, service_name: str, *arguments: Any, config: Any = None, **others: Any) -> Any:
        """A client. For the two services of QLDB it is embedded, and arguments about regions, endpoints and keys have no effect."""
        if service_name in SERVICES:
            return EmbeddedClient(self.ledgers, service_name, config)
        return super().client(service_name, *arguments, config=config, **others)

    def __getattr__(self, name: str) -> Any:
        # Python asks here for what boto3's `__init__` would have set.
        if name == "_arguments" or "_arguments" not in self.__dict__:
            raise AttributeError(name)
        arguments = self.__dict__.pop("_arguments")
        super().__init__(**arguments)
        return getattr(self, name)
