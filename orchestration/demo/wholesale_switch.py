"""What the wholesaler's switch counted: every answered call that left the platform, priced by the partner's deck.

A second meter beside the pipeline's: it sees the calls before they are written as records, so that the wholesaler's invoices of
the demo are not what the models say. Whole numbers and lookups in sorted arrays only.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise

import numpy as np
import pyarrow as pa

from orchestration.demo import decks, price_lists
from orchestration.demo.decks import Rate
from orchestration.demo.destinations import SATELLITE_WITHOUT_RATE, SHORT_CODES
from orchestration.demo.exchanges import EXCHANGES, Exchange
from orchestration.demo.files import Spoken
from orchestration.demo.partners import PARTNERS, SIM_CARDS, Customer, Partner
from orchestration.demo.period import BEFORE_EVERYTHING, Period
from orchestration.demo.traffic import ANSWERED, OUTBOUND, TEXTS, ZERO_COUNTRY

LONGEST_NUMBER = 15  # E.164
SHORTEST_IN_FULL = 31_100000000  # Dutch numbers have nine digits behind 31, but for those of services
AT_HOME = 31_000000000
E5, E4 = 100_000, 10_000
UNPRICED = Rate(str(SATELLITE_WITHOUT_RATE)[:5], "Satelliet 88216", Decimal(0), Decimal("2.9500"), (60, 60))
"""What the wholesaler asks for the network that is on no deck."""
SHORT_NUMBERS = np.array([int(f"31{text}") if text in dict(SHORT_CODES) else 0 for text in TEXTS], dtype=np.int64)

CALLS, SECONDS, AMOUNT_E4, EARLY_E4, LATE_E4, MINUTES_S, MINUTES_E4, UNEVEN = range(8)
"""What is counted of a destination: calls, their seconds by the deck's increments and what they cost; what they would have cost at
the deck of ``price_lists.NEW_LIST_FROM`` and at the first one; seconds and cost in whole minutes. ``UNEVEN`` counts calls of which
these say nothing: their price has a fee or steps.
"""


@dataclass(frozen=True)
class PriceTable:
    """A deck on one day: numbers of 15 digits, from each start on the row with the longest prefix; -1 where there is none."""

    starts: np.ndarray
    rows: np.ndarray
    fee_e5: np.ndarray
    rate_e5: np.ndarray
    first_s: np.ndarray
    next_s: np.ndarray

    @staticmethod
    def of(rates: Sequence[Rate]) -> PriceTable:
        starts, rows = [0], [-1]
        around: list[tuple[int, int]] = []  # end and row of the prefixes that a number lies in, the longest last

        def begin(start: int, row: int) -> None:
            if starts[-1] == start:
                rows[-1] = row
            else:
                starts.append(start)
                rows.append(row)

        def leave_before(start: int) -> None:
            while around and around[-1][0] <= start:
                end, _ = around.pop()
                begin(end, around[-1][1] if around else -1)

        width = [10 ** (LONGEST_NUMBER - len(rate.prefix)) for rate in rates]
        for row in sorted(range(len(rates)), key=lambda row: (int(rates[row].prefix) * width[row], -width[row])):
            start = int(rates[row].prefix) * width[row]
            leave_before(start)
            begin(start, row)
            around.append((start + width[row], row))
        leave_before(10**LONGEST_NUMBER)
        columns = zip(*((int(r.connection_fee_eur * E5), int(r.minute_rate_eur * E5), *r.increments_s) for r in rates), strict=True)
        return PriceTable(*(np.array(column, dtype=np.int64) for column in (starts, rows, *columns)))

    def row_of(self, numbers: np.ndarray) -> np.ndarray:
        digits = np.searchsorted(10 ** np.arange(1, LONGEST_NUMBER, dtype=np.int64), numbers, side="right") + 1
        return self.rows[np.searchsorted(self.starts, numbers * 10 ** (LONGEST_NUMBER - digits), side="right") - 1]

    def seconds(self, row: np.ndarray, talk_s: np.ndarray) -> np.ndarray:
        step = self.next_s[row]
        return self.first_s[row] + np.maximum(0, -(-(talk_s - self.first_s[row]) // step)) * step

    def amount_e4(self, row: np.ndarray, seconds: np.ndarray) -> np.ndarray:
        """Fee and seconds in units of 0.0001 EUR, rounded half up once per call."""
        return (2 * (60 * self.fee_e5[row] + seconds * self.rate_e5[row]) + 60 * (E5 // E4)) // (2 * 60 * (E5 // E4))


def standing_deck(partner: Partner, deck_prefixes: int | None) -> list[Rate]:
    """The rows of the partner's deck that are in effect, from every price list that holds."""
    is_first = partner is PARTNERS[0]
    prefixes = deck_prefixes if is_first else None
    following = price_lists.new_list(partner.deck_id, prefixes) if is_first else ()
    rows = {(rate.prefix, rate.valid_from): rate for rate in (*decks.rates_of(partner.deck_id, prefixes), *following)}
    return list(rows.values())


def rates_on(deck: Iterable[Rate], day: date) -> list[Rate]:
    """The row of each prefix that is valid on a day: the last one begun, unless it has ended."""
    begun: dict[str, Rate] = {}
    for rate in sorted(deck, key=lambda rate: rate.valid_from):
        if rate.valid_from <= day:
            begun[rate.prefix] = rate
    return [rate for rate in begun.values() if rate.valid_to is None or day < rate.valid_to]


@dataclass(frozen=True)
class Cell:
    """One row of an invoice to be: whose, for which month, of which account ("" for all that are not invoiced apart), where to."""

    partner_id: str
    month: str
    account: str
    prefix: str
    destination: str


