"""pyqldb 2.0.2's SessionClient, member by member: the class that ours in Rust follows."""

import pytest
from amazon.ion.simpleion import loads

pyqldb = pytest.importorskip("pyqldb")
if not pyqldb.__version__.startswith("2."):
    pytest.skip("this is not pyqldb 2", allow_module_level=True)

from botocore.exceptions import ClientError  # noqa: E402
from digest import commit_digest  # noqa: E402
from pyqldb.communication.session_client import SessionClient  # noqa: E402
from pyqldb.driver.pooled_qldb_driver import PooledQldbDriver  # noqa: E402
from pyqldb.driver.qldb_driver import QldbDriver  # noqa: E402


@pytest.fixture
def session(client, ledger):
    session = SessionClient.start_session(ledger, client)
    yield session
    session.close()


def test_the_factory_and_the_read_only_properties(session, client, ledger):
    assert session.ledger_name == ledger
    assert session.client is client
    assert len(session.token) >= 4
    assert len(session.id) == 22, "the request id of the answer to StartSession"
    for name in ("ledger_name", "client", "token", "id"):
        with pytest.raises(AttributeError):
            setattr(session, name, "other")


def test_the_constructor_takes_the_parts(session, client, ledger):
    same = SessionClient(ledger, session.token, client, "an id")
    assert same.id == "an id"
    assert len(same.start_transaction()["TransactionId"]) == 22
    with pytest.raises(ClientError, match="Transaction already open"):
        session.start_transaction()


def test_the_members_of_every_result(session):
    started = session.start_transaction()
    assert set(started) == {"TransactionId", "TimingInformation"}
    transaction = started["TransactionId"]

    statements = ["CREATE TABLE t"]
    created = session.execute_statement(transaction, statements[0], [])
    assert set(created) == {"FirstPage", "TimingInformation", "ConsumedIOs"}
    (row,) = created["FirstPage"]["Values"]
    assert set(loads(row["IonBinary"])) == {"tableId"}

    for number in range(6):
        value = loads(f"{{n: {number}}}")
        session.execute_statement(transaction, "INSERT INTO t ?", [value])
        statements.append(("INSERT INTO t ?", value))

    # 6^3 rows out of six documents: two pages.
    query = "SELECT VALUE 1 FROM t AS a, t AS b, t AS c"
    statements.append(query)
    result = session.execute_statement(transaction, query, [])
    first = result["FirstPage"]
    assert len(first["Values"]) == 200 and first["NextPageToken"]
    fetched = session.fetch_page(transaction, first["NextPageToken"])
    assert set(fetched) == {"Page", "TimingInformation", "ConsumedIOs"}
    assert len(fetched["Page"]["Values"]) == 16 and fetched["Page"].get("NextPageToken") is None
    assert result["ConsumedIOs"]["ReadIOs"] + fetched["ConsumedIOs"]["ReadIOs"] == 6 + 36 + 216

    digest = commit_digest(transaction, *statements)
    committed = session.commit_transaction(transaction, digest)
    assert set(committed) == {"TransactionId", "CommitDigest", "TimingInformation", "ConsumedIOs"}
    assert (committed["TransactionId"], committed["CommitDigest"]) == (transaction, digest)
    for part in (started, created, result, fetched, committed):
        assert part["TimingInformation"]["ProcessingTimeMilliseconds"] >= 1

    aborted = session.abort_transaction()
    assert set(aborted) == {"TimingInformation"}, "also with no transaction open"
    ended = session.end_session()
    assert set(ended) == {"TimingInformation"}
    with pytest.raises(ClientError):
        session.start_transaction()


def test_abort_rolls_back(session):
    transaction = session.start_transaction()["TransactionId"]
    session.execute_statement(transaction, "CREATE TABLE t", [])
    session.abort_transaction()
    transaction = session.start_transaction()["TransactionId"]
    with pytest.raises(ClientError, match="No such variable named 't'"):
        session.execute_statement(transaction, "SELECT * FROM t", [])


def test_end_session_raises_and_close_does_not(client, ledger):
    session = SessionClient.start_session(ledger, client)
    session.end_session()
    with pytest.raises(ClientError) as error:
        session.end_session()
    assert error.value.response["Error"]["Code"] == "InvalidSessionException"
    session.close()


def test_the_with_block(client, ledger):
    with SessionClient.start_session(ledger, client) as session:
        session.start_transaction()
    with pytest.raises(ClientError):
        session.start_transaction()
    with pytest.raises(RuntimeError), SessionClient.start_session(ledger, client) as session:
        raise RuntimeError("the caller's")
    with pytest.raises(ClientError):
        session.start_transaction()


def test_a_missing_ledger(client):
    with pytest.raises(ClientError) as error:
        SessionClient.start_session("no-such-ledger", client)
    assert error.value.response["Error"]["Code"] == "BadRequestException"


@pytest.mark.parametrize("driver_class", [QldbDriver, PooledQldbDriver])
def test_what_stands_on_it(driver_arguments, ledger, driver_class):
    driver = driver_class(ledger, **driver_arguments)
    # Twice: the pool proves a session by an abort before it lends it again.
    for _ in range(2):
        with driver.get_session() as session:
            assert list(session.list_tables()) in ([], ["t"])
            if not list(session.list_tables()):
                session.execute_statement("CREATE TABLE t")
            transaction = session.start_transaction()
            transaction.execute_statement("INSERT INTO t ?", [loads("{a: 1}")])
            transaction.commit()
    with driver.get_session() as session:
        rows = session.execute_lambda(lambda executor: list(executor.execute_statement("SELECT VALUE a FROM t")))
    assert rows == [1, 1]
    driver.close()
