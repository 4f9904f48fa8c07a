"""The published driver, pyqldb 3, unmodified."""

import threading
from pathlib import Path

import pytest
from amazon.ion.equivalence import ion_equals
from amazon.ion.simple_types import IonPyNull
from amazon.ion.simpleion import loads
from botocore.exceptions import ClientError
from pyqldb.config.retry_config import RetryConfig
from pyqldb.driver.qldb_driver import QldbDriver
from pyqldb.errors import is_occ_conflict_exception

VALUES = Path(__file__).parent.parent / "vectors/values.ion"


@pytest.fixture
def driver(driver_arguments, ledger):
    with QldbDriver(ledger, **driver_arguments) as driver:
        yield driver


def run(driver, statement, *parameters):
    return driver.execute_lambda(lambda txn: list(txn.execute_statement(statement, *parameters)))


def code_of(error):
    return error.value.response["Error"]["Code"]


def test_a_table_an_index_a_document_and_back(driver):
    (table,) = run(driver, "CREATE TABLE people")
    assert list(table) == ["tableId"] and len(table["tableId"]) == 22
    (index,) = run(driver, "CREATE INDEX ON people (name)")
    assert index["tableId"] == table["tableId"]
    (inserted,) = run(driver, "INSERT INTO people ?", {"name": "Ann", "age": 42})
    assert list(inserted) == ["documentId"] and len(inserted["documentId"]) == 22
    assert run(driver, "SELECT * FROM people WHERE name = ?", "Ann") == [{"name": "Ann", "age": 42}]
    assert list(driver.list_tables()) == ["people"]
    (catalog,) = run(driver, "SELECT * FROM information_schema.user_tables")
    assert (catalog["name"], catalog["tableId"], catalog["status"]) == ("people", table["tableId"], "ACTIVE")
    assert [entry["expr"] for entry in catalog["indexes"]] == ["[name]"]


def test_a_thousand_rows_come_over_pages(driver):
    run(driver, "CREATE TABLE t")
    for start in range(0, 1000, 40):
        rows = [{"n": n} for n in range(start, start + 40)]

        def insert(txn, rows=rows):
            marks = ", ".join("?" * len(rows))
            return list(txn.execute_statement(f"INSERT INTO t <<{marks}>>", *rows))

        assert len(driver.execute_lambda(insert)) == 40

    def read(txn):
        cursor = txn.execute_statement("SELECT VALUE n FROM t")
        return sorted(cursor), cursor.get_consumed_ios(), cursor.get_timing_information()

    rows, ios, timing = driver.execute_lambda(read)
    assert rows == list(range(1000))
    assert ios == {"ReadIOs": 1000}
    assert timing["ProcessingTimeMilliseconds"] >= 1


def test_read_ahead_reads_the_same(driver_arguments, ledger):
    with QldbDriver(ledger, **driver_arguments, read_ahead=3) as driver:
        run(driver, "CREATE TABLE t")
        for start in range(0, 600, 40):
            rows = [{"n": n} for n in range(start, start + 40)]
            driver.execute_lambda(
                lambda txn, rows=rows: txn.execute_statement(f"INSERT INTO t <<{', '.join('?' * 40)}>>", *rows)
            )
        assert len(run(driver, "SELECT * FROM t")) == 600


def test_update_and_delete(driver):
    run(driver, "CREATE TABLE t")
    (inserted,) = run(driver, "INSERT INTO t ?", {"name": "Ann", "age": 1})
    assert run(driver, "UPDATE t SET age = ? WHERE name = ?", 2, "Ann") == [inserted]
    assert run(driver, "SELECT * FROM t") == [{"name": "Ann", "age": 2}]
    assert run(driver, "DELETE FROM t WHERE name = ?", "Ann") == [inserted]
    assert run(driver, "SELECT * FROM t") == []
    versions = run(driver, "SELECT h.metadata.version FROM history(t) AS h")
    assert sorted(row["version"] for row in versions) == [0, 1, 2]


def test_writes_are_seen_within_the_transaction_and_not_outside(driver):
    run(driver, "CREATE TABLE t")

    def write_and_read(txn):
        txn.execute_statement("INSERT INTO t ?", {"a": 1})
        txn.execute_statement("UPDATE t SET a = 2")
        outside = run(driver, "SELECT * FROM t")
        return list(txn.execute_statement("SELECT VALUE a FROM t")), outside

    assert driver.execute_lambda(write_and_read) == ([2], [])


def test_the_loser_of_a_conflict_may_only_have_read(driver):
    run(driver, "CREATE TABLE t")
    run(driver, "INSERT INTO t ?", {"a": 1})

    def read_while_another_writes(txn):
        list(txn.execute_statement("SELECT * FROM t"))
        run(driver, "UPDATE t SET a = 5")

    with pytest.raises(ClientError) as error:
        driver.execute_lambda(read_while_another_writes, retry_config=RetryConfig(retry_limit=0))
    assert is_occ_conflict_exception(error.value)
    assert run(driver, "SELECT VALUE a FROM t") == [5]


