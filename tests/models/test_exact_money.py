"""The macros of money against plain fractions: thousands of amounts at once, without dbt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from fractions import Fraction

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestration.reports import contents
from orchestration.warehouse.formulas import formula

Row = tuple[Decimal | int, ...]

MOST = Decimal(10**12)
"""A partner's sums stay below this many EUR."""


def rounded(exact: Fraction, decimals: int) -> Decimal:
    """Half away from zero."""
    scaled = abs(exact) * 10**decimals + Fraction(1, 2)
    size = Decimal(scaled.numerator // scaled.denominator).scaleb(-decimals)
    return -size if exact < 0 else size


def in_duckdb(expression: str, columns: Sequence[str], rows: Sequence[Row]) -> list[Decimal | None]:
    """The expression for each row; ``columns`` are names with types."""
    placeholders = ", ".join(f"cast(? as {column.split(' ', 1)[1]})" for column in columns)
    with duckdb.connect() as connection:
        connection.execute(f"create table given (place integer, {', '.join(columns)})")
        connection.executemany(f"insert into given values (?, {placeholders})", [(place, *row) for place, row in enumerate(rows)])
        return [value for (value,) in connection.execute(f"select {expression} from given order by place").fetchall()]


def assert_exact(expression: str, columns: Sequence[str], rows: Sequence[Row], expected: Callable[..., Decimal | None]) -> None:
    assert in_duckdb(expression, columns, rows) == [expected(*row) for row in rows]


def amounts(decimals: int, most: Decimal = MOST, least: Decimal | None = None) -> st.SearchStrategy[Decimal]:
    """Few digits as often as many: ties are among the short ones."""
    smallest = -most if least is None else least
    return st.one_of(
        *(st.decimals(max(smallest, -near), min(most, near), places=decimals) for near in (Decimal("0.01"), Decimal(10), most))
    )


def many(*each: st.SearchStrategy[Decimal] | st.SearchStrategy[int]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(*each), min_size=1, max_size=300)


few_and_long = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize(
    ("part", "whole", "percent"),
    [
        ("-0.0021", "0.4000", "-0.53"),
        ("0.0021", "0.4000", "0.53"),
        ("0.0021", "-0.4000", "-0.53"),
        ("-0.0021", "-0.4000", "0.53"),
        ("0.0000", "0.4000", "0.00"),
        ("0.0021", "0.0000", None),
        ("1000000000000", "0.000001", None),  # more digits than anybody reads
        ("-1000000000000", "3", "-33333333333333.33"),
    ],
)
def test_a_percentage_is_rounded_half_away_from_zero(part: str, whole: str, percent: str | None) -> None:
    """A loss would look smaller than it is: -0.525 % is -0.53 %. A month of a tiny sale would stop everybody's run."""
    (found,) = in_duckdb(formula("percent_of", "part", "whole"), AMOUNTS, [(Decimal(part), Decimal(whole))])
    assert found == (None if percent is None else Decimal(percent))


AMOUNTS = ("part decimal(38, 6)", "whole decimal(38, 6)")


@few_and_long
@given(many(amounts(6), amounts(6)))
def test_percentages_of_sums_are_exact(rows: list[Row]) -> None:
    """A published margin would differ from the one that a partner works out, and the page's total from the table's."""
    for expected in (exact_percent, readable_percent):
        assert_exact(formula("percent_of", "part", "whole"), AMOUNTS, rows, expected)


def exact_percent(part: Decimal, whole: Decimal) -> Decimal | None:
    percent = rounded(Fraction(part) / Fraction(whole) * 100, 2) if whole else None
    return None if percent is None or abs(percent) >= 10**16 else percent


def readable_percent(part: Decimal, whole: Decimal) -> Decimal | None:
    """What pages and exports say of the same sums."""
    percent = contents.percent_of(part, whole)
    return None if percent is None or abs(percent) >= 10**16 else percent


@few_and_long
@given(many(amounts(6), st.integers(-(10**6), 10**6), st.integers(1, 10**6)))
def test_shares_of_amounts_are_exact(rows: list[Row]) -> None:
    """What is charged for a part of a month, or given back of it, would be a millionth off, and the settlement would not close."""

    def share(amount: Decimal, numerator: int, denominator: int) -> Decimal:
        return rounded(Fraction(amount) * numerator / denominator, 6)

    expression = formula("signed_share", "amount", "numerator", "denominator")
    assert_exact(expression, ("amount decimal(28, 6)", "numerator bigint", "denominator bigint"), rows, share)
    small = [(amount % 1000, numerator % 1000, denominator) for amount, numerator, denominator in rows]
    expression = formula("share_of_amount", "amount", "numerator", "denominator")
    assert_exact(expression, ("amount decimal(18, 6)", "numerator bigint", "denominator bigint"), small, share)


def test_a_share_on_a_tie_goes_away_from_zero() -> None:
    """A credit would be a millionth smaller than the charge that it takes back."""
    rows = [(Decimal(amount), numerator, 2) for amount in ("0.000001", "-0.000001", "0.000003", "-0.000003") for numerator in (1, -1)]
    columns = ("amount decimal(18, 6)", "numerator bigint", "denominator bigint")
    found = in_duckdb(formula("share_of_amount", "amount", "numerator", "denominator"), columns, rows)
    assert [int(share.scaleb(6)) for share in found if share is not None] == [1, -1, -1, 1, 2, -2, -2, 2]


@few_and_long
@given(many(amounts(2, Decimal(10**11)), st.decimals(0, 100, places=2)))
def test_vat_is_exact(rows: list[Row]) -> None:
    """The VAT of a credit note would be a cent less than that of its invoice."""

    def vat(net: Decimal, percent: Decimal) -> Decimal:
        return rounded(Fraction(net) * Fraction(percent) / 100, 2)

    rows = [*rows, (Decimal("0.50"), Decimal(21)), (Decimal("-0.50"), Decimal(21)), (Decimal("-37.50"), Decimal(21))]
    assert_exact(formula("vat_amount", "net", "percent"), ("net decimal(38, 2)", "percent decimal(5, 2)"), rows, vat)
