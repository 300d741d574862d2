"""Rating alone, on the same calls and with the same rows that come out: our SQL, PostgreSQL with its ``prefix`` extension, and Polars.

All three get calls that are parsed and normalised (customer, number in E.164, day, seconds), a deck with two validities a prefix, the
world's numbering plans and three call plans. Each finds the longest prefix twice (price and destination), the customer's plan row, and two
prices rounded half away from zero, once per call. A time counts only if no row differs from ours.
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import psycopg
import pyarrow as pa

from orchestration.warehouse.formulas import model, rule
from orchestration.workspace import SEEDS_DIR
from tests.postgres import running_postgres

SEED = 20261101
CUSTOMERS = 200
POSTGRES_SETTINGS = (
    "shared_buffers=2GB",
    "work_mem=256MB",
    "maintenance_work_mem=512MB",
    "max_parallel_workers_per_gather=2",
    "max_parallel_workers=2",
    "jit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
)


MODELS = (
    "stg_landing__partner_periods",
    "stg_landing__customer_periods",
    "int_call_plans",
    "int_customer_plans",
    "int_deck_prefixes",
    "int_deck_prices",
    "int_call_plan_prices",
)
"""What rating stands on, in the order of what needs what."""


@dataclass(frozen=True)
class Rated:
    """How long rating took, and in how many calls its prices differ from ours (None: ours)."""

    who: str
    seconds: float
    differing: int | None = None


def make(connection: duckdb.DuckDBPyConnection, calls: int, prefixes: int) -> None:
    """The data: staging tables by the names of their models, and ``calls`` (n, customer_id, number, call_date, duration_s)."""
    connection.execute(f"select setseed({SEED / 10**9})")
    for seed in ("number_prefixes", "countries", "dialling_plans", "dialled_prefixes", "short_numbers"):
        connection.execute(f"create table {seed} as from read_csv('{SEEDS_DIR}/{seed}.csv', header=true, all_varchar=true)")
    for column in ("shortest", "longest", "removed"):
        connection.execute(f"alter table dialled_prefixes alter {column} type integer")
    connection.execute("alter table short_numbers alter length type integer")
    dice = random.Random(SEED)
    world = [row[0] for row in connection.execute("select prefix from number_prefixes where length(prefix) between 2 and 8").fetchall()]
    deck = set(dice.sample(world, min(len(world), prefixes * 2 // 3))) | {str(code) for code in range(1, 10)}
    parents = sorted(deck)
    while len(deck) < prefixes:
        deck.add(dice.choice(parents) + f"{dice.randrange(1000):03d}"[: dice.randint(1, 3)])
    rows = []
    for prefix in sorted(deck):
        for since, until in (("2026-01-01", "2026-10-15"), ("2026-10-15", None)):
            fee = Decimal(dice.choice((0, 0, 0, 500, 2500))) / 10000
            rows.append(
                (
                    prefix,
                    f"dest {prefix[:4]}",
                    fee,
                    Decimal(dice.randint(20, 9000)) / 10000,
                    dice.choice((1, 1, 30, 60)),
                    dice.choice((1, 1, 6)),
                    since,
                    until,
                )
            )
    connection.execute(
        "create table stg_landing__purchase_rates (prefix varchar, destination varchar, connection_fee_eur decimal(18, 8), "
        "minute_rate_eur decimal(18, 8), first_increment_s bigint, next_increment_s bigint, valid_from date, valid_to date)"
    )
    _fill(connection, "stg_landing__purchase_rates", rows)
    connection.execute("alter table stg_landing__purchase_rates add column deck_id varchar default 'D'")
    connection.execute("alter table stg_landing__purchase_rates add column file_id integer default 1")
    connection.execute("alter table stg_landing__purchase_rates add column line bigint default 1")
    for column in ("country", "line_type"):
        connection.execute(f"alter table stg_landing__purchase_rates add column {column} varchar")
    connection.execute("""
        create table stg_landing__partners as select 'P' as partner_id, 'P' as name, 'premium' as tier, 'D' as deck_id,
            'Europe/Amsterdam' as time_zone, 'NL' as country, null::date as valid_from;
        create table stg_landing__customers as
            select 'C' || n as customer_id, 'P' as partner_id, null::varchar as reseller_id, null::varchar as customer_group,
                null::varchar as vat_category, null::boolean as billing_exempt, null::date as valid_from, null::date as valid_to,
                1 as file_id, n as line
            from range(200) t(n);
        create table stg_landing__call_plans (call_plan_id varchar, partner_id varchar, name varchar, onnet_billing boolean,
            rounding_seconds bigint, rounding_decimals bigint, valid_from date);
        insert into stg_landing__call_plans values
            ('percent', 'P', 'A', false, 1, 4, null), ('euro', 'P', 'B', false, 1, 4, null), ('minutes', 'P', 'C', false, 60, 2, null);
        create table stg_landing__call_plan_rates as
            select 'P' as partner_id, plan as call_plan_id, country, line_type, fee::decimal(18, 8) as connection_fee_eur,
                rate::decimal(18, 8) as minute_rate_eur,
                percent::decimal(9, 4) as minute_rate_percent, date '2026-01-01' as valid_from, null::date as valid_to,
                1 as file_id, 1::bigint as line
            from (values
                ('percent', '*', 'FIX', 0.025, null, 175), ('percent', '*', 'MOB', 0.025, null, 150),
                ('percent', '*', 'SPECIAL', 0.05, null, 110),
                ('percent', 'NL', 'FIX', 0.025, 0.02, null), ('percent', 'NL', 'MOB', 0.025, 0.08, null),
                ('percent', 'DE', '*', 0.02, 0.045, null),
                ('euro', '*', '*', 0.05, 0.25, null), ('euro', 'NL', '*', 0, 0.03, null), ('euro', 'GB', 'FIX', 0, 0.04, null),
                ('minutes', '*', '*', 0.084, null, 500), ('minutes', 'NL', 'FIX', 0.084, 0.032, null)
            ) rates (plan, country, line_type, fee, rate, percent);
        create table stg_landing__customer_plans as
            select customer_id, null::varchar as customer_group, 'P' as partner_id,
                ['percent', 'euro', 'minutes'][(1 + hash(customer_id) % 3)::bigint] as call_plan_id,
                null::varchar as service_plan_id, date '2026-01-01' as valid_from, null::date as valid_to, 1 as file_id, line
            from stg_landing__customers;
        create table int_platform_numbers (e164 varchar, valid_from date, valid_to date);
    """)
    (distinct,) = connection.execute("select count(distinct prefix) from stg_landing__purchase_rates").fetchone()
    connection.execute(f"""
        create table calls as
        with numbered as (
            select row_number() over (order by prefix) - 1 as n, prefix from stg_landing__purchase_rates group by prefix
        ),
        -- most traffic goes to a few prefixes
        made as (
            select call, (hash(call) % ({distinct} // (1 + hash(call + 1) % 50)))::bigint as prefix_number from range({calls}) made (call)
        )
        select
            call as n, 'C' || (call * 7 % {CUSTOMERS}) as customer_id,
            rpad(
                numbered.prefix || lpad((call * 7919 % 10000000)::varchar, 7, '0'),
                greatest(9, least(12, length(numbered.prefix) + 6))::integer, '5'
            ) as number,
            date '2026-10-01' + (call % 31)::integer as call_date,
            (1 + hash(call) % 900)::bigint as duration_s
        from made
        inner join numbered on made.prefix_number = numbered.n
    """)
    # what nobody pays for is no matter of prices
    connection.execute("""
        delete from calls using number_prefixes as free
        where starts_with(calls.number, free.prefix) and free.country in ('NL', '001') and free.number_kind in ('toll_free', 'emergency')
    """)


def _fill(connection: duckdb.DuckDBPyConnection, table: str, rows: list[tuple]) -> None:
    """Insert many rows at once, as text that the table's types read."""
    names = [row[0] for row in connection.execute(f"describe {table}").fetchall()]
    texts = [[None if value is None else str(value) for value in column] for column in zip(*rows, strict=True)]
    connection.register("rows_to_fill", pa.table(dict(zip(names, map(pa.array, texts), strict=True))))
    connection.execute(f"insert into {table} select * from rows_to_fill")
    connection.unregister("rows_to_fill")


def rate_ours(connection: duckdb.DuckDBPyConnection) -> Rated:
    """The batch's own models, from the landed rows on, into table ``ours`` (n, purchase_eur, sale_eur)."""
    began = time.monotonic()
    named = {name: name for name in _tables(connection)}
    for name in MODELS:
        connection.execute(f"create table {name} as {model(name, named)}")
        named[name] = name
    connection.execute("""
        create view calls_to_rate as
            select n as call_key, 'P' as partner_id, customer_id, '+' || number as callee, call_date, 'outbound' as direction,
                'answered' as disposition, duration_s, null::varchar as reject_reason
            from calls
    """)
    named["int_calls_attributed"] = "calls_to_rate"
    connection.execute(f"create table int_called_numbers as {model('int_called_numbers', named)}")
    named["int_called_numbers"] = "int_called_numbers"
    rated = rule("{{ rated_calls('calls_to_rate') }}", named)
    connection.execute(f"create table ours as select call_key as n, purchase_eur, sale_eur from ({rated})")
    return Rated("Tikteller", time.monotonic() - began)


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    return [row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()]


def _handed_over(connection: duckdb.DuckDBPyConnection, folder: Path) -> Mapping[str, Path]:
    """The same rows as files: calls, deck, world, plan rows with the customers' plans."""
    queries = {
        "calls": "select n, customer_id, e164 as number, call_date, duration_s "
        "from calls inner join int_called_numbers as numbers on '+' || calls.number = numbers.callee",
        "deck": "select prefix, connection_fee_eur, minute_rate_eur, first_increment_s, next_increment_s, valid_from, "
        "coalesce(valid_to, date '9999-12-31') as valid_to from stg_landing__purchase_rates",
        "world": "select prefix, country, line_type from number_prefixes",
        "assigned": "select customer_id, call_plan_id from stg_landing__customer_plans",
        "plans": "select call_plan_id, rounding_seconds, rounding_decimals from stg_landing__call_plans",
        "rates": "select call_plan_id, country, line_type, connection_fee_eur, minute_rate_eur, minute_rate_percent "
        "from stg_landing__call_plan_rates",
    }
    files = {name: folder / f"{name}.csv" for name in queries}
    for name, query in queries.items():
        connection.execute(f"copy ({query}) to '{files[name]}' (header)")
    return files


POSTGRES_TABLES = """
    create extension prefix;
    create unlogged table calls (n bigint, customer_id text, number text, call_date date, duration_s bigint);
    create unlogged table deck (prefix prefix_range, connection_fee_eur numeric, minute_rate_eur numeric, first_increment_s bigint,
        next_increment_s bigint, valid_from date, valid_to date);
    create unlogged table world (prefix prefix_range, country text, line_type text);
    create unlogged table assigned (customer_id text primary key, call_plan_id text);
    create unlogged table plans (call_plan_id text primary key, rounding_seconds bigint, rounding_decimals int);
    create unlogged table rates (call_plan_id text, country text, line_type text, connection_fee_eur numeric, minute_rate_eur numeric,
        minute_rate_percent numeric);
"""
POSTGRES_INDEXES = """
    create index on deck using gist (prefix);
    create index on world using gist (prefix);
    create index on rates (call_plan_id);
    analyze;
"""
POSTGRES_RATING = """
    create unlogged table rated as
    select
        calls.n,
        round(deck.connection_fee_eur + deck.minute_rate_eur
            * (deck.first_increment_s + greatest(0, ceil((calls.duration_s - deck.first_increment_s)::numeric / deck.next_increment_s))
                * deck.next_increment_s) / 60, 4) as purchase_eur,
        round(coalesce(rate.connection_fee_eur, deck.connection_fee_eur * rate.minute_rate_percent / 100)
            + coalesce(rate.minute_rate_eur, deck.minute_rate_eur * rate.minute_rate_percent / 100)
            * (ceil(calls.duration_s::numeric / plans.rounding_seconds) * plans.rounding_seconds) / 60, plans.rounding_decimals) as sale_eur
    from calls
    cross join lateral (
        select * from deck
        where deck.prefix @> calls.number and deck.valid_from <= calls.call_date and calls.call_date < deck.valid_to
        order by length(deck.prefix) desc limit 1
    ) as deck
    cross join lateral (
        select country, line_type from world where world.prefix @> calls.number order by length(world.prefix) desc limit 1
    ) as destination
    inner join assigned on calls.customer_id = assigned.customer_id
    inner join plans on assigned.call_plan_id = plans.call_plan_id
    cross join lateral (
        select * from rates
        where rates.call_plan_id = plans.call_plan_id
            and rates.country in (destination.country, '*') and rates.line_type in (destination.line_type, '*')
        order by (rates.country <> '*') desc, (rates.line_type <> '*') desc limit 1
    ) as rate
"""


def rate_postgres(connection: duckdb.DuckDBPyConnection, folder: Path) -> Rated:
    """PostgreSQL: two GiST look-ups a call. Loading is not counted, the indexes are: the deck is new with every price list."""
    files = _handed_over(connection, folder)
    with running_postgres(*POSTGRES_SETTINGS) as url, psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as postgres:
        postgres.execute(POSTGRES_TABLES)
        for name, file in files.items():
            with (
                postgres.cursor() as cursor,
                cursor.copy(f"copy {name} from stdin (format csv, header)") as copy,
                file.open("rb") as stream,
            ):
                while block := stream.read(1 << 20):
                    copy.write(block)
        began = time.monotonic()
        postgres.execute(POSTGRES_INDEXES)
        postgres.execute(POSTGRES_RATING)
        seconds = time.monotonic() - began
        out = folder / "postgres.csv"
        with postgres.cursor() as cursor, cursor.copy("copy rated to stdout (format csv)") as copy, out.open("wb") as stream:
            for block in copy:
                stream.write(block)
    return Rated("PostgreSQL 15 with prefix (GiST)", seconds, _differing(connection, f"read_csv('{out}', header=false, columns={COLUMNS})"))


COLUMNS = "{'n': 'bigint', 'purchase_eur': 'decimal(18, 6)', 'sale_eur': 'decimal(18, 6)'}"


def _differing(connection: duckdb.DuckDBPyConnection, theirs: str) -> int:
    return connection.execute(f"""
        select count(*) from ours full join (select * from {theirs}) as theirs on ours.n = theirs.n
        where ours.purchase_eur is distinct from theirs.purchase_eur or ours.sale_eur is distinct from theirs.sale_eur
    """).fetchone()[0]


def rate_polars(connection: duckdb.DuckDBPyConnection, folder: Path) -> Rated:
    """Polars: one join per prefix length, longest first, on distinct numbers and days; prices in whole numbers of 64 bits."""
    import polars as pl

    files = _handed_over(connection, folder)
    texts = {"prefix": pl.String, "number": pl.String, "customer_id": pl.String}
    frames = {
        name: pl.read_csv(file, schema_overrides=texts, try_parse_dates=True, infer_schema_length=None) for name, file in files.items()
    }
    began = time.monotonic()
    calls = frames["calls"]

    def in_units(column: str, scale: int) -> pl.Expr:
        return (pl.col(column) * scale).round(0).cast(pl.Int64)

    deck = frames["deck"].with_columns(fee=in_units("connection_fee_eur", 10**8), rate=in_units("minute_rate_eur", 10**8))
    world = frames["world"]

    def longest(numbers: pl.DataFrame, prefixes: pl.DataFrame, *, dated: bool) -> pl.DataFrame:
        found = []
        rest = numbers
        for length in sorted(prefixes["prefix"].str.len_chars().unique(), reverse=True):
            keyed = rest.with_columns(prefix=pl.col("number").str.slice(0, length))
            of_length = prefixes.filter(pl.col("prefix").str.len_chars() == length)
            joined = keyed.join(of_length, on="prefix", how="inner")
            if dated:
                joined = joined.filter((pl.col("valid_from") <= pl.col("call_date")) & (pl.col("call_date") < pl.col("valid_to")))
            found.append(joined)
            keys = ["number", "call_date"] if dated else ["number"]
            rest = rest.join(joined.select(keys), on=keys, how="anti")
            if rest.is_empty():
                break
        return pl.concat(found)

    priced = longest(calls.select("number", "call_date").unique(), deck, dated=True)
    led = longest(calls.select("number").unique(), world, dated=False).select("number", "country", "line_type")
    rates = frames["rates"].with_columns(
        plan_fee=in_units("connection_fee_eur", 10**8),
        plan_rate=in_units("minute_rate_eur", 10**8),
        percent=pl.col("minute_rate_percent").cast(pl.Int64),
    )
    destinations = led.select("country", "line_type").unique().join(frames["plans"], how="cross")
    candidates = destinations.join(rates, on="call_plan_id", suffix="_rate").filter(
        pl.col("country_rate").is_in(["*"]) | (pl.col("country_rate") == pl.col("country"))
    )
    candidates = candidates.filter(pl.col("line_type_rate").is_in(["*"]) | (pl.col("line_type_rate") == pl.col("line_type")))
    best = (
        candidates.with_columns(weight=(pl.col("country_rate") != "*").cast(pl.Int8) * 2 + (pl.col("line_type_rate") != "*").cast(pl.Int8))
        .sort("weight", descending=True)
        .unique(["country", "line_type", "call_plan_id"], keep="first", maintain_order=True)
        .select("country", "line_type", "call_plan_id", "rounding_seconds", "rounding_decimals", "plan_fee", "plan_rate", "percent")
    )
    rows = (
        calls.join(frames["assigned"], on="customer_id")
        .join(priced.select("number", "call_date", "fee", "rate", "first_increment_s", "next_increment_s"), on=["number", "call_date"])
        .join(led, on="number")
        .join(best, on=["country", "line_type", "call_plan_id"])
    )
    over = (pl.col("duration_s") - pl.col("first_increment_s")).clip(lower_bound=0)
    bought_s = pl.col("first_increment_s") + (over + pl.col("next_increment_s") - 1) // pl.col("next_increment_s") * pl.col(
        "next_increment_s"
    )
    sold_s = (pl.col("duration_s") + pl.col("rounding_seconds") - 1) // pl.col("rounding_seconds") * pl.col("rounding_seconds")
    scale = pl.lit(10, pl.Int64).pow(pl.col("rounding_decimals")).cast(pl.Int64)
    sold_rate = pl.when(pl.col("percent").is_null()).then(pl.col("plan_rate") * 100).otherwise(pl.col("rate") * pl.col("percent"))
    # amounts are in 1/6,000,000,000 of a euro (minutes) and 100 times that (percent); half is added before the whole division
    bought = (2 * (60 * pl.col("fee") + pl.col("rate") * bought_s) * 10**4 + 6 * 10**9) // (12 * 10**9)
    sold = (2 * (6000 * pl.col("plan_fee") + sold_rate * sold_s) * scale + 6 * 10**11) // (12 * 10**11)
    result = rows.select("n", bought.alias("purchase_units"), sold.alias("sale_units"), "rounding_decimals")
    seconds = time.monotonic() - began
    out = folder / "polars.parquet"
    result.write_parquet(out)
    theirs = (
        f"(select n, (purchase_units * 0.0001)::decimal(18, 6) as purchase_eur, "
        f"(case rounding_decimals when 2 then sale_units * 0.01 else sale_units * 0.0001 end)::decimal(18, 6) as sale_eur from '{out}')"
    )
    return Rated("Polars", seconds, _differing(connection, theirs))


def compare(folder: Path, calls: int, prefixes: int, threads: int = 2) -> list[Rated]:
    """Rate ``calls`` with a deck of ``prefixes`` in all three ways; the data lie in ``folder``."""
    with duckdb.connect(str(folder / "data.duckdb"), config={"threads": threads}) as connection:
        connection.execute("set enable_progress_bar = false")
        make(connection, calls, prefixes)
        return [rate_ours(connection), rate_polars(connection, folder), rate_postgres(connection, folder)]
