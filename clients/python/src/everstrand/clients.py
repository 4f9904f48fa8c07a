"""Clients with the operations of boto3's `qldb` and `qldb-session`, over ledgers in this process.

The operations, their parameters, results and exceptions are those of the service models, and botocore itself checks parameters, reads
errors and names exceptions. Between client and ledger there is no HTTP. Commands of a session, which drivers send most, are not even
written as JSON.
"""

from __future__ import annotations

import functools
import json
from typing import Any, Callable
from urllib.parse import quote, urlencode

from botocore import xform_name
from botocore.client import ClientMeta
from botocore.config import Config
from botocore.errorfactory import ClientExceptionsFactory
from botocore.exceptions import UnknownServiceError
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from . import aws
from .ledgers import Ledgers

#: The services that a client can be made for, with the version of their interface.
SERVICES = {"qldb": "2019-01-02", "qldb-session": "2019-07-11"}


class _Service:
    """What all clients of a service share: its model, and what botocore makes of it."""

    def __init__(self, name: str):
        file = aws.FOLDER / name / SERVICES[name] / "service-2.json"
        self.model = ServiceModel(json.loads(file.read_text()), name)
        self.serializer = create_serializer(self.model.protocol)
        self.parser = create_parser(self.model.protocol)
        self.exceptions = ClientExceptionsFactory().create_client_exceptions(self.model)
        self.operations = {xform_name(operation): operation for operation in self.model.operation_names}


@functools.lru_cache(maxsize=None)
def _service(name: str) -> _Service:
    if name not in SERVICES:
        raise UnknownServiceError(service_name=name, known_service_names=", ".join(SERVICES))
    return _Service(name)


class EmbeddedClient:
    """A client of boto3 on embedded ledgers. It has the operations of its service, `exceptions`, `meta` and `close`.

    It sends no events, and it neither signs nor retries.
    """

    def __init__(self, ledgers: Ledgers, service: str, config: Config | None = None):
        self._service = _service(service)
        self._ledgers = ledgers
        self._client_config = config or Config()
        if service == "qldb-session":
            self.send_command = self._send_command

    @property
    def exceptions(self) -> Any:
        """The exceptions of the service."""
        return self._service.exceptions

    @functools.cached_property
    def meta(self) -> ClientMeta:
        """What boto3's clients say about themselves."""
        config = Config(region_name="us-east-1").merge(self._client_config)
        return ClientMeta(HierarchicalEmitter(), config, "everstrand:", self._service.model, self._service.operations, "aws")

    def can_paginate(self, _operation_name: str) -> bool:
        """No operation of the two services has a paginator."""
        return False

    def close(self) -> None:
        """Does nothing, because the ledgers may have other clients."""

    def __getattr__(self, name: str) -> Callable[..., dict]:
        operation = self.__dict__.get("_service") and self._service.operations.get(name)
        if not operation:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

        def call(*arguments: Any, **parameters: Any) -> dict:
            if arguments:
                raise TypeError(f"{name}() only accepts keyword arguments.")
            return self._make_api_call(operation, parameters)

        call.__name__ = name
        self.__dict__[name] = call
        return call

    def _send_command(self, *arguments: Any, **request: Any) -> dict:
        if arguments:
            raise TypeError("send_command() only accepts keyword arguments.")
        answer = self._ledgers.native.send_command(request)
        if type(answer) is dict:
            return answer
        if answer is None:
            return self._make_api_call("SendCommand", request)
        return self._result("SendCommand", *answer)

    def _make_api_call(self, operation_name: str, parameters: dict) -> dict:
        """Runs an operation through botocore's own checks and its own form of the request."""
        service = self._service
        model = service.model.operation_model(operation_name)
        request = service.serializer.serialize_to_request(parameters, model)
        query = urlencode(request["query_string"], doseq=True, quote_via=quote) if request["query_string"] else ""
        headers = [(name, str(value)) for name, value in request["headers"].items()]
        body = request["body"]
        body = body.encode() if isinstance(body, str) else bytes(body)
        path = quote(request["url_path"], safe="/%~")
        return self._result(operation_name, *self._ledgers.native.handle(request["method"], path, query, headers, body))

    def _result(self, operation_name: str, status: int, headers: list, body: bytes) -> dict:
        service = self._service
        answer = {"status_code": status, "headers": {name.lower(): value for name, value in headers}, "body": body}
        result = service.parser.parse(answer, service.model.operation_model(operation_name).output_shape)
        result["ResponseMetadata"]["RetryAttempts"] = 0
        if status < 300:
            return result
        code = result.get("Error", {}).get("Code")
        modelled = service.model.shape_for_error_code(code)
        if modelled is not None:
            # As in botocore, the exception has the members that the model gives it.
            result.update(service.parser.parse(answer, modelled))
        raise service.exceptions.from_code(code)(result, operation_name)
