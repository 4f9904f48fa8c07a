"""SendCommand byte by byte: what no client library sends, and what all of them need in answers.

Each wrong request gets the error that belongs to it, and the next request works.
"""

import base64
import json

import pytest
from digest import commit_digest

UNKNOWN_TOKEN = "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"


@pytest.fixture
def token(http_, ledger):
    return http_.session(ledger)


def error_of(answer):
    """Exception and message, after checking what every error must have."""
    status, headers, body = answer
    name = body["__type"].split("#")[-1]
    assert headers["x-amzn-ErrorType"].split("#")[-1] == name
    assert len(headers["x-amzn-RequestId"]) == 22
    assert isinstance(body.get("Code", ""), str)
    return status, name, body["Message"]


def still_works(http_, token):
    http_.result(SessionToken=token, AbortTransaction={})
    transaction = http_.transaction(token)
    http_.result(
        SessionToken=token,
        CommitTransaction={
            "TransactionId": transaction,
            "CommitDigest": base64.b64encode(commit_digest(transaction)).decode(),
        },
    )


def test_answers_have_what_clients_need(http_, ledger):
    status, headers, body = http_.command({"StartSession": {"LedgerName": ledger}})
    assert status == 200
    assert headers["Content-Type"] == "application/x-amz-json-1.0"
    assert len(headers["x-amzn-RequestId"]) == 22
    assert int(headers["Content-Length"]) > 0
    token = body["StartSession"]["SessionToken"]
    assert 4 <= len(token) <= 1024
    assert body["StartSession"]["TimingInformation"]["ProcessingTimeMilliseconds"] >= 1

    transaction = http_.transaction(token)
    assert len(transaction) == 22 and transaction.isalnum()
    create = "CREATE TABLE t"
    http_.result(SessionToken=token, ExecuteStatement={"TransactionId": transaction, "Statement": create})
    # Parameters absent, null and empty are the same.
    for parameters in ({}, {"Parameters": None}, {"Parameters": []}):
        result = http_.result(
            SessionToken=token,
            ExecuteStatement={"TransactionId": transaction, "Statement": "SELECT * FROM t", **parameters},
        )
        assert result["FirstPage"]["Values"] == [], "there also when empty"
        assert "NextPageToken" not in result["FirstPage"]
        assert set(result["ConsumedIOs"]) == {"ReadIOs", "WriteIOs"}
    digest = base64.b64encode(commit_digest(transaction, create, *["SELECT * FROM t"] * 3)).decode()
    result = http_.result(
        SessionToken=token, CommitTransaction={"TransactionId": transaction, "CommitDigest": digest}
    )
    assert (result["TransactionId"], result["CommitDigest"]) == (transaction, digest)
    assert http_.result(SessionToken=token, EndSession={}).keys() <= {"TimingInformation"}
    assert error_of(http_.command({"SessionToken": token, "StartTransaction": {}}))[1] == "InvalidSessionException"


def test_values_are_ion_binary_one_each(http_, token):
    transaction = http_.transaction(token)
    run = lambda statement, *parameters: http_.result(  # noqa: E731
        SessionToken=token,
        ExecuteStatement={"TransactionId": transaction, "Statement": statement, "Parameters": list(parameters)},
    )
    run("CREATE TABLE t")
    # Ion text is a legal parameter, and binary is what comes back.
    (inserted,) = run("INSERT INTO t ?", {"IonText": "{a: 1}"})["FirstPage"]["Values"]
    (row,) = run("SELECT * FROM t")["FirstPage"]["Values"]
    for value in (inserted, row):
        assert list(value) == ["IonBinary"]
        assert base64.b64decode(value["IonBinary"]).startswith(b"\xe0\x01\x00\xea")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"StartTransaction"',
        b'{"EndSession": {}} trailing',
        b'{"SessionToken": 5, "EndSession": {}}',
        b'{"SessionToken": "abcd", "EndSession": []}',
        b'{"StartSession": {"LedgerName": 7}}',
        b'{"StartSession": {"LedgerName": "\xff"}}',
        b'{"SessionToken": "abcd", "CommitTransaction": {"TransactionId": "x", "CommitDigest": "not base64!"}}',
        b'{"SessionToken": "abcd", "ExecuteStatement": {"Statement": "s", "Parameters": [{"IonBinary": "%"}]}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
    ],
    ids=lambda body: repr(body[:40]),
)
def test_what_is_no_request(http_, token, body):
    status, name, _ = error_of(http_.command(body))
    assert (status, name) == (400, "SerializationException")
    still_works(http_, token)


