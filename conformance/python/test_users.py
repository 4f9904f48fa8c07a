"""Users of a server, limited by policies, with unmodified clients."""

import base64
import json
import os
import re
import shutil
import subprocess
import time

import boto3
import pytest
from botocore.exceptions import ClientError
from pyqldb.driver.qldb_driver import QldbDriver

PLACE = "arn:aws:qldb:us-east-1:000000000000:ledger"


def run(*arguments, key=None, endpoint=None, given="", code=0):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    if key:
        environment |= {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]}
    if endpoint:
        environment["AWS_ENDPOINT_URL_QLDB"] = endpoint
    ended = subprocess.run(
        [os.environ["EVERSTRAND_BINARY"], *arguments], env=environment, input=given, text=True, capture_output=True
    )
    assert ended.returncode == code, ended.stderr
    return ended.stdout + ended.stderr


def key_of(printed):
    return tuple(re.findall(r"^aws_\w+ = (\S+)$", printed, re.M))


class Users:
    def __init__(self, server, administrator):
        self.server, self.administrator = server, administrator

    def run(self, *arguments, key=None, given="", code=0):
        return run(*arguments, key=key or self.administrator, endpoint=self.server.endpoint, given=given, code=code)

    def put(self, name, *statements):
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.run("policy", "put", name, "-", given=document)

    def driver(self, key):
        return QldbDriver("bank", boto3_session=session_of(key), endpoint_url=self.server.endpoint)


def session_of(key):
    token = key[2] if len(key) > 2 else None
    return boto3.Session(
        aws_access_key_id=key[0], aws_secret_access_key=key[1], aws_session_token=token, region_name="eu-west-1"
    )


def allow(actions, *resources):
    return {"Effect": "Allow", "Action": actions, "Resource": list(resources)}


@pytest.fixture
def users(start_users):
    return start_users()


@pytest.fixture
def start_users(start_server, tmp_path):
    return lambda *arguments: users_of(start_server, tmp_path, arguments)


def users_of(start_server, tmp_path, arguments):
    data = str(tmp_path / "data")
    administrator = key_of(run("init", "--data", data))
    assert len(administrator) == 2
    assert "already" in run("init", "--data", data, code=2)
    users = Users(start_server("--data", data, *arguments), administrator)
    control = session_of(administrator).client("qldb", endpoint_url=users.server.endpoint)
    control.create_ledger(Name="bank", PermissionsMode="STANDARD", DeletionProtection=False)
    with users.driver(administrator) as driver:
        for statement in ("CREATE TABLE Accounts", "CREATE TABLE Salaries", "INSERT INTO Accounts {'n': 1}"):
            driver.execute_lambda(lambda txn, statement=statement: txn.execute_statement(statement))
    return users


def table_id(users, name):
    def read(txn):
        rows = txn.execute_statement("SELECT tableId FROM information_schema.user_tables WHERE name = ?", name)
        return next(iter(rows))["tableId"]

    with users.driver(users.administrator) as driver:
        return driver.execute_lambda(read)


def refused(users, key, statement):
    with users.driver(key) as driver, pytest.raises(ClientError) as error:
        driver.execute_lambda(lambda txn: list(txn.execute_statement(statement)))
    return error.value.response["Error"]


def test_a_driver_may_do_what_policies_allow(users):
    teller = key_of(users.run("user", "add", "teller"))
    assert refused(users, teller, "SELECT * FROM Accounts")["Code"] == "AccessDeniedException"
    accounts = f"{PLACE}/bank/table/{table_id(users, 'Accounts')}"
    users.put("tellers", allow("qldb:SendCommand", f"{PLACE}/bank"), allow("qldb:PartiQLSelect", accounts))
    users.run("policy", "attach", "tellers", "--user", "teller")
    with users.driver(teller) as driver:
        assert len(driver.execute_lambda(lambda txn: list(txn.execute_statement("SELECT * FROM Accounts")))) == 1
    for statement in ("SELECT * FROM Salaries", "SELECT * FROM Nowhere", "INSERT INTO Accounts {'n': 2}"):
        error = refused(users, teller, statement)
        assert error["Code"] == "BadRequestException"
        assert error["Message"].startswith("Access denied. Unable to run the statement due to insufficient permissions")
    control = session_of(teller).client("qldb", endpoint_url=users.server.endpoint)
    with pytest.raises(ClientError) as error:
        control.describe_ledger(Name="bank")
    assert error.value.response["Error"]["Code"] == "AccessDeniedException"
    said = users.run("policy", "check", "--user", "teller", "--action", "qldb:PartiQLSelect", "--resource", accounts)
    assert said == "allowed: Allowed by statement 2 of the policy tellers, and nothing denies it\n"
    users.run("policy", "check", "--user", "teller", "--action", "qldb:PartiQLInsert", "--resource", accounts, code=1)


