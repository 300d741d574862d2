"""The batch's SQL against an independent rater on trades that hypothesis draws; the arithmetic of a price at the edges of amounts."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, fields
from decimal import Decimal
from fractions import Fraction
from functools import cache
from itertools import product

import duckdb
import pyarrow as pa
import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestration.warehouse.formulas import formula, model, rule
from orchestration.workspace import DBT_PROJECT_DIR, SEEDS_DIR
from tests.models import oracle
from tests.models.random_trade import FEEDS, NUMBERS, RandomCall, Trade, calls_of, trades

TRADES, CALLS_PER_TRADE = 40, 2_600  # 104,000 calls
SHOWN = 3

MODELS = (
    "stg_landing__partner_periods",
    "stg_landing__customer_periods",
    "int_call_plans",
    "int_platform_numbers",
    "int_deck_prefixes",
    "int_deck_prices",
    "int_customer_plans",
    "int_call_plan_prices",
    "int_called_numbers",
)
"""What rating stands on, in the order of what needs what."""

SEEDS = ("number_prefixes", "short_numbers", "dialling_plans", "dialled_prefixes")

PRICE = tuple(field.name for field in fields(oracle.Price))
PROFILE = {"derandomize": True, "deadline": None, "suppress_health_check": list(HealthCheck), "phases": (Phase.explicit, Phase.generate)}
"""The same draws as long as the same modules are loaded (hypothesis tries the constants it finds in them, too); no shrinking: a
difference is told call by call, with the rows that it hangs on."""


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """The seeds; of the world's numbering plans those of the countries that the calls go to, so that a trade takes a second."""
    with duckdb.connect(config={"threads": "1"}) as connection:
        near = " or ".join(f"starts_with(prefix, '{code}')" for code in {number[:3] for number in NUMBERS} | {"31", "121", "749", "770"})
        for name in SEEDS:
            only = f"where length(prefix) < 4 or {near}" if name == "number_prefixes" else ""
            types = "".join(f", {column}: {data_type!r}" for column, data_type in _column_types(name).items())[2:]
            connection.execute(
                f"create table {name} as from read_csv('{SEEDS_DIR / name}.csv', all_varchar = true, types = {{{types}}}) {only}"
            )
        yield connection


def _column_types(name: str) -> dict[str, str]:
    declared = yaml.safe_load((SEEDS_DIR / "_seeds.yml").read_text(encoding="utf-8"))["seeds"]
    return next(seed for seed in declared if seed["name"] == name)["config"]["column_types"]


@pytest.fixture(scope="module")
def seeds(connection: duckdb.DuckDBPyConnection) -> dict[str, list[oracle.Row]]:
    return {f"{name}.csv": _rows(connection, name) for name in SEEDS}


def _rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[oracle.Row]:
    result = connection.execute(f"select columns(*)::varchar from {table}")
    names = [column[0] for column in result.description]
    return [{name: value or "" for name, value in zip(names, row, strict=True)} for row in result.fetchall()]