def test_what_breaks_a_rule(http_, token):
    transaction = http_.transaction(token)

    def statement(**members):
        return {"SessionToken": token, "ExecuteStatement": {"TransactionId": transaction, **members}}

    cases = [
        ({}, ""),
        ({"SessionToken": token}, ""),
        ({"SessionToken": token, "StartTransaction": {}, "EndSession": {}}, ""),
        ({"EndSession": {}}, "SessionToken"),
        ({"SessionToken": "abc", "EndSession": {}}, "The parameter SessionToken is not valid"),
        ({"SessionToken": "with_underscore", "EndSession": {}}, "The parameter SessionToken is not valid"),
        ({"SessionToken": "a" * 1025, "EndSession": {}}, "The parameter SessionToken is not valid"),
        ({"StartSession": {}}, "LedgerName"),
        ({"StartSession": {"LedgerName": "a--b"}}, "LedgerName"),
        ({"StartSession": {"LedgerName": "a" * 33}}, "LedgerName"),
        (statement(), "Statement"),
        (statement(Statement=""), "Statement"),
        (statement(Statement="x" * 100_001), "Statement"),
        (statement(Statement="s", Parameters=[{}]), "Parameters[0]"),
        (statement(Statement="s", Parameters=[None]), "Parameters[0]"),
        (statement(Statement="s", Parameters=[{"IonText": "1", "IonBinary": "4AEA6iEB"}]), "Parameters[0]"),
        ({"SessionToken": token, "ExecuteStatement": {"TransactionId": "x", "Statement": "s"}}, "TransactionId"),
        ({"SessionToken": token, "FetchPage": {"TransactionId": transaction}}, "NextPageToken"),
        ({"SessionToken": token, "CommitTransaction": {"TransactionId": transaction}}, "CommitDigest"),
    ]
    for body, text in cases:
        status, name, message = error_of(http_.command(body))
        assert (status, name) == (400, "BadRequestException"), body
        assert text in message
    still_works(http_, token)


def test_parameters_that_are_no_ion(http_, token):
    """The statement is refused, the transaction stays open."""
    deep = b"\xe0\x01\x00\xea" + nested(2000)
    broken = [b"\x01\x02\x03", b"\xe0\x01\x00\xea", b"\xe0\x01\x00\xea\x21", b"\xe0\x01\x00\xea\x21\x01\x21\x02", deep]
    holders = [{"IonBinary": base64.b64encode(value).decode()} for value in broken]
    holders += [{"IonText": text} for text in ("{", "1 2", "", "[" * 100_000, "{{x}}") if text]
    transaction = http_.transaction(token)
    statement = {"TransactionId": transaction, "Statement": "INSERT INTO t ?"}
    for holder in holders:
        status, name, _ = error_of(
            http_.command({"SessionToken": token, "ExecuteStatement": {**statement, "Parameters": [holder]}})
        )
        assert (status, name) == (400, "BadRequestException"), str(holder)[:60]
    status, name, message = error_of(http_.command({"SessionToken": token, "StartTransaction": {}}))
    assert (name, message) == ("BadRequestException", "Transaction already open")
    still_works(http_, token)


def nested(depth):
    """`depth` lists, one in the other."""
    value = b"\xb0"
    for _ in range(depth):
        size, length = len(value), b""
        while not length or size:
            length = bytes([size & 127 | (128 if not length else 0)]) + length
            size >>= 7
        value = b"\xbe" + length + value
    return value


def test_deeply_nested_statements(http_, token):
    transaction = http_.transaction(token)
    for statement in (
        "SELECT " + "(" * 40_000 + "1" + ")" * 40_000,
        "SELECT " + "[" * 40_000,
        "SELECT " + "- " * 40_000 + "1",
        "SELECT " + "NOT " * 20_000 + "TRUE FROM t",
        "INSERT INTO t `" + "[" * 90_000,
    ):
        status, name, _ = error_of(
            http_.command(
                {
                    "SessionToken": token,
                    "ExecuteStatement": {"TransactionId": transaction, "Statement": statement},
                }
            )
        )
        assert (status, name) == (400, "BadRequestException"), statement[:20]
    still_works(http_, token)