def test_the_loser_of_a_conflict_is_run_again(driver):
    run(driver, "CREATE TABLE t")
    run(driver, "INSERT INTO t ?", {"a": 0})
    attempts = []

    def read_modify_write(txn):
        attempts.append(txn.transaction_id)
        (value,) = txn.execute_statement("SELECT VALUE a FROM t")
        if len(attempts) == 1:
            run(driver, "UPDATE t SET a = 10")
        txn.execute_statement("UPDATE t SET a = ?", value + 1)

    driver.execute_lambda(read_modify_write)
    assert len(attempts) == 2
    assert run(driver, "SELECT VALUE a FROM t") == [11]


def test_counters_are_never_lost(driver_arguments, ledger):
    patient = RetryConfig(retry_limit=200, base=1)
    with QldbDriver(ledger, **driver_arguments, retry_config=patient) as driver:
        run(driver, "CREATE TABLE t")
        run(driver, "INSERT INTO t ?", {"n": 0})

        def count(txn):
            (value,) = txn.execute_statement("SELECT VALUE n FROM t")
            txn.execute_statement("UPDATE t SET n = ?", value + 1)

        def work():
            for _ in range(10):
                driver.execute_lambda(count)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert run(driver, "SELECT VALUE n FROM t") == [40]


def test_any_ion_value_survives_and_the_digests_agree(driver):
    """The values of conformance/vectors/values.ion; `=` finds them, and IS NULL the nulls among them."""
    run(driver, "CREATE TABLE t")
    values = loads(VALUES.read_text(), single_value=False)
    assert len(values) >= 50
    for number, value in enumerate(values):
        run(driver, "INSERT INTO t ?", {"n": number, "v": value})
        (row,) = run(driver, "SELECT * FROM t WHERE n = ?", number)
        assert ion_equals(row["v"], value), (row["v"], value)
        is_null = value is None or isinstance(value, IonPyNull)
        condition, arguments = ("v IS NULL", ()) if is_null else ("v = ?", (value,))
        assert run(driver, f"SELECT VALUE n FROM t WHERE n = ? AND {condition}", number, *arguments) == [number], value


def test_errors_are_the_drivers_own(driver):
    run(driver, "CREATE TABLE t")
    cases = [
        ("CREATE TABLE t", [], "already exists"),
        ("SELECT * FROM nowhere", [], "No such variable named 'nowhere'"),
        ("nonsense", [], ""),
        ("SELECT * FROM t WHERE a = ?", [], ""),
    ]
    for statement, parameters, text in cases:
        with pytest.raises(ClientError) as error:
            run(driver, statement, *parameters)
        assert code_of(error) == "BadRequestException", statement
        assert text in str(error.value)
    assert run(driver, "SELECT * FROM t") == []


def test_a_failed_statement_leaves_the_transaction_usable(driver):
    run(driver, "CREATE TABLE t")

    def go_on(txn):
        with pytest.raises(ClientError):
            txn.execute_statement("SELECT * FROM nowhere")
        return list(txn.execute_statement("INSERT INTO t ?", {"a": 1}))

    assert len(driver.execute_lambda(go_on)) == 1
    assert run(driver, "SELECT VALUE a FROM t") == [1]


def test_an_abort_leaves_nothing(driver):
    run(driver, "CREATE TABLE t")

    def fail(txn):
        txn.execute_statement("INSERT INTO t ?", {"a": 1})
        raise RuntimeError("changed my mind")

    with pytest.raises(RuntimeError):
        driver.execute_lambda(fail)
    assert run(driver, "SELECT * FROM t") == []


def test_a_missing_ledger(driver_arguments):
    with QldbDriver("no-such-ledger", **driver_arguments, retry_config=RetryConfig(retry_limit=0)) as driver:
        with pytest.raises(ClientError) as error:
            run(driver, "SELECT 1")
    assert code_of(error) == "BadRequestException"


def test_a_join_counts_its_reads(driver):
    run(driver, "CREATE TABLE t")
    run(driver, "INSERT INTO t <<?, ?, ?>>", {"n": 1}, {"n": 2}, {"n": 3})

    def join(txn):
        cursor = txn.execute_statement("SELECT VALUE 1 FROM t AS a, t AS b, t AS c, t AS d, t AS e, t AS f")
        return len(list(cursor)), cursor.get_consumed_ios()

    assert driver.execute_lambda(join) == (729, {"ReadIOs": 1092})


def test_sessions_are_used_in_parallel(driver):
    run(driver, "CREATE TABLE t")
    errors = []

    def work(number):
        try:
            run(driver, "INSERT INTO t ?", {"n": number})
        except Exception as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(run(driver, "SELECT VALUE n FROM t")) == list(range(8))


def test_an_expired_transaction(start_server):
    server = start_server("--memory", "--create-ledger", "short", "--limit", "transaction-millis=300")
    with QldbDriver("short", endpoint_url=server.endpoint) as driver:
        run(driver, "CREATE TABLE t")
        entered = []

        def dawdle(txn):
            entered.append(txn.transaction_id)
            threading.Event().wait(0.6)
            txn.execute_statement("INSERT INTO t ?", {"a": 1})

        with pytest.raises(ClientError) as error:
            driver.execute_lambda(dawdle)
        assert code_of(error) == "InvalidSessionException"
        assert error.value.response["Error"]["Message"] == f"Transaction {entered[0]} has expired"
        assert len(entered) == 1, "an expired transaction is not run again"
        assert run(driver, "SELECT * FROM t") == []