def test_no_call_differs_from_the_independent_rater(
    connection: duckdb.DuckDBPyConnection, seeds: dict[str, list[oracle.Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A customer would pay another price than the rules say by 0.0001 or more, or a call would be billed, or not, against the rules."""
    met: Counter[str] = Counter()
    exact_rounding = oracle.rounded

    def counting(amount: Fraction, decimals: int) -> Decimal:
        met["tie"] += (amount * 10**decimals).denominator == 2
        met[f"{decimals} decimals"] += 1
        return exact_rounding(amount, decimals)

    monkeypatch.setattr(oracle, "rounded", counting)

    @settings(max_examples=TRADES, **PROFILE)
    @given(trades())
    def compare(trade: Trade) -> None:
        books = oracle.books_of(lambda feed: trade.rows.get(feed, []), seeds.__getitem__)
        calls = list(calls_of(trade, books, seeds.__getitem__, CALLS_PER_TRADE))
        wrong = []
        for call, columns in zip(calls, _rated(connection, trade, calls), strict=True):
            *found, rate_country, rate_line_type, deck_prefix = columns
            expected = oracle.price(
                books,
                call.customer,
                call.on,
                call.destination,
                call.duration_s,
                call.disposition,
                "inbound" if call.is_inbound else "outbound",
            )
            should = tuple(asdict(expected).values())
            met["calls"] += 1
            met[f"{expected.status} {expected.status_reason}"] += 1
            met["inbound and charged"] += call.is_inbound and expected.status == "rated"
            met["on-net and charged"] += expected.status_reason is None and oracle.is_onnet(books, call.destination, call.on)
            met["free and bought"] += expected.status_reason == "free_number" and bool(expected.purchase_eur)
            if expected.status_reason is None:
                met[_specificity(rate_country, rate_line_type, call.destination)] += 1
                met["whole number"] += deck_prefix == call.destination.number
                met["line type by the deck"] += call.destination.line_type != call.listed.line_type
                met["country by the deck"] += call.destination.country != call.listed.country
            if tuple(found) != should:
                wrong.append(_told(trade, call, dict(zip(PRICE, found, strict=True)), expected))
        assert not wrong, f"{len(wrong)} of {len(calls)} calls differ\n" + "\n\n".join(wrong[:SHOWN])

    compare()
    print(f"{met['calls']:,} calls compared: {dict(sorted(met.items()))}")
    assert met["calls"] >= 100_000
    expected = {
        "tie", "inbound and charged", "on-net and charged", "whole number", "free and bought", "line type by the deck",
        "country by the deck", "exempt inbound", "exempt internal",
        "exempt feature_code", "rated None", "rated onnet", "rated free_number", "unanswered no_answer", "unanswered busy",
        "unanswered failed", "unanswered zero_seconds", "unrated unparsable_number", "unrated no_call_plan",
        "unrated unknown_call_plan", "unrated no_deck_row", "unrated ambiguous_deck", "unrated no_plan_rate", "country and type",
        "country", "type", "any", "special by Standaard FIX",
        *(f"{decimals} decimals" for decimals in range(7)),
    }  # fmt: skip
    assert not (unmet := sorted(kind for kind in expected if met[kind] < 10)), f"the comparison proves nothing about {unmet}"


def _specificity(rate_country: str, rate_line_type: str, destination: oracle.Called) -> str:
    if rate_country != "*":
        return "country" if rate_line_type == "*" else "country and type"
    if rate_line_type == "*":
        return "any"
    return "type" if rate_line_type == destination.line_type else "special by Standaard FIX"


def _rated(connection: duckdb.DuckDBPyConnection, trade: Trade, calls: list[RandomCall]) -> list[tuple]:
    """What the batch makes of the calls, in their order: columns PRICE, rate_country, rate_line_type, deck_prefix."""
    for feed, rows in trade.rows.items():
        types = FEEDS[feed]
        landed = pa.table({name: pa.array([row.get(name, "") for row in rows], pa.string()) for name in types})
        typed = ", ".join(f"cast(nullif({name}, '') as {data_type}) as {name}" for name, data_type in types.items())
        connection.register("landed", landed)
        connection.execute(
            f"create or replace table stg_landing__{feed} as"
            f" with typed as (select {typed}, 1 as file_id, row_number() over () as line from landed)"
            f" from typed qualify row_number() over (partition by {', '.join(_replaced(feed))} order by line desc) = 1"
        )
    columns = {
        "call_key": [str(number) for number in range(len(calls))],
        "partner_id": [call.customer["partner_id"] for call in calls],
        "customer_id": [call.customer["customer_id"] for call in calls],
        "callee": [call.dialled for call in calls],
        "call_date": [call.on for call in calls],
        "direction": ["inbound" if call.is_inbound else ("outbound", None)[call.duration_s % 2] for call in calls],
        "disposition": [call.disposition for call in calls],
        "duration_s": pa.array([call.duration_s for call in calls], pa.int64()),
        "reject_reason": pa.array([None] * len(calls), pa.string()),
    }
    connection.register("landed", pa.table(columns))
    connection.execute("create or replace table int_calls_attributed as from landed")
    *models, rated = _batch()
    for statement in models:
        connection.execute(statement)
    return connection.execute(rated).fetchall()


@cache
def _batch() -> list[str]:
    """The batch's own SQL: the models that rating stands on, then the rated calls."""
    staging = [f"stg_landing__{feed}" for feed in FEEDS]
    relations = {name: name for name in (*SEEDS, "int_calls_attributed", *MODELS, *staging)}
    rated = rule("{{ rated_calls('int_calls_attributed') }}", relations)
    return [
        *(f"create or replace table {name} as {model(name, relations)}" for name in MODELS),
        f"select {', '.join(PRICE)}, rate_country, rate_line_type, deck_prefix from ({rated}) order by call_key::integer",
    ]


@cache
def _replaced(feed: str) -> list[str]:
    """What two rows of a feed have alike where the later replaces the earlier, as the feed is declared."""
    declared = yaml.safe_load((DBT_PROJECT_DIR / "models/staging/landing/_landing__sources.yml").read_text(encoding="utf-8"))
    (table,) = (table for source in declared["sources"] for table in source["tables"] if table["name"] == feed)
    keys = [column["name"] for column in table["columns"] if column.get("config", {}).get("meta", {}).get("key")]
    meta = table["config"]["meta"]
    return keys + meta.get("replaces_per", []) + (["partner_id"] if "tenant" in meta else [])


def _told(trade: Trade, call: RandomCall, found: dict[str, object], expected: oracle.Price) -> str:
    """A call that differs, with the rows that it may hang on."""
    number = call.destination.number
    rows = trade.rows
    parties = [row for row in rows["partners"] if row["partner_id"] == call.customer["partner_id"]]
    parties += [row for row in rows["customers"] if row["customer_id"] == call.customer["customer_id"]]
    deck_ids = {row.get("deck_id") for row in parties}
    deck = [row for row in rows["purchase_rates"] if row["deck_id"] in deck_ids and number.startswith(row["prefix"])]
    assigned = [
        row for row in rows["customer_plans"] if call.customer["customer_id"] == row["customer_id"] or _is_of_group(row, call.customer)
    ]
    plan_ids = {row["call_plan_id"] for row in assigned}
    plans = [
        row
        for feed in ("call_plans", "call_plan_rates")
        for row in rows[feed]
        if row["call_plan_id"] in plan_ids and row["partner_id"] == call.customer["partner_id"]
    ]
    platform = [row for row in rows["numbers"] if row["first_number"][1:] <= number <= row["last_number"][1:]]
    lines = [f"{name} is {found[name]}, should be {value}" for name, value in asdict(expected).items() if found[name] != value]
    return "\n".join([str(call), *lines, *(f"    {row}" for row in (*parties, *deck, *assigned, *plans, *platform))])


def _is_of_group(assignment: oracle.Row, customer: oracle.Row) -> bool:
    group = assignment["customer_group"], assignment["partner_id"]
    return not assignment["customer_id"] and group == (customer["customer_group"], customer["partner_id"])


# The arithmetic of a price alone ------------------------------------------------------------------------------------------------

ARGUMENTS = ("fee_e8", "fee_ppm", "rate_e8", "rate_ppm", "seconds", "decimals")
Sum = tuple[int, int, int, int, int, int]
"""In the order of ARGUMENTS."""

EURO, PERCENT = 10**8, 10**4
LARGEST_EUR, LARGEST_PERCENT, LONGEST_S = 100_000 * EURO, 10**9 - 1, 3 * 86_400
AMOUNT_EDGES = (0, 1, 3_000_000, EURO - 1, EURO, EURO + 1, 92 * EURO, 100 * EURO, LARGEST_EUR)
PERCENT_EDGES = (0, 1, 100 * PERCENT, 999 * PERCENT - 1, 999 * PERCENT, 999 * PERCENT + 1, 1000 * PERCENT, LARGEST_PERCENT)
SECOND_EDGES = (0, 1, 30, 61, 3599, 3600, 3601, LONGEST_S)


def test_a_price_is_exact_on_both_sides_of_every_edge(connection: duckdb.DuckDBPyConnection) -> None:
    """64 bits would overflow and stop the run, or a dear call would cost another price than a cheap one by the same sum."""
    edges = product(AMOUNT_EDGES, PERCENT_EDGES, AMOUNT_EDGES, PERCENT_EDGES, SECOND_EDGES, range(7))
    sums = random.Random(1).sample(list(edges), 40_000)
    assert not (wrong := _wrong_sums(connection, sums)), f"{len(wrong)} of {len(sums)} differ\n" + "\n".join(wrong[:SHOWN])


def _sums() -> st.SearchStrategy[Sum]:
    amounts = st.sampled_from(AMOUNT_EDGES) | st.integers(0, 2 * EURO) | st.integers(0, LARGEST_EUR)
    percents = st.sampled_from(PERCENT_EDGES) | st.integers(0, 1000).map(PERCENT.__mul__) | st.integers(0, LARGEST_PERCENT)
    seconds = st.integers(0, 130).map((30).__mul__) | st.integers(0, 3700) | st.integers(0, LONGEST_S)
    return st.tuples(amounts, percents, amounts, percents, seconds, st.integers(0, 6))


@settings(max_examples=50, **PROFILE)
@given(sums=st.lists(_sums(), min_size=100, max_size=200))
def test_a_price_is_exact(connection: duckdb.DuckDBPyConnection, sums: list[Sum]) -> None:
    """A call would be charged a last decimal too much or too little."""
    assert not (wrong := _wrong_sums(connection, sums)), "\n".join(wrong[:SHOWN])


@given(e8=st.lists(st.integers(0, 10**18 - 1) | st.integers(90 * EURO, 110 * EURO), min_size=500))
@settings(max_examples=20, **PROFILE)
def test_whatever_a_feed_can_say_is_read_exactly(connection: duckdb.DuckDBPyConnection, e8: list[int]) -> None:
    """One deck row of 100 EUR would stop the run of every partner, as it did: a product that leaves the 18 digits of its type."""
    given_amounts = pa.table({"amount": pa.array([Decimal(amount).scaleb(-8) for amount in e8], pa.decimal128(18, 8))})
    connection.register("given_amounts", given_amounts)
    found = connection.execute(f"select {formula('to_e8', 'amount')} from given_amounts").fetchall()
    assert [amount for (amount,) in found] == e8


def _wrong_sums(connection: duckdb.DuckDBPyConnection, sums: list[Sum]) -> list[str]:
    """Where the macro's price is not the exact one; the arguments as columns, as rating gives them, and the decimals as bigint."""
    columns = {name: pa.array(values, pa.int64()) for name, values in zip(ARGUMENTS, zip(*sums, strict=True), strict=True)}
    connection.register("sums", pa.table(columns))
    found = connection.execute(f"select {_price_formula()} from sums").fetchall()
    return [
        f"{dict(zip(ARGUMENTS, terms, strict=True))} is {price}, should be {should}"
        for terms, (price,) in zip(sums, found, strict=True)
        if price != (should := _exact_price(*terms))
    ]


@cache
def _price_formula() -> str:
    return formula("call_price_eur", *ARGUMENTS)


def _exact_price(fee_e8: int, fee_ppm: int, rate_e8: int, rate_ppm: int, seconds: int, decimals: int) -> Decimal:
    fee, minute = Fraction(fee_e8 * fee_ppm, EURO * 10**6), Fraction(rate_e8 * rate_ppm, EURO * 10**6)
    return oracle.rounded(fee + seconds * minute / 60, decimals)
