"""The calls of one exchange on one day, as columns. Vectorised; every (seed, day, exchange) draws its own random
numbers.

Draws are integers and lookups in tables of tickets (``branches.lottery``): no floating point decides what a call looks
like.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time

import numpy as np
import pyarrow as pa

from orchestration.demo import destinations
from orchestration.demo.branches import KINDS, TICKETS, Branch, lognormal_durations, lottery
from orchestration.demo.destinations import Block
from orchestration.demo.exchanges import STANDARD, Exchange
from orchestration.demo.partners import AIRTIME_ACCESS, FIXED_MOBILE_CUSTOMER, SIM_CARDS, Customer
from orchestration.demo.period import CLOCK_CHANGE_S, Period, clock_offsets_s, offsets_s

ANSWERED, NO_ANSWER, BUSY, FAILED = range(4)
OUTCOMES = lottery([88, 8, 3, 1])  # 12 of 100 calls are not answered
PLUS, ZERO_ZERO, BARE, NATIONAL, ZERO_COUNTRY, DASHED, VERBATIM = range(7)
"""Spellings of a number: +31.., 0031.., 31.., 0.., 031.., 0xx-xxxx, and text that is no E.164 number."""
SPELLINGS_AT_HOME = lottery({PLUS: 26, ZERO_ZERO: 10, BARE: 14, NATIONAL: 48, ZERO_COUNTRY: 1.5, DASHED: 0.5})
SPELLINGS_ABROAD = lottery({PLUS: 40, ZERO_ZERO: 52, BARE: 8})
SPELLINGS_OF_CALLER = lottery({PLUS: 60, BARE: 25, NATIONAL: 15})
RINGING_S = lottery([0, 1, 4, 8, 9, 8, 7, 6, 5, 4, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1])
OUTBOUND, INBOUND = range(2)
FIXED_MOBILE_TICKETS = TICKETS * 2 // 5  # of the outbound calls of the customer with SIM cards, two in five start on one


@dataclass(frozen=True)
class Pool:
    """Called numbers of one kind: a ticket draws a block, a second draw the number in it."""

    first: np.ndarray
    count: np.ndarray
    tickets: np.ndarray

    @staticmethod
    def of(blocks: tuple[Block, ...]) -> Pool:
        return Pool(
            np.array([block.first for block in blocks], dtype=np.int64),
            np.array([block.count for block in blocks], dtype=np.int64),
            lottery([block.weight for block in blocks]),
        )

    def draw(self, dice: np.random.Generator, size: int) -> np.ndarray:
        block = self.tickets[dice.integers(TICKETS, size=size)]
        return self.first[block] + dice.integers(1 << 40, size=size) % self.count[block]


POOLS = {
    KINDS.index("fixed"): Pool.of(destinations.FIXED),
    KINDS.index("mobile"): Pool.of(destinations.MOBILE),
    KINDS.index("international"): Pool.of(destinations.INTERNATIONAL),
    KINDS.index("special"): Pool.of(destinations.SPECIAL),
}
SHORT_CODE_TICKETS = lottery([weight for _, weight in destinations.SHORT_CODES])
ANONYMOUS = "Anonymous"
FIRST_EXTENSION = 200  # no Dutch short number begins with 2, as 112 and 144 begin with 1
TEXTS = (
    "", *(code for code, _ in destinations.SHORT_CODES), *destinations.FEATURE_CODES, ANONYMOUS,
    *(str(extension) for extension in range(FIRST_EXTENSION, FIRST_EXTENSION + 100)),
)  # fmt: skip
FEATURES_AT = 1 + len(destinations.SHORT_CODES)
ANONYMOUS_AT = FEATURES_AT + len(destinations.FEATURE_CODES)
EXTENSIONS_AT = ANONYMOUS_AT + 1


@dataclass(frozen=True)
class Crowd:
    """The customers of one exchange as arrays, and the tables from which their calls are drawn."""

    exchange: Exchange
    index: int
    weights: np.ndarray
    """Customers x 7: how much each calls on Monday to Sunday."""
    branch: np.ndarray
    hours: np.ndarray
    """Branches x (weekday, weekend) x tickets -> local hour."""
    kinds: np.ndarray
    talk_s: np.ndarray
    first_number: np.ndarray
    extensions: np.ndarray
    first_account: np.ndarray
    """Place of a customer's first account among ``accounts``."""
    trunks: np.ndarray
    accounts: pa.Array
    onnet: Pool
    fixed_mobile: int
    """Place of the customer with SIM cards, -1 where he is on another exchange."""


