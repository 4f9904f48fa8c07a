"""What the tests stand on: the server under test, ledgers in it, and HTTP without a client library."""

import http.client
import json
import os
import time
import uuid
from urllib.parse import urlsplit

import boto3
import pytest
from server import Server

for name, value in {
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_REGION": "us-east-1",
    "AWS_DEFAULT_REGION": "us-east-1",
    # No machine has to be asked for credentials.
    "AWS_EC2_METADATA_DISABLED": "true",
}.items():
    os.environ.setdefault(name, value)


@pytest.fixture(scope="session")
def endpoint():
    """The server under test."""
    if "EVERSTRAND_ENDPOINT" not in os.environ:
        pytest.skip("EVERSTRAND_ENDPOINT names no server")
    return os.environ["EVERSTRAND_ENDPOINT"]


@pytest.fixture
def start_server():
    """Starts servers, and ends those that the test leaves running."""
    if "EVERSTRAND_BINARY" not in os.environ:
        pytest.skip("EVERSTRAND_BINARY names no program")
    servers = []

    def start(*arguments):
        servers.append(Server(*arguments))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


def control_client(endpoint):
    return boto3.client("qldb", endpoint_url=endpoint)


def session_client(endpoint):
    return boto3.client("qldb-session", endpoint_url=endpoint)


# If EVERSTRAND_EMBEDDED is set, what needs a client and no server runs on ledgers in this process.
EMBEDDED = "EVERSTRAND_EMBEDDED" in os.environ


@pytest.fixture(scope="session")
def embedded_session():
    """A session of boto3 on ledgers in this process."""
    import everstrand

    return everstrand.boto3_session(create_ledgers=False)


@pytest.fixture
def control(request):
    if EMBEDDED:
        return request.getfixturevalue("embedded_session").client("qldb")
    return control_client(request.getfixturevalue("endpoint"))


@pytest.fixture
def client(request):
    if EMBEDDED:
        return request.getfixturevalue("embedded_session").client("qldb-session")
    return session_client(request.getfixturevalue("endpoint"))


@pytest.fixture
def driver_arguments(request):
    """What tells a driver where the ledgers are."""
    if EMBEDDED:
        return {"boto3_session": request.getfixturevalue("embedded_session")}
    return {"endpoint_url": request.getfixturevalue("endpoint"), "region_name": "us-east-1"}


def create_ledger(control, name):
    control.create_ledger(Name=name, PermissionsMode="ALLOW_ALL", DeletionProtection=False)
    while control.describe_ledger(Name=name)["State"] != "ACTIVE":
        time.sleep(0.05)


@pytest.fixture
def ledger(control):
    """The name of a new ledger."""
    name = f"l-{uuid.uuid4().hex[:20]}"
    create_ledger(control, name)
    yield name
    control.delete_ledger(Name=name)


class Http:
    """Requests as bytes, for what no client library would send."""

    def __init__(self, endpoint):
        self.address = urlsplit(endpoint).netloc

    def send(self, method, path, body=b"", headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def command(self, body):
        """Sends a SendCommand: an object, or bytes as they are."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        headers = {
            "X-Amz-Target": "QLDBSession.SendCommand",
            "Content-Type": "application/x-amz-json-1.0",
        }
        status, headers, body = self.send("POST", "/", body, headers)
        return status, headers, json.loads(body) if body else None

    def result(self, **body):
        """Sends a command that must succeed; its result."""
        status, _, answer = self.command(body)
        assert status == 200, answer
        return next(iter(answer.values()))

    def session(self, ledger):
        return self.result(StartSession={"LedgerName": ledger})["SessionToken"]

    def transaction(self, token):
        return self.result(SessionToken=token, StartTransaction={})["TransactionId"]


@pytest.fixture
def http_(endpoint):
    return Http(endpoint)
