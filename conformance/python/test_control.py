"""The control API through boto3."""

import uuid

import pytest
from botocore.exceptions import ClientError


def new_name():
    return f"c-{uuid.uuid4().hex[:20]}"


def error_of(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response


def test_a_ledger_lives_and_dies(control):
    name = new_name()
    created = control.create_ledger(Name=name, PermissionsMode="ALLOW_ALL", Tags={"team": "a"})
    assert created["Name"] == name and created["State"] in ("CREATING", "ACTIVE")
    assert created["Arn"].endswith(f":ledger/{name}") and created["Arn"].startswith("arn:aws:qldb:us-east-1:")
    assert created["DeletionProtection"] is True

    described = control.describe_ledger(Name=name)
    assert (described["State"], described["PermissionsMode"]) == ("ACTIVE", "ALLOW_ALL")
    assert described["CreationDateTime"].year >= 2024

    code, status, _ = error_of(control.create_ledger, Name=name, PermissionsMode="ALLOW_ALL")
    assert (code, status) == ("ResourceAlreadyExistsException", 409)
    code, status, _ = error_of(control.delete_ledger, Name=name)
    assert (code, status) == ("ResourcePreconditionNotMetException", 412)

    updated = control.update_ledger(Name=name, DeletionProtection=False)
    assert updated["DeletionProtection"] is False
    control.delete_ledger(Name=name)
    code, status, response = error_of(control.describe_ledger, Name=name)
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert response["ResourceName"] == name

    # The name is free again at once.
    control.create_ledger(Name=name, PermissionsMode="STANDARD", DeletionProtection=False)
    assert control.describe_ledger(Name=name)["PermissionsMode"] == "STANDARD"
    control.delete_ledger(Name=name)


def test_ledgers_are_listed_over_pages(control):
    names = sorted(new_name() for _ in range(5))
    for name in names:
        control.create_ledger(Name=name, PermissionsMode="ALLOW_ALL", DeletionProtection=False)
    seen, token = [], None
    while True:
        page = control.list_ledgers(MaxResults=2, **({"NextToken": token} if token else {}))
        assert len(page["Ledgers"]) <= 2
        seen += [ledger["Name"] for ledger in page["Ledgers"]]
        token = page.get("NextToken")
        if not token:
            break
    assert set(names) <= set(seen) and len(seen) == len(set(seen))
    for name in names:
        control.delete_ledger(Name=name)


def test_wrong_parameters(control):
    for name in ("a--b", "-a", "a-", "123", "a_b", "a" * 33):
        code, status, _ = error_of(control.create_ledger, Name=name, PermissionsMode="ALLOW_ALL")
        assert (code, status) == ("InvalidParameterException", 400), name
    code, status, _ = error_of(control.create_ledger, Name=new_name(), PermissionsMode="SOMETIMES")
    assert (code, status) == ("InvalidParameterException", 400)
    code, status, _ = error_of(
        control.create_ledger, Name=new_name(), PermissionsMode="ALLOW_ALL", KmsKey="alias/mine"
    )
    assert status == 400, "a key is refused, not silently taken"
    for call in (control.describe_ledger, control.delete_ledger, control.update_ledger):
        code, status, _ = error_of(call, Name="no-such-ledger")
        assert (code, status) == ("ResourceNotFoundException", 404)


def test_paths_that_lead_nowhere(http_):
    for method, path in (("GET", "/nowhere"), ("PUT", "/ledgers"), ("POST", "/")):
        status, headers, body = http_.send(method, path, b"{}")
        assert 400 <= status < 500, (method, path, body)
        assert headers["x-amzn-RequestId"]
    status, _, _ = http_.send("GET", "/health")
    assert status == 200


def test_what_qldb_did_not_have(control):
    """With our models alone: those of botocore know neither the member nor the operation."""
    if not hasattr(control, "get_consistency_proof"):
        pytest.skip("these are AWS's models")
    name = new_name()
    control.create_ledger(Name=name, PermissionsMode="ALLOW_ALL", DeletionProtection=False, Strict=True)
    assert control.describe_ledger(Name=name)["Strict"] is True
    tip = control.get_digest(Name=name)["DigestTipAddress"]
    proof = {"Name": name, "OldDigestTipAddress": tip, "DigestTipAddress": tip}
    code, status, _ = error_of(control.get_consistency_proof, **proof)
    assert (code, status) == ("UnknownOperationException", 404)
    control.update_ledger(Name=name, Strict=False)
    assert control.describe_ledger(Name=name)["Strict"] is False
    assert control.get_consistency_proof(**proof)["Proof"]["IonText"] == "[]"
    control.delete_ledger(Name=name)