def crowd_of(exchange: Exchange, index: int, everybody: tuple[Customer, ...]) -> Crowd:
    own = [customer for customer in everybody if customer.exchange.exchange_id == exchange.exchange_id]
    branches: list[Branch] = list({customer.branch.name: customer.branch for customer in own}.values())
    names = [branch.name for branch in branches]
    trunks = np.array([len(customer.accounts) for customer in own])
    ids = [customer.customer_id for customer in own]
    return Crowd(
        exchange=exchange,
        index=index,
        weights=np.array([[customer.weight * share for share in customer.branch.week] for customer in own]),
        branch=np.array([names.index(customer.branch.name) for customer in own]),
        hours=np.array([[_hours(branch.weekday_hours), _hours(branch.weekend_hours)] for branch in branches]),
        kinds=np.array([lottery(list(branch.kinds)) for branch in branches]),
        talk_s=np.array([lognormal_durations(branch.talk_median_s, branch.talk_spread) for branch in branches]),
        first_number=np.array([customer.first_number for customer in own], dtype=np.int64),
        extensions=np.array([customer.extensions for customer in own]),
        first_account=np.cumsum(trunks) - trunks,
        trunks=trunks,
        accounts=pa.array([account for customer in own for account in customer.accounts]),
        onnet=Pool.of(tuple(Block(c.first_number, min(c.extensions, c.numbers), 1, "NL") for c in everybody)),
        fixed_mobile=ids.index(FIXED_MOBILE_CUSTOMER) if FIXED_MOBILE_CUSTOMER in ids else -1,
    )


def _hours(digits: str) -> np.ndarray:
    return lottery([float(digit) for digit in digits])


def calls_per_day(calls: int, period: Period, crowds: list[Crowd]) -> np.ndarray:
    """Days x exchanges: whole numbers that add up to ``calls`` exactly (largest remainders)."""
    weekdays = [day.weekday() for day in period.days]
    rhythm = np.array([[crowd.weights[:, weekday].sum() for crowd in crowds] for weekday in weekdays])
    shares = np.array([crowd.exchange.share for crowd in crowds]) * rhythm / rhythm.sum(axis=0)
    exact = (calls * shares / shares.sum()).round(6)
    whole = np.floor(exact).astype(np.int64)
    missing = calls - int(whole.sum())
    order = np.argsort((whole - exact).ravel(), kind="stable")
    whole.ravel()[order[:missing]] += 1
    return whole


def calls_of(crowd: Crowd, day: date, size: int, seed: int) -> pa.Table:
    """``size`` call legs of one exchange on one local day, in the order in which they end.

    Columns: day_number (yymmdd), serial (of the call in its file, from 1), account, caller and callee (E.164 as
    integers, or text where the spelling is VERBATIM), their spellings, started_at (local), offset_s (of the clock from
    UTC), ring_s, talk_s (0 unless answered), outcome, direction, is_internal, leg ('', 'pbx', 'airtime').
    """
    dice = np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, day.toordinal(), crowd.index])))
    is_weekend = int(day.weekday() >= 5)

    def draw(table: np.ndarray) -> np.ndarray:
        return table[dice.integers(TICKETS, size=size)]

    customer = draw(lottery(crowd.weights[:, day.weekday()].tolist()))
    branch = crowd.branch[customer]
    kind = crowd.kinds[branch, dice.integers(TICKETS, size=size)]
    if crowd.exchange.account == "caller":  # a call that comes in names nobody who pays
        kind[(kind == KINDS.index("inbound")) | (kind == KINDS.index("internal"))] = KINDS.index("mobile")

    started_s = crowd.hours[branch, is_weekend, dice.integers(TICKETS, size=size)] * 3600 + dice.integers(3600, size=size)
    second_pass = dice.integers(2, size=size) == 1
    before, after = clock_offsets_s(day)
    if before != after and (after > before or crowd.exchange.clock not in ("offset", "utc")):
        # Local stamps of the night in which the clock changes are dirt, in known numbers: see ``dirt``.
        started_s = np.where(started_s < CLOCK_CHANGE_S[1], started_s + CLOCK_CHANGE_S[1], started_s)
    outcome = draw(OUTCOMES)
    talk_s = np.where(outcome == ANSWERED, crowd.talk_s[branch, dice.integers(TICKETS, size=size)], 0)
    ring_s = draw(RINGING_S) + (outcome == NO_ANSWER) * 12

    extension = dice.integers(1 << 30, size=size) % crowd.extensions[customer]
    own_number = crowd.first_number[customer] + extension
    other = np.zeros(size, dtype=np.int64)
    for code, pool in POOLS.items():
        other = np.where(kind == code, pool.draw(dice, size), other)
    other = np.where(kind == KINDS.index("onnet"), crowd.onnet.draw(dice, size), other)
    is_inbound = kind == KINDS.index("inbound")
    from_mobile = dice.integers(2, size=size) == 1
    outside = np.where(from_mobile, POOLS[1].draw(dice, size), POOLS[0].draw(dice, size))
    caller = np.where(is_inbound, outside, own_number)
    callee = np.where(is_inbound, own_number, other)

    at_home = callee // 10 ** np.clip(_digits(callee) - 2, 0, None) == 31
    callee_spelling = np.where(at_home, draw(SPELLINGS_AT_HOME), draw(SPELLINGS_ABROAD))
    caller_spelling = draw(SPELLINGS_OF_CALLER)
    caller_text = np.zeros(size, dtype=np.int32)
    callee_text = np.zeros(size, dtype=np.int32)
    is_short = (kind == KINDS.index("special")) & (dice.integers(2, size=size) == 1)
    callee_text = np.where(is_short, 1 + draw(SHORT_CODE_TICKETS), callee_text)
    callee_text = np.where(
        kind == KINDS.index("feature"),
        FEATURES_AT + dice.integers(len(destinations.FEATURE_CODES), size=size),
        callee_text,
    )
    is_internal = kind == KINDS.index("internal")
    neighbour = (extension + 1 + dice.integers(5, size=size)) % 100
    callee_text = np.where(is_internal, EXTENSIONS_AT + neighbour, callee_text)
    is_inner = is_internal | (kind == KINDS.index("feature"))
    caller_text = np.where(is_inner & (crowd.exchange.account != "caller"), EXTENSIONS_AT + extension % 100, caller_text)
    is_anonymous = (dice.integers(100, size=size) < 3) & (is_inbound | (crowd.exchange.account != "caller")) & ~is_inner
    caller_text = np.where(is_anonymous, ANONYMOUS_AT, caller_text)

    columns = {
        "serial": np.arange(1, size + 1),
        "account": crowd.first_account[customer] + dice.integers(1 << 20, size=size) % crowd.trunks[customer],
        "caller": caller,
        "callee": callee,
        "caller_text": caller_text,
        "callee_text": callee_text,
        "caller_spelling": np.where(caller_text > 0, VERBATIM, caller_spelling),
        "callee_spelling": np.where(callee_text > 0, VERBATIM, callee_spelling),
        "started_s": started_s,
        "second_pass": second_pass,
        "ring_s": ring_s,
        "talk_s": talk_s,
        "outcome": outcome,
        "direction": np.where(is_inbound, INBOUND, OUTBOUND),
        "extension": FIRST_EXTENSION + extension % 100,
        "is_internal": is_internal,
        "leg": np.zeros(size, dtype=np.int8),
    }
    if crowd.fixed_mobile >= 0 and crowd.exchange.feed == STANDARD:
        from_sim = (customer == crowd.fixed_mobile) & (kind <= KINDS.index("special")) & (caller_text == 0)
        from_sim &= dice.integers(TICKETS, size=size) < FIXED_MOBILE_TICKETS
        columns = _with_airtime(columns, from_sim, dice)
    return _table(columns, crowd, day)