APART = {exchange.exchange_id: "bh-053-trunk" for exchange in EXCHANGES if exchange.exchange_id == "demo-asterisk-own"}
"""Exchanges whose one account the wholesaler invoices apart."""


class Switch:
    """Counts the calls of the exchanges, as many at a time as one likes; sums of whole numbers do not depend on the order."""

    def __init__(self, customers: Sequence[Customer], period: Period, deck_prefixes: int | None) -> None:
        blocks = sorted([*((c.first_number, c.numbers) for c in customers), SIM_CARDS])
        self._own_starts = np.array([first for first, _ in blocks], dtype=np.int64)
        self._own_ends = np.array([first + count for first, count in blocks], dtype=np.int64)
        self._decks = {partner.partner_id: _Deck(standing_deck(partner, deck_prefixes), period) for partner in PARTNERS}
        self._partners = {exchange.exchange_id: exchange.partner_id for exchange in EXCHANGES}
        self._months = {f"{month:%Y-%m}" for month in period.months}
        self._sums: dict[tuple[str, str, str], np.ndarray] = {}
        self._lock = threading.Lock()

    def count(self, exchange: Exchange, day: date, calls: pa.Table) -> None:
        """The calls of one exchange on one local day, with the columns of ``traffic.calls_of``."""
        text = calls.column("callee_text").combine_chunks().indices.to_numpy()
        number = calls.column("callee").to_numpy()
        # 031 before a short service number, 0319001230, is how a number of area 0319 is dialled
        is_taken_for_fixed = (calls.column("callee_spelling").to_numpy() == ZERO_COUNTRY) & (number < SHORTEST_IN_FULL)
        number = np.where(is_taken_for_fixed, AT_HOME + number, number)
        callee = np.where(text > 0, SHORT_NUMBERS[text], number)
        is_spoken = (calls.column("outcome").to_numpy() == ANSWERED) & (calls.column("direction").to_numpy() == OUTBOUND) & (callee > 0)
        self._count(exchange.exchange_id, day, callee[is_spoken], calls.column("talk_s").to_numpy()[is_spoken].astype(np.int64))

    def count_spoken(self, spoken: Iterable[Spoken]) -> None:
        """Calls one by one; the rows of a conversation add up to one."""
        conversations: dict[tuple[str, str], list[Spoken]] = {}
        for row in spoken:
            conversations.setdefault((row.exchange_id, row.conversation), []).append(row)
        for (exchange_id, _), rows in conversations.items():
            talk_s = sum(row.talk_s for row in rows)
            self._count(exchange_id, rows[0].day, np.array([rows[0].callee]), np.array([talk_s]))

    def _count(self, exchange_id: str, day: date, callee: np.ndarray, talk_s: np.ndarray) -> None:
        if f"{day:%Y-%m}" not in self._months:
            return
        stays = callee < self._own_ends[np.searchsorted(self._own_starts, callee, side="right") - 1]
        stays &= callee >= self._own_starts[0]
        callee, talk_s = callee[~stays], talk_s[~stays]
        partner_id = self._partners[exchange_id]
        cells, counted = self._decks[partner_id].count(day, callee, talk_s)
        key = (partner_id, f"{day:%Y-%m}", APART.get(exchange_id, ""))
        with self._lock:
            sums = self._sums.setdefault(key, np.zeros((UNEVEN + 1, len(self._decks[partner_id].cells)), dtype=np.int64))
            for place, values in enumerate(counted):
                np.add.at(sums[place], cells, values)

    def counted(self) -> dict[Cell, list[int]]:
        """Per cell with any call what was counted, in the order of the constants."""
        return {
            Cell(*key, *self._decks[key[0]].cells[place]): sums[:, place].tolist()
            for key, sums in sorted(self._sums.items())
            for place in np.flatnonzero(sums[CALLS]).tolist()
        }


class _Deck:
    """A deck over a period: a table for each run of days on which it is the same, and one list of all prefixes and destinations."""

    def __init__(self, deck: list[Rate], period: Period) -> None:
        deck = [*deck, UNPRICED]
        bounds = {day for rate in deck for day in (rate.valid_from, rate.valid_to) if day and period.first < day <= period.last}
        spans = [(first, last, rates_on(deck, first)) for first, last in pairwise([*sorted({period.first, *bounds}), date.max])]
        self.cells = sorted({(rate.prefix, rate.destination) for _, _, rates in spans for rate in rates})
        places = {cell: place for place, cell in enumerate(self.cells)}
        self._tables = [
            (first, last, PriceTable.of(rates), np.array([places[rate.prefix, rate.destination] for rate in rates], dtype=np.int64))
            for first, last, rates in spans
        ]
        self._early, self._late = (PriceTable.of(rates_on(deck, day)) for day in (price_lists.NEW_LIST_FROM, BEFORE_EVERYTHING))

    def count(self, day: date, callee: np.ndarray, talk_s: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        """The cell of each call, and what is counted of it."""
        table, cells = next((table, cells) for first, last, table, cells in self._tables if first <= day < last)
        row = table.row_of(callee)
        seconds = table.seconds(row, talk_s)
        minutes_s = -(-talk_s // 60) * 60
        uneven = (table.fee_e5[row] > 0) | (table.first_s[row] != 1) | (table.next_s[row] != 1)
        others = []
        for other in (self._early, self._late):
            other_row = other.row_of(callee)
            other_s = other.seconds(other_row, talk_s)
            others.append(other.amount_e4(other_row, other_s))
            uneven |= other_s != seconds
        counted = [
            np.ones_like(talk_s),
            seconds,
            table.amount_e4(row, seconds),
            *others,
            minutes_s,
            table.amount_e4(row, minutes_s),
            uneven,
        ]
        return cells[row], counted
