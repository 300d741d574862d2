"""What a file of rows holds, whoever asks for it: columns, rows as they come, totals, and what is said about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Context, Decimal
from typing import Any

from orchestration.reports.definition import Kind

EXACT = Context(prec=80)
"""Sums of any number of DECIMAL(38) stay exact in it."""


@dataclass(frozen=True)
class Column:
    """One column: its published name, its heading for people, what it holds, words for its codes (``FIX`` -> ``vast``), what it means."""

    name: str
    heading: str = ""
    kind: Kind = "text"
    words: Mapping[str, str] = field(default_factory=dict)
    meaning: str = ""


@dataclass(frozen=True)
class Contents:
    """The contents of one file.

    rows     one sequence per row, a value per column: None, str, int, Decimal, date, datetime or bool; may be an iterator
    totals   column -> its total; asked when all rows have been taken, so that it may be counted while they pass
    about    what was asked of which snapshot, as (name, value); asked when all rows have been taken
    """

    title: str
    columns: tuple[Column, ...]
    rows: Iterable[Sequence[Any]]
    totals: Mapping[str, Decimal | int | None]
    about: Callable[[], Sequence[tuple[str, str]]]
    total_heading: str = "Total"
    about_heading: str = "About"


class RunningTotals(Mapping[str, "Decimal | int | None"]):
    """Totals that are counted while rows pass: exact sums, and percentages of those sums (never a mean of percentages).

    ``shares`` names for a percentage its part and its whole: margin_percent_of_sale -> (margin_eur, sale_eur).
    """

    def __init__(self, columns: Sequence[str], sums: Sequence[str], shares: Mapping[str, tuple[str, str]]) -> None:
        self.rows = 0
        self._places = [(name, columns.index(name)) for name in sums]
        self._sums: dict[str, Decimal | int | None] = dict.fromkeys(sums)
        self._shares = shares

    def counted(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        """The same rows, counted and summed. None counts as nothing; a column of nothing but None has no total."""
        sums, add = self._sums, EXACT.add
        for row in rows:
            self.rows += 1
            for name, place in self._places:
                value = row[place]
                if value is not None:
                    before = sums[name]
                    sums[name] = value if before is None else before + value if isinstance(value, int) else add(before, value)
            yield row

    def __getitem__(self, name: str) -> Decimal | int | None:
        if name in self._sums:
            return self._sums[name]
        part, whole = self._shares[name]
        return percent_of(self._sums[part], self._sums[whole])

    def __iter__(self) -> Iterator[str]:
        return iter((*self._sums, *self._shares))

    def __len__(self) -> int:
        return len(self._sums) + len(self._shares)


def percent_of(part: Decimal | int | None, whole: Decimal | int | None) -> Decimal | None:
    """``part`` as percent of ``whole`` at 2 decimals, half away from zero; None where there is no whole to take it of."""
    if part is None or not whole:
        return None
    return EXACT.divide(EXACT.multiply(part, 100), whole).quantize(Decimal("0.01"), ROUND_HALF_UP, context=EXACT)
