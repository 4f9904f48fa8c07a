"""What was acknowledged is there after a restart, clean or not."""

import itertools
import os
import random
import threading
import time

from botocore.config import Config
from conftest import control_client, create_ledger
from pyqldb.config.retry_config import RetryConfig
from pyqldb.driver.qldb_driver import QldbDriver

KILLS = int(os.environ.get("EVERSTRAND_KILLS", "20"))


def driver_of(server):
    config = Config(connect_timeout=2, read_timeout=10)
    return QldbDriver(
        "kept", endpoint_url=server.endpoint, config=config, retry_config=RetryConfig(retry_limit=0)
    )


def rows(server):
    with driver_of(server) as driver:
        return sorted(driver.execute_lambda(lambda txn: list(txn.execute_statement("SELECT VALUE n FROM t"))))


def test_the_data_is_there_in_the_next_run(start_server, tmp_path):
    server = start_server("--data", str(tmp_path))
    create_ledger(control_client(server.endpoint), "kept")
    with driver_of(server) as driver:
        driver.execute_lambda(lambda txn: txn.execute_statement("CREATE TABLE t"))
        driver.execute_lambda(lambda txn: txn.execute_statement("INSERT INTO t ?", {"n": 1}))
    assert server.stop() == 0

    server = start_server("--data", str(tmp_path))
    assert rows(server) == [1]
    ledger = control_client(server.endpoint).describe_ledger(Name="kept")
    assert (ledger["State"], ledger["DeletionProtection"]) == ("ACTIVE", False)
    assert server.stop() == 0


def test_no_acknowledged_commit_is_lost_by_kills(start_server, tmp_path):
    server = start_server("--data", str(tmp_path))
    create_ledger(control_client(server.endpoint), "kept")
    with driver_of(server) as driver:
        driver.execute_lambda(lambda txn: txn.execute_statement("CREATE TABLE t"))
    numbers = itertools.count()
    asked, acknowledged = set(), set()

    for kill in range(KILLS):
        stop = threading.Event()

        def load(server=server, stop=stop):
            # Not closed: the driver would raise when it cannot reach the server.
            driver = driver_of(server)
            while not stop.is_set():
                number = next(numbers)
                asked.add(number)
                try:
                    driver.execute_lambda(
                        lambda txn, number=number: txn.execute_statement("INSERT INTO t ?", {"n": number})
                    )
                except Exception:  # noqa: BLE001 - the server dies under it, that is the test
                    return
                acknowledged.add(number)

        threads = [threading.Thread(target=load) for _ in range(3)]
        for thread in threads:
            thread.start()
        time.sleep(random.uniform(0.1, 0.4))
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()

        server = start_server("--data", str(tmp_path))
        there = rows(server)
        assert len(there) == len(set(there)), f"twice after kill {kill}"
        assert acknowledged <= set(there), f"lost after kill {kill}: {acknowledged - set(there)}"
        assert set(there) <= asked
    assert len(acknowledged) > KILLS
    server.stop()
