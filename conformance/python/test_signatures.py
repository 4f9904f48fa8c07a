"""A server that answers only those whose access key it was given."""

import boto3
import pytest
from botocore.exceptions import ClientError
from conftest import Http, control_client, create_ledger
from pyqldb.driver.qldb_driver import QldbDriver

KEYS = """
[default]
aws_access_key_id = local
aws_secret_access_key = local
[lent]
aws_access_key_id = lent
aws_secret_access_key = a/secret+key
aws_session_token = lent for an hour
"""


@pytest.fixture
def server(start_server, tmp_path):
    file = tmp_path / "access-keys"
    file.write_text(KEYS)
    server = start_server("--memory", "--access-keys", str(file))
    create_ledger(control_client(server.endpoint), "signed")
    return server


def session_of(key, secret, token=None):
    return boto3.Session(
        aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token, region_name="eu-west-1"
    )


def describe(server, session):
    return session.client("qldb", endpoint_url=server.endpoint).describe_ledger(Name="signed")


@pytest.mark.parametrize("key", [("local", "local"), ("lent", "a/secret+key", "lent for an hour")])
def test_a_known_key_may(server, key):
    session = session_of(*key)
    assert describe(server, session)["State"] == "ACTIVE"
    # Paths with a query and with escapes are signed, too.
    control = session.client("qldb", endpoint_url=server.endpoint)
    arn = control.describe_ledger(Name="signed")["Arn"]
    control.tag_resource(ResourceArn=arn, Tags={"a key": "a value"})
    control.untag_resource(ResourceArn=arn, TagKeys=["a key"])
    assert len(control.list_ledgers(MaxResults=1)["Ledgers"]) == 1
    with QldbDriver("signed", boto3_session=session, endpoint_url=server.endpoint) as driver:
        table = f"t{key[0]}"
        driver.execute_lambda(lambda txn: txn.execute_statement(f"CREATE TABLE {table}"))
        driver.execute_lambda(lambda txn: txn.execute_statement(f"INSERT INTO {table} ?", {"é": "ß"}))
        assert table in list(driver.list_tables())


@pytest.mark.parametrize(
    "key, code",
    [
        (("local", "another"), "InvalidSignatureException"),
        (("nobody", "local"), "UnrecognizedClientException"),
        (("lent", "a/secret+key"), "UnrecognizedClientException"),
        (("lent", "a/secret+key", "another"), "UnrecognizedClientException"),
    ],
)
def test_another_may_not(server, key, code):
    session = session_of(*key)
    with pytest.raises(ClientError) as refused:
        describe(server, session)
    assert refused.value.response["Error"]["Code"] == code
    driver = QldbDriver("signed", boto3_session=session, endpoint_url=server.endpoint)
    with pytest.raises(ClientError) as refused:
        driver.execute_lambda(lambda txn: txn.execute_statement("CREATE TABLE t"))
    assert refused.value.response["Error"]["Code"] == code


def test_who_does_not_sign_may_look_at_its_health(server):
    http = Http(server.endpoint)
    assert http.send("GET", "/health")[0] == 200
    assert http.send("GET", "/ledgers")[0] == 403
    status, headers, _ = http.command({"StartSession": {"LedgerName": "signed"}})
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationTokenException")
