"""Values: plain Python there and back, amazon.ion's there and back, and what has no form."""

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

import everstrand

UTC = timezone.utc
PLAIN = [
    None,
    True,
    0,
    -1,
    2**63,
    -(2**63) - 1,
    2**20000,
    1.5,
    float("inf"),
    Decimal("1.50"),
    Decimal("-0.00"),
    Decimal("1E+5"),
    Decimal("12"),
    "",
    "größer ☃ 😀",
    b"\x00\xff",
    date(2024, 2, 29),
    datetime(2024, 2, 29, 12, 30, 15, 123456, UTC),
    datetime(2024, 2, 29, 12, 30, 15, 0, timezone(timedelta(minutes=-330))),
    datetime(2024, 2, 29, 12, 30, 15),
    everstrand.Timestamp("2024T"),
    everstrand.Timestamp("2024-02T"),
    everstrand.Timestamp("2024-02-29T12:30:15.123456789Z"),
    [],
    [1, [2, {"a": None}]],
    {},
    {"a": {"b": [1.0]}, "$4": "name"},
]


@pytest.fixture
def echo(ledger):
    def echo(value):
        with ledger.transaction() as transaction:
            return transaction.execute("SELECT VALUE ? FROM << 1 >> AS x", value)[0]

    return echo


@pytest.mark.parametrize("value", PLAIN, ids=lambda value: type(value).__name__)
def test_plain_values_come_back(echo, value):
    back = echo(value)
    assert back == value
    assert type(back) is type(value)
    if isinstance(value, Decimal):
        assert back.as_tuple() == value.as_tuple()


@pytest.mark.parametrize(
    ("ion", "plain"),
    [
        ("null.int", None),
        ("symbol", "symbol"),
        ("a::1", 1),
        ("(1 x)", [1, "x"]),
        ('{{"clob"}}', b"clob"),
        ("{{AAEC}}", b"\x00\x01\x02"),
        ("2024-02-29T12:30Z", datetime(2024, 2, 29, 12, 30, tzinfo=UTC)),
        ("2024-02-29T12:30:00.5-00:00", datetime(2024, 2, 29, 12, 30, 0, 500000)),
        ("{a:1,a:2}", {"a": 2}),
        ("2024-01T", everstrand.Timestamp("2024-01T")),
    ],
)
def test_what_plain_python_makes_of_ion(ledger, ion, plain):
    from amazon.ion.simpleion import loads

    with ledger.transaction() as transaction:
        (back,) = transaction.execute("SELECT VALUE ? FROM << 1 >> AS x", loads(ion))
    assert (back, type(back)) == (plain, type(plain))


@pytest.mark.parametrize("ion", ["null.int", "a::b::{c: symbol}", "(1 x)", "2024T", "1.50", '{{"clob"}}'])
def test_values_of_amazon_ion_come_back(ion):
    from amazon.ion.equivalence import ion_equals
    from amazon.ion.simpleion import loads

    with everstrand.Ledger(values="ion") as ledger, ledger.transaction() as transaction:
        value = loads(ion)
        assert ion_equals(transaction.execute("SELECT VALUE ? FROM << 1 >> AS x", value)[0], value)
        nested = {"inside": [value]}
        assert ion_equals(transaction.execute("SELECT VALUE ? FROM << 1 >> AS x", nested)[0]["inside"][0], value)


def test_what_has_no_form(echo):
    circular = []
    circular.append(circular)
    for value, error, text in [
        (object(), TypeError, "no form in Ion"),
        ({1: 2}, TypeError, "name of a field"),
        (Decimal("NaN"), ValueError, "infinite or not a number"),
        (circular, ValueError, "nested"),
        (everstrand.Timestamp("yesterday"), ValueError, ""),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=30))), ValueError, "whole minutes"),
        ("\ud800", UnicodeEncodeError, ""),
    ]:
        with pytest.raises(error, match=text):
            echo(value)
