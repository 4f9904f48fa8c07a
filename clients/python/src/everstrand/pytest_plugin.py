"""Fixtures of pytest: a fresh ledger in memory for each test, as an object, under pyqldb, and behind a URL."""

from __future__ import annotations

import pytest


@pytest.fixture
def ledger():
    """A fresh `everstrand.Ledger` in memory."""
    from .ledger import Ledger

    with Ledger() as ledger:
        yield ledger


@pytest.fixture
def qldb_driver(ledger):
    """A driver of pyqldb on the test's ledger, in this process. The test needs pyqldb."""
    driver_module = pytest.importorskip("pyqldb.driver.qldb_driver")
    driver = driver_module.QldbDriver(ledger.name, boto3_session=ledger.boto3_session())
    yield driver
    driver.close()


@pytest.fixture
def qldb_endpoint(ledger):
    """The URL of a server with the test's ledger, whose name is `ledger.name`."""
    endpoint = ledger.serve()
    yield endpoint.url
    endpoint.close()
