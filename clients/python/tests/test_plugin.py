"""The fixtures of the pytest plugin: one fresh ledger in a test, three ways to it, in less than five milliseconds."""

import time
import urllib.request

import everstrand


def test_the_three_ways_lead_to_one_ledger(ledger, qldb_driver, qldb_endpoint):
    qldb_driver.execute_lambda(lambda transaction: transaction.execute_statement("CREATE TABLE t"))
    assert ledger.execute("SELECT VALUE name FROM information_schema.user_tables") == ["t"]
    with urllib.request.urlopen(f"{qldb_endpoint}/health") as answer:
        assert answer.status == 200


def test_each_test_has_a_ledger_of_its_own(ledger):
    assert ledger.execute("SELECT VALUE name FROM information_schema.user_tables") == []


def median(what):
    times = []
    for _ in range(21):
        begin = time.perf_counter()
        what()
        times.append(time.perf_counter() - begin)
    return sorted(times)[10]


def test_a_fresh_ledger_takes_less_than_five_milliseconds():
    from pyqldb.driver.qldb_driver import QldbDriver

    def embedded():
        with everstrand.Ledger() as ledger:
            QldbDriver(ledger.name, boto3_session=ledger.boto3_session()).close()

    def served():
        with everstrand.Ledger() as ledger:
            ledger.serve().close()

    assert median(embedded) < 0.005
    assert median(served) < 0.005
