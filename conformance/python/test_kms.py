"""A ledger under a key of a key management service, through boto3's control client: created, described, changed, impaired.

boto3's own KMS client checks the small service here: what it seals, our server's requests must open, and the other way round."""

import base64
import json
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import control_client, session_client

KEYS = {name: f"arn:aws:kms:us-east-1:111122223333:key/{name}" for name in ("one", "two")}


class KeyService(ThreadingHTTPServer):
    """Encrypt, Decrypt and DescribeKey of AWS KMS' JSON API. It hides what it seals behind numbers."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.disabled = set()
        self.sealed = {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def answer(self, operation, request):
        arn = KEYS.get(request["KeyId"].rsplit("/", 1)[-1])
        if arn is None:
            return 400, {"__type": "NotFoundException"}
        state = "Disabled" if arn in self.disabled else "Enabled"
        if operation == "DescribeKey":
            key_id = arn.rsplit("/", 1)[-1]
            return 200, {"KeyMetadata": {"KeyId": key_id, "Arn": arn, "KeyState": state}}
        if state == "Disabled":
            return 400, {"__type": "DisabledException", "message": f"{arn} is disabled."}
        context = json.dumps(request.get("EncryptionContext", {}), sort_keys=True)
        if operation == "Encrypt":
            blob = base64.b64encode(uuid.uuid4().bytes).decode()
            self.sealed[blob] = (arn, context, request["Plaintext"])
            return 200, {"CiphertextBlob": blob, "KeyId": arn}
        sealed = self.sealed.get(request["CiphertextBlob"])
        if sealed is None or sealed[:2] != (arn, context):
            return 400, {"__type": "InvalidCiphertextException"}
        return 200, {"Plaintext": sealed[2], "KeyId": arn}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        assert "/us-east-1/kms/aws4_request" in self.headers["Authorization"]
        status, answer = self.server.answer(self.headers["X-Amz-Target"].removeprefix("TrentService."), body)
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def kms():
    service = KeyService()
    yield service
    service.shutdown()


def encryption(control):
    return control.describe_ledger(Name="cars").get("EncryptionDescription")


def wait_for(control, status):
    end = time.monotonic() + 30
    while encryption(control)["EncryptionStatus"] != status:
        assert time.monotonic() < end, encryption(control)
        time.sleep(0.2)
    return encryption(control)


def test_the_key_service_of_these_tests_is_one_to_boto3(kms):
    client = boto3.client("kms", endpoint_url=kms.endpoint)
    sealed = client.encrypt(KeyId="one", Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
    opened = client.decrypt(KeyId="one", CiphertextBlob=sealed, EncryptionContext={"a": "b"})
    assert opened["Plaintext"] == b"secret"
    with pytest.raises(client.exceptions.InvalidCiphertextException):
        client.decrypt(KeyId="one", CiphertextBlob=sealed, EncryptionContext={"a": "c"})


def test_a_ledger_lives_under_a_key(kms, start_server, tmp_path):
    server = start_server("--data", str(tmp_path / "data"), "--kms-endpoint", kms.endpoint, "--kms-check", "1")
    control, session = control_client(server.endpoint), session_client(server.endpoint)
    created = control.create_ledger(
        Name="cars", PermissionsMode="ALLOW_ALL", DeletionProtection=False, KmsKey="one"
    )
    assert created["KmsKeyArn"] == KEYS["one"]
    assert encryption(control) == {"KmsKeyArn": KEYS["one"], "EncryptionStatus": "ENABLED"}
    token = session.send_command(StartSession={"LedgerName": "cars"})["StartSession"]["SessionToken"]

    updated = control.update_ledger(Name="cars", KmsKey=KEYS["two"])
    assert updated["EncryptionDescription"] == {"KmsKeyArn": KEYS["two"], "EncryptionStatus": "UPDATING"}
    assert encryption(control) == {"KmsKeyArn": KEYS["two"], "EncryptionStatus": "ENABLED"}
    session.send_command(SessionToken=token, StartTransaction={})

    kms.disabled.add(KEYS["two"])
    impaired = wait_for(control, "KMS_KEY_INACCESSIBLE")
    assert impaired["KmsKeyArn"] == KEYS["two"] and impaired["InaccessibleKmsKeyDateTime"].year >= 2024
    with pytest.raises(session.exceptions.InvalidSessionException):
        session.send_command(SessionToken=token, AbortTransaction={})
    kms.disabled.clear()
    assert "InaccessibleKmsKeyDateTime" not in wait_for(control, "ENABLED")
    session.send_command(StartSession={"LedgerName": "cars"})

    with pytest.raises(control.exceptions.InvalidParameterException) as refused:
        control.create_ledger(Name="boats", PermissionsMode="ALLOW_ALL", KmsKey="three")
    assert "NotFoundException" in str(refused.value)
    server.stop()
    # The key is needed after a restart, too.
    server = start_server("--data", str(tmp_path / "data"), "--kms-endpoint", kms.endpoint)
    control, session = control_client(server.endpoint), session_client(server.endpoint)
    session.send_command(StartSession={"LedgerName": "cars"})
    control.delete_ledger(Name="cars")
    with pytest.raises(ClientError):
        control.describe_ledger(Name="cars")