def _digits(numbers: np.ndarray) -> np.ndarray:
    powers = 10 ** np.arange(1, 16, dtype=np.int64)
    return np.searchsorted(powers, numbers, side="right") + 1


def _with_airtime(columns: dict[str, np.ndarray], from_sim: np.ndarray, dice: np.random.Generator) -> dict[str, np.ndarray]:
    """Give every call ``from_sim`` its second leg, SIM card to exchange, and drop as many other calls, so that the size
    stays.
    """
    calls = np.flatnonzero(from_sim)
    others = np.flatnonzero(~from_sim)
    calls = calls[: len(others)]
    first_sim, sims = SIM_CARDS
    columns["leg"][calls] = 1
    columns["caller"][calls] = first_sim + dice.integers(sims, size=len(calls))
    columns["caller_spelling"][calls] = PLUS
    airtime = {name: values[calls] for name, values in columns.items()}
    airtime["leg"] = np.full(len(calls), 2, dtype=np.int8)
    airtime["callee"] = AIRTIME_ACCESS + dice.integers(1000, size=len(calls))
    airtime["callee_spelling"] = np.full(len(calls), PLUS)
    airtime["callee_text"] = np.zeros(len(calls), dtype=np.int32)
    kept = np.sort(np.concatenate([calls, others[: len(others) - len(calls)]]))
    return {name: np.concatenate([values[kept], airtime[name]]) for name, values in columns.items()}


def _table(columns: dict[str, np.ndarray], crowd: Crowd, day: date) -> pa.Table:
    ended = columns["started_s"] + columns["ring_s"] + columns["talk_s"]
    order = np.argsort(ended * 4 + columns["leg"], kind="stable")
    ordered = {name: values[order] for name, values in columns.items()}
    midnight = np.datetime64(datetime.combine(day, time.min), "us")
    started_s = ordered.pop("started_s").astype(np.int64)
    offset = offsets_s(day, started_s, ordered.pop("second_pass"))

    def words(name: str, dictionary: pa.Array) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(ordered.pop(name).astype(np.int32)), dictionary)

    return pa.table(
        {
            "account": words("account", crowd.accounts),
            "caller_text": words("caller_text", pa.array(TEXTS)),
            "callee_text": words("callee_text", pa.array(TEXTS)),
            "leg": words("leg", pa.array(["", "pbx", "airtime"])),
            "started_at": pa.array(midnight + started_s.astype("timedelta64[s]")),
            "offset_s": offset,
            "day_number": np.full(len(order), int(f"{day:%y%m%d}")),
            **ordered,
        }
    )
