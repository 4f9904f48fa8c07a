"""`everstrand.Ledger`: statements, transactions, conflicts, folders, verification."""

import os
import signal
import threading
import time

import pytest

import everstrand


def test_rows_are_plain_python(ledger):
    ledger.execute("CREATE TABLE Car")
    ledger.execute("INSERT INTO Car ?", {"VIN": "1N4AL11D75C", "Owners": ["Ana", None], "Wheels": 4})
    assert ledger.execute("SELECT * FROM Car AS c WHERE c.Wheels = ?", 4) == [
        {"VIN": "1N4AL11D75C", "Owners": ["Ana", None], "Wheels": 4}
    ]


def test_all_pages_of_a_result_are_read(ledger):
    ledger.execute("CREATE TABLE t")
    ledger.execute("INSERT INTO t ?", [{"n": number} for number in range(30)])
    assert len(ledger.execute("SELECT a.n FROM t AS a, t AS b")) == 900


def test_a_transaction_is_all_or_nothing(ledger):
    ledger.execute("CREATE TABLE t")
    with ledger.transaction() as transaction:
        transaction.execute("INSERT INTO t {'a': 1}")
        transaction.execute("INSERT INTO t {'a': 2}")
    with pytest.raises(RuntimeError, match="the caller's"), ledger.transaction() as transaction:
        transaction.execute("INSERT INTO t {'a': 3}")
        raise RuntimeError("the caller's")
    assert sorted(ledger.execute("SELECT VALUE a FROM t")) == [1, 2]
    with pytest.raises(RuntimeError, match="is over"):
        transaction.execute("SELECT * FROM t")


def test_errors_have_qldbs_names_and_codes(ledger):
    ledger.execute("CREATE TABLE t")
    with pytest.raises(everstrand.EverstrandError, match="already exists") as error:
        ledger.execute("CREATE TABLE t")
    assert (error.value.name, error.value.code) == ("BadRequestException", "412")
    with pytest.raises(everstrand.EverstrandError, match="FORM"):
        ledger.execute("SELECT * FORM t")


def test_a_conflict_is_an_error_of_its_own_and_run_tries_again(ledger):
    ledger.execute("CREATE TABLE t")
    ledger.execute("INSERT INTO t {'n': 0}")
    with pytest.raises(everstrand.ConflictError), ledger.transaction() as transaction:
        transaction.execute("UPDATE t SET n = n + 1")
        ledger.execute("UPDATE t SET n = n + 1")
    attempts = []

    def work(transaction):
        attempts.append(transaction.id)
        transaction.execute("UPDATE t SET n = n + 1")
        if len(attempts) == 1:
            ledger.execute("UPDATE t SET n = n + 1")

    ledger.run(work)
    assert len(set(attempts)) == 2
    assert ledger.execute("SELECT VALUE n FROM t") == [3]


def test_a_folder_keeps_a_ledger_and_has_one_user(tmp_path):
    with everstrand.Ledger(tmp_path / "data", name="cars") as ledger:
        ledger.execute("CREATE TABLE t")
        with pytest.raises(OSError, match="data"):
            everstrand.Ledger(tmp_path / "data")
    with everstrand.Ledger(tmp_path / "data", name="cars") as ledger:
        assert ledger.execute("SELECT VALUE name FROM information_schema.user_tables") == ["t"]


def test_verification_finds_what_was_changed(ledger):
    ledger.execute("CREATE TABLE t")
    (answer,) = ledger.execute("INSERT INTO t {'n': 1}")
    old = ledger.digest()
    ledger.execute("INSERT INTO t {'n': 2}")
    assert ledger.verify("t", answer["documentId"]).endswith("verified")
    assert ledger.verify("t", answer["documentId"], old).endswith("verified")
    with pytest.raises(everstrand.VerificationError, match="NOT VERIFIED"):
        ledger.verify("t", answer["documentId"], {**old, "Digest": bytes(32)})
    with pytest.raises(ValueError, match="no current document"):
        ledger.verify("t", "0" * 22)
    with pytest.raises(ValueError, match="proof"):
        everstrand.verify(old)


def test_other_threads_run_while_the_engine_works(ledger):
    ledger.execute("CREATE TABLE t")
    ledger.execute("INSERT INTO t ?", [{"n": number} for number in range(40)])
    counted, over = [0], threading.Event()

    def count():
        while not over.is_set():
            counted[0] += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    begin = time.perf_counter()
    ledger.execute("SELECT COUNT(*) FROM t AS a, t AS b, t AS c WHERE a.n + b.n + c.n = 7")
    took = time.perf_counter() - begin
    over.set()
    thread.join()
    # If the engine held the interpreter, the other thread would not have counted at all.
    assert counted[0] > took / 0.001 / 50, (took, counted)


@pytest.fixture
def interrupts():
    """Python's own answer to SIGINT, which it leaves out where the program was started in the background of a shell."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_stops_a_statement(ledger, interrupts):
    ledger.execute("CREATE TABLE t")
    ledger.execute("INSERT INTO t ?", [{"n": number} for number in range(40)])
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    begin = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        ledger.execute("SELECT COUNT(*) FROM t AS a, t AS b, t AS c, t AS d, t AS e WHERE a.n + e.n = 1000")
    assert time.perf_counter() - begin < 5
    assert len(ledger.execute("SELECT * FROM t")) == 40
