"""The embedded clients are boto3's in what a program sees: parameters, results, exceptions."""

import botocore.exceptions
import pytest

import everstrand


@pytest.fixture
def sessions():
    return everstrand.boto3_session().client("qldb-session")


def test_parameters_are_checked_as_botocore_checks_them(sessions):
    for request, text in [
        ({"StartSession": {}}, "Missing required parameter in StartSession: \"LedgerName\""),
        ({"StartSession": {"LedgerName": ""}}, "Invalid length for parameter StartSession.LedgerName"),
        ({"StartSession": {"LedgerName": 7}}, "Invalid type for parameter StartSession.LedgerName"),
        ({"Unknown": {}}, "Unknown parameter in input"),
    ]:
        with pytest.raises(botocore.exceptions.ParamValidationError, match=text):
            sessions.send_command(**request)
    with pytest.raises(TypeError, match="only accepts keyword arguments"):
        sessions.send_command({})
    with pytest.raises(sessions.exceptions.ClientError):
        sessions.send_command(StartSession={"LedgerName": "l"}, EndSession={}, SessionToken="four")


def test_exceptions_are_modelled():
    session = everstrand.boto3_session(create_ledgers=False)
    sessions, control = session.client("qldb-session"), session.client("qldb")
    with pytest.raises(sessions.exceptions.BadRequestException) as error:
        sessions.send_command(StartSession={"LedgerName": "absent"})
    response = error.value.response
    assert response["Error"]["Code"] == "BadRequestException" and "absent" in response["Error"]["Message"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error.value.operation_name == "SendCommand"
    with pytest.raises(sessions.exceptions.InvalidSessionException):
        sessions.send_command(SessionToken="unknown", StartTransaction={})
    with pytest.raises(control.exceptions.ResourceNotFoundException) as error:
        control.describe_ledger(Name="absent")
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_slow_form_of_a_request_does_the_same(sessions):
    token = sessions.send_command(StartSession={"LedgerName": "l"})["StartSession"]["SessionToken"]
    transaction = sessions.send_command(SessionToken=token, StartTransaction={})["StartTransaction"]["TransactionId"]
    # botocore takes a bytearray for a blob as well.
    with pytest.raises(sessions.exceptions.BadRequestException) as error:
        commit = {"TransactionId": transaction, "CommitDigest": bytearray(32)}
        sessions.send_command(SessionToken=token, CommitTransaction=commit)
    assert error.value.response["Error"]["Code"] == "BadRequestException"
    assert error.value.response["Code"] == "412"


def test_the_control_api_works():
    session = everstrand.boto3_session(create_ledgers=False)
    control = session.client("qldb")
    control.create_ledger(Name="made", PermissionsMode="ALLOW_ALL", DeletionProtection=False, Tags={"a": "b c"})
    assert [ledger["Name"] for ledger in control.list_ledgers(MaxResults=10)["Ledgers"]] == ["made"]
    described = control.describe_ledger(Name="made")
    assert described["State"] == "ACTIVE"
    assert described["CreationDateTime"].tzinfo is not None
    assert control.list_tags_for_resource(ResourceArn=described["Arn"])["Tags"] == {"a": "b c"}
    control.delete_ledger(Name="made")
    assert control.list_ledgers()["Ledgers"] == []


def test_clients_of_a_folder_share_it(tmp_path):
    everstrand.client("qldb-session", tmp_path).send_command(StartSession={"LedgerName": "shared"})
    control = everstrand.client("qldb", tmp_path)
    assert [ledger["Name"] for ledger in control.list_ledgers()["Ledgers"]] == ["shared"]
    everstrand.client("qldb-session").send_command(StartSession={"LedgerName": "memory"})
    assert [ledger["Name"] for ledger in everstrand.client("qldb").list_ledgers()["Ledgers"]] == ["memory"]


def test_other_services_and_members_are_boto3s():
    import boto3

    session = everstrand.boto3_session(region_name="eu-central-1")
    assert isinstance(session, boto3.session.Session)
    assert session.region_name == "eu-central-1"
    assert session.client("sts").meta.region_name == "eu-central-1"
    client = session.client("qldb")
    assert client.meta.service_model.service_name == "qldb"
    with pytest.raises(AttributeError):
        client.no_such_operation
    with pytest.raises(botocore.exceptions.UnknownServiceError):
        everstrand.client("qldb2")