def test_keys_end_when_the_administrator_says_so(users):
    users.put("all", allow("qldb:*", "*"))
    key = key_of(users.run("user", "add", "ann", "--policy", "all"))
    lent = json.loads(users.run("credentials", key=key))
    assert lent["Version"] == 1 and lent["Expiration"].endswith("Z")
    lent = (lent["AccessKeyId"], lent["SecretAccessKey"], lent["SessionToken"])
    for good in (key, lent):
        with users.driver(good) as driver:
            assert set(driver.list_tables()) == {"Accounts", "Salaries"}
    new = key_of(users.run("user", "rotate", "ann"))
    for ended in (key, lent):
        assert refused(users, ended, "SELECT * FROM Accounts")["Code"] == "UnrecognizedClientException"
    with users.driver(new) as driver:
        assert list(driver.list_tables())
    users.run("user", "remove", "ann")
    assert refused(users, new, "SELECT * FROM Accounts")["Code"] == "UnrecognizedClientException"
    # Only an administrator manages users.
    bob = key_of(users.run("user", "add", "bob", "--policy", "all"))
    assert "not authorized to perform: everstrand:ManageIdentity" in users.run("user", "remove", "admin", key=bob, code=2)


@pytest.mark.skipif(not shutil.which("openssl"), reason="there is no openssl to sign with")
def test_a_session_gets_its_keys_for_a_token(start_users, tmp_path, monkeypatch):
    def openssl(*arguments, given=None):
        return subprocess.run(["openssl", *arguments], input=given, check=True, capture_output=True).stdout

    def encoded(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    private, keys, token = (tmp_path / name for name in ("issuer.pem", "keys.json", "token"))
    openssl("genrsa", "-out", str(private), "2048")
    modulus = openssl("rsa", "-in", str(private), "-noout", "-modulus").split(b"=")[1].strip()
    key = {"kty": "RSA", "kid": "1", "alg": "RS256", "use": "sig", "e": "AQAB"}
    keys.write_text(json.dumps({"keys": [key | {"n": encoded(bytes.fromhex(modulus.decode())).decode()}]}))

    def write_token(**claims):
        now = int(time.time())
        claims = {"iss": "https://issuer.example", "aud": ["ledgers"], "iat": now, "exp": now + 60} | claims
        parts = [{"alg": "RS256", "kid": "1"}, claims]
        message = b".".join(encoded(json.dumps(part).encode()) for part in parts)
        signature = openssl("dgst", "-sha256", "-sign", str(private), given=message)
        token.write_bytes(message + b"." + encoded(signature) + b"\n")

    issuer = ("--oidc-issuer", "https://issuer.example", "--oidc-audience", "ledgers", "--oidc-keys", str(keys))
    users = start_users(*issuer)
    users.put("read", allow(["qldb:SendCommand", "qldb:PartiQLSelect"], "*"))
    users.run("user", "add", "ann", "--policy", "read")
    program, endpoint = os.environ["EVERSTRAND_BINARY"], users.server.endpoint
    config = tmp_path / "config"
    process = f"{program} credentials --endpoint {endpoint} --oidc-token-file {token}"
    config.write_text(f"[profile ledgers]\nregion = us-east-1\ncredential_process = {process}\n")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    write_token(sub="ann")
    session = boto3.Session(profile_name="ledgers")
    with QldbDriver("bank", boto3_session=session, endpoint_url=endpoint) as driver:
        assert len(driver.execute_lambda(lambda txn: list(txn.execute_statement("SELECT * FROM Accounts")))) == 1
        with pytest.raises(ClientError) as error:
            driver.execute_lambda(lambda txn: txn.execute_statement("DELETE FROM Accounts"))
        assert error.value.response["Error"]["Code"] == "BadRequestException"
    for claims, why in [
        ({"sub": "nobody"}, "names no user"),
        ({"sub": "ann", "aud": "others"}, "another audience"),
        ({"sub": "ann", "exp": int(time.time()) - 61}, "expired"),
    ]:
        write_token(**claims)
        assert why in run("credentials", "--oidc-token-file", str(token), endpoint=endpoint, code=2)


@pytest.mark.skipif(not shutil.which("aws"), reason="there is no AWS CLI")
def test_the_aws_cli_gets_temporary_keys_from_a_process(users, tmp_path):
    users.put("look", allow("qldb:DescribeLedger", f"{PLACE}/bank"))
    key = key_of(users.run("user", "add", "ann", "--policy", "look"))
    program = tmp_path / "credentials"
    program.write_text(
        f"#!/bin/sh\nAWS_ACCESS_KEY_ID={key[0]} AWS_SECRET_ACCESS_KEY={key[1]} exec {os.environ['EVERSTRAND_BINARY']} "
        f"credentials --endpoint {users.server.endpoint}\n"
    )
    program.chmod(0o700)
    config = tmp_path / "config"
    config.write_text(f"[default]\nregion = us-east-1\ncredential_process = {program}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none")}
    command = ["aws", "qldb", "describe-ledger", "--name", "bank", "--endpoint-url", users.server.endpoint]
    assert json.loads(subprocess.check_output(command, env=environment))["State"] == "ACTIVE"