def test_tokens_that_nobody_has(http_, ledger):
    for command in ("StartTransaction", "AbortTransaction", "EndSession"):
        status, name, _ = error_of(http_.command({"SessionToken": UNKNOWN_TOKEN, command: {}}))
        assert (status, name) == (400, "InvalidSessionException"), command
    still_works(http_, http_.session(ledger))


def test_a_missing_ledger(http_):
    status, name, _ = error_of(http_.command({"StartSession": {"LedgerName": "no-such-ledger"}}))
    assert (status, name) == (400, "BadRequestException")


def test_states_of_a_session(http_, token):
    other = "0" * 22
    digest = base64.b64encode(bytes(32)).decode()
    in_transaction = {
        "ExecuteStatement": {"TransactionId": other, "Statement": "SELECT 1"},
        "FetchPage": {"TransactionId": other, "NextPageToken": "abcd"},
        "CommitTransaction": {"TransactionId": other, "CommitDigest": digest},
    }
    # Idle, and in a transaction that is not the one named: the same answer.
    for _ in range(2):
        for name, members in in_transaction.items():
            status, headers, body = http_.command({"SessionToken": token, name: members})
            assert error_of((status, headers, body)) == (400, "BadRequestException", "No open transaction")
            assert body["Code"] == "405"
        http_.result(SessionToken=token, AbortTransaction={})
        transaction = http_.transaction(token)
    status, name, message = error_of(http_.command({"SessionToken": token, "StartTransaction": {}}))
    assert (name, message) == ("BadRequestException", "Transaction already open")
    assert transaction != http_.result(SessionToken=token, AbortTransaction={})


def test_a_digest_that_does_not_match_rolls_back(http_, token):
    for digest in (bytes(32), b"", bytes(31), bytes(33)):
        transaction = http_.transaction(token)
        execute = {"TransactionId": transaction, "Statement": "CREATE TABLE t"}
        http_.result(SessionToken=token, ExecuteStatement=execute)
        encoded = base64.b64encode(digest).decode()
        answer = http_.command(
            {"SessionToken": token, "CommitTransaction": {"TransactionId": transaction, "CommitDigest": encoded}}
        )
        assert error_of(answer) == (400, "BadRequestException", "Digests don't match")
    still_works(http_, token)


def test_page_tokens(http_, token):
    transaction = http_.transaction(token)

    def run(statement, *parameters):
        return http_.result(
            SessionToken=token,
            ExecuteStatement={
                "TransactionId": transaction,
                "Statement": statement,
                "Parameters": [{"IonText": text} for text in parameters],
            },
        )

    run("CREATE TABLE t")
    run("INSERT INTO t ?", "{n: 1}")
    run("INSERT INTO t ?", "{n: 2}")
    # 2^8 rows out of two documents: two pages.
    tables = ", ".join(f"t AS t{number}" for number in range(8))
    first = run(f"SELECT VALUE 1 FROM {tables}")["FirstPage"]
    assert len(first["Values"]) == 200
    page_token = first["NextPageToken"]
    fetch = {"TransactionId": transaction, "NextPageToken": page_token}
    page = http_.result(SessionToken=token, FetchPage=fetch)["Page"]
    assert len(page["Values"]) == 56 and "NextPageToken" not in page
    wrong = {"TransactionId": transaction, "NextPageToken": "AAAA"}
    status, name, _ = error_of(http_.command({"SessionToken": token, "FetchPage": wrong}))
    assert (status, name) == (400, "BadRequestException")
    still_works(http_, token)


def test_bodies_that_are_too_large(http_, token, endpoint):
    body = json.dumps({"SessionToken": token, "EndSession": {}, "Ballast": "x" * (17 << 20)}).encode()
    try:
        status, _, _ = http_.send("POST", "/", body, {"X-Amz-Target": "QLDBSession.SendCommand"})
        assert status == 413
    except (BrokenPipeError, ConnectionResetError):
        # The server closed while the body was still on its way.
        pass
    still_works(http_, token)


def test_targets_that_do_not_exist(http_):
    for target in ("QLDBSession.Nothing", "Other.SendCommand", "x"):
        status, headers, body = http_.send("POST", "/", b"{}", {"X-Amz-Target": target})
        status, name, _ = error_of((status, headers, json.loads(body)))
        assert (status, name) == (400, "UnknownOperationException"), target
