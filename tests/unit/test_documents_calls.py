"""The specification of calls: the customer checks the invoice with it, and sees whom it called; nobody else's shielded number."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from orchestration.documents.calls_csv import COLUMNS, calls_csv, cell, digits_of, masked
from orchestration.documents.invoice import CallRecord
from tests.unit.documents import CALLS, invoice


def rows(**changes: object) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(calls_csv(replace(invoice(), **changes)).decode())))


def test_columns_and_order() -> None:
    # Fails if a customer's own reader of the file breaks, or the order of calls differs from one rendering to the next.
    assert calls_csv(invoice()).decode().splitlines()[0] == ",".join(COLUMNS)
    assert calls_csv(invoice(calls=CALLS)) == calls_csv(invoice(calls=CALLS[::-1]))
    assert [row["started_at"] for row in rows()] == ["2026-09-30T09:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]
    assert calls_csv(invoice(calls=())).decode() == ",".join(COLUMNS) + "\n"


def test_local_time_and_the_hour_that_comes_twice() -> None:
    # Fails if a call at night stands on another hour or day than the customer's clock showed.
    found = [(row["call_date"], row["local_time"], row["started_at"]) for row in rows()[1:]]
    assert found == [("2026-10-25", "02:30:00", "2026-10-25T00:30:00Z"), ("2026-10-25", "02:30:00", "2026-10-25T01:30:00Z")]
    assert rows(time_zone="America/New_York")[1]["local_time"] == "20:30:00"


def test_amounts_are_exact() -> None:
    # Fails if calls do not add up to their line because each was rounded to cents.
    call = CALLS[0]
    found = rows(calls=tuple(replace(call, amount_eur=Decimal(amount)) for amount in ("0.005000", "0.1063", "0", "1.234567", "12")))
    assert [row["amount_eur"] for row in found] == ["0.0000", "0.0050", "0.1063", "1.234567", "12.0000"]


def test_shielded_numbers_lose_their_last_digits_however_written() -> None:
    # Fails if a subscriber on the shield list can be read from another's bill (DOMAIN 10).
    for shielded in ("31612345678", "+31612345678", "0031 6 1234 5678"):
        callees = [row["callee"] for row in rows(shielded=frozenset({shielded}))]
        assert callees == ["3221234567", "3161234****", "31201234567"]
        assert b"31612345678" not in calls_csv(invoice(shielded=frozenset({shielded})))
    assert [masked(number) for number in ("31612345678", "112", "")] == ["3161234****", "***", ""]


def test_a_customers_own_number_is_not_hidden_from_it() -> None:
    # Fails if a customer that shields its number cannot tell which of its lines called.
    assert {row["caller"] for row in rows(shielded=frozenset({"31850000001"}))} == {"31850000001"}


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_text_is_never_a_formula(start: str) -> None:
    # Fails if opening the file can run what a stranger put into a caller's name (OWASP, CSV injection).
    evil = f"{start}HYPERLINK(1)"
    call = replace(CALLS[0], caller=evil, callee=evil, destination=evil, country=evil, line_type=f"\t{evil}")
    (row,) = rows(calls=(call,))
    assert [row[name] for name in ("caller", "callee", "destination", "country", "line_type")] == [f"'{evil}"] * 5
    assert cell("\r\n=1") == "'=1"


def test_phone_numbers_are_no_formulas_and_no_text() -> None:
    # Fails if +31... gets an apostrophe, which every reader of the file would have to know of.
    numbers = ["+31201234567", "0031201234567", "31201234567", "+31 (0)20", "112", "Anonymous", "*97", "1001", "020-1234567"]
    assert [digits_of(number) for number in numbers] == [
        *("31201234567", "31201234567", "31201234567", "31020", "112", "Anonymous", "*97", "1001", "020-1234567"),
    ]


def test_separators_in_text_do_not_move_columns() -> None:
    # Fails if a comma or a quote in a destination shifts the amount into another column.
    call = CallRecord(date(2026, 10, 1), datetime(2026, 10, 1, tzinfo=UTC), "1", "2", 3, Decimal(1), 'a,"b";\nc')
    (row,) = rows(calls=(call,))
    assert (row["destination"], row["amount_eur"]) == ('a,"b"; c', "1.0000")
