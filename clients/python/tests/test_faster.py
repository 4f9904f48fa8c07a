"""`everstrand.faster_pyqldb` writes and hashes plain values as amazon.ion and ionhash do, and pyqldb works after it."""

import subprocess
import sys

import ionhash  # noqa: F401
import pytest
from amazon.ion.equivalence import ion_equals
from amazon.ion.simpleion import dumps, loads

from everstrand._native import encode

VALUES = [None, True, 0, -7, 2**70, 1.5, float("inf"), "", "größer 😀", b"\x00\xff", [1, ["a", None]], (1, 2), {"a": {"b": [1.0]}, "": ""}]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_binary_and_hash_are_those_of_the_libraries(value):
    binary, hashed = encode(value)
    theirs = loads(dumps(value))
    assert ion_equals(loads(binary), theirs)
    assert hashed == bytes(theirs.ion_hash("SHA256"))


def test_pyqldb_works_after_it():
    program = """
import everstrand, everstrand.faster_pyqldb
from decimal import Decimal
from pyqldb.driver.qldb_driver import QldbDriver
driver = QldbDriver("cars", boto3_session=everstrand.boto3_session())
run = lambda *statement: list(driver.execute_lambda(lambda transaction: transaction.execute_statement(*statement)))
run("CREATE TABLE t")
run("INSERT INTO t ?", {"plain": [1, "a", None]})
run("INSERT INTO t ?", {"decimal": Decimal("1.50")})
print(len(run("SELECT * FROM t AS t WHERE t.decimal = ?", Decimal("1.5"))))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.returncode) == ("1\n", 0), done.stderr
