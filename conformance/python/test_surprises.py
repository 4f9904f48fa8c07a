"""What surprises people in pyqldb 3.2.4 and amazon.ion 0.9.3, and what the server does with it: docs/clients/python.md has the table."""

import copy
import struct

import pytest
from amazon.ion.simpleion import dumps, loads
from botocore.exceptions import ClientError
from pyqldb.driver.qldb_driver import QldbDriver


@pytest.fixture
def table(driver_arguments, ledger):
    """A driver whose ledger has the table Surprise."""
    with QldbDriver(ledger, **driver_arguments) as driver:
        execute(driver, "CREATE TABLE Surprise")
        yield driver


def execute(driver, statement, *parameters):
    return list(driver.execute_lambda(lambda transaction: transaction.execute_statement(statement, *parameters)))


def test_a_computed_nan_is_refused_because_its_hash_is_another_one(table):
    """The driver hashes the bits of a NaN, and the specification of Ion Hash has one NaN."""
    execute(table, "INSERT INTO Surprise ?", {"x": float("nan")})
    computed = struct.unpack(">d", bytes.fromhex("fff8000000000000"))[0]
    with pytest.raises(ClientError, match="Digests don't match"):
        execute(table, "INSERT INTO Surprise ?", {"x": computed})
    assert len(execute(table, "SELECT * FROM Surprise")) == 1


def test_a_deep_copy_of_a_row_is_sent_as_a_list_of_names(table):
    execute(table, "INSERT INTO Surprise ?", {"name": "Ann", "amount": 1})
    (row,) = execute(table, "SELECT * FROM Surprise")
    with pytest.raises(ClientError, match="must be a struct"):
        execute(table, "INSERT INTO Surprise ?", copy.deepcopy(row))
    execute(table, "INSERT INTO Surprise ?", {"before": copy.deepcopy(row)})
    execute(table, "INSERT INTO Surprise ?", {"whole": loads(dumps(row))})
    (stored,) = execute(table, "SELECT s.before FROM Surprise AS s WHERE s.before IS LIST")
    assert list(stored["before"]) == ["name", "amount"]
    (stored,) = execute(table, "SELECT s.whole FROM Surprise AS s WHERE s.whole IS STRUCT")
    assert stored["whole"]["name"] == "Ann"


def test_a_generator_of_one_is_sent_as_its_item_and_of_two_is_refused(table):
    execute(table, "INSERT INTO Surprise VALUE {'x': ?}", (number for number in [7]))
    (row,) = execute(table, "SELECT s.x FROM Surprise AS s WHERE s.x = 7")
    assert row["x"] == 7
    with pytest.raises(Exception, match="Stream contained 2 values"):
        execute(table, "INSERT INTO Surprise VALUE {'x': ?}", (number for number in [7, 8]))


def test_null_true_and_symbols_are_not_pythons_own(table):
    execute(table, "INSERT INTO Surprise VALUE {'nothing': null, 'paid': true, 'kind': `debit`}")
    (row,) = execute(table, "SELECT * FROM Surprise")
    assert row["nothing"] is not None and not row["nothing"]
    assert str(row["paid"]) == "1" and bool(row["paid"]) is True
    assert row["kind"] != "debit" and row["kind"].text == "debit"


def test_replace_of_a_time_loses_its_fraction(table):
    execute(table, "INSERT INTO Surprise VALUE {'at': `2020-01-01T12:00:00.123456Z`}")
    (row,) = execute(table, "SELECT * FROM Surprise")
    execute(table, "UPDATE Surprise AS s SET s.at = ?", row["at"].replace(year=2021))
    assert execute(table, "SELECT * FROM Surprise AS s WHERE s.at = `2021-01-01T12:00:00Z`")


def test_a_field_whose_name_looks_like_a_symbol_id_arrives_as_it_is(table):
    """Only text is written wrongly by amazon.ion 0.9.3, and the driver sends binary."""
    execute(table, "INSERT INTO Surprise ?", {"$4": 1})
    (row,) = execute(table, "SELECT * FROM Surprise")
    assert list(row) == ["$4"]
