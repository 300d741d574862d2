"""What the batch's own models bill, on small tables: the SQL of the project rendered without dbt, in one in-memory DuckDB.

The rows are those that staging keeps; calls come rated, since rating has a test of its own.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from orchestration.landing.decisions import create_raw
from orchestration.landing.ledger import LEDGER
from orchestration.warehouse.contracts import contract
from orchestration.warehouse.formulas import rule
from orchestration.workspace import DBT_PROJECT_DIR, SEEDS_DIR

Row = Mapping[str, Any]

TEXT, DAY, NUMBER, MONEY, PERCENT, FLAG = "varchar", "date", "bigint", "decimal(18, 8)", "decimal(9, 4)", "boolean"
PLACE = {"file_id": NUMBER, "line": NUMBER}

STAGED: dict[str, dict[str, str]] = {
    "partners": {
        **dict.fromkeys(("partner_id", "name", "deck_id", "tier", "time_zone", "country"), TEXT),
        "billing_from": DAY,
        "valid_from": DAY,
    },
    "customers": {
        **dict.fromkeys(("customer_id", "partner_id", "name", "reseller_id", "customer_group", "vat_category"), TEXT),
        **dict.fromkeys(("street", "postal_code", "city", "email"), TEXT),
        "billing_exempt": FLAG,
        "valid_from": DAY,
        "valid_to": DAY,
    },
    "resellers": {
        **dict.fromkeys(("reseller_id", "partner_id", "name"), TEXT),
        "call_commission_percent": PERCENT,
        "service_commission_percent": PERCENT,
    },
    "services": {
        **dict.fromkeys(("service_code", "category", "name", "metering", "charged"), TEXT),
        "nrc_purchase_eur": MONEY,
        "mrc_purchase_eur": MONEY,
        "license_calls": NUMBER,
        "valid_from": DAY,
        "valid_to": DAY,
    },
    "service_plans": dict.fromkeys(("service_plan_id", "partner_id", "name"), TEXT),
    "service_plan_markups": {
        **dict.fromkeys(("partner_id", "service_plan_id", "category", "service_code"), TEXT),
        "nrc_percent": PERCENT,
        "mrc_percent": PERCENT,
        "nrc_eur": MONEY,
        "mrc_eur": MONEY,
        "valid_from": DAY,
        "valid_to": DAY,
    },
    "customer_plans": {
        **dict.fromkeys(("customer_id", "customer_group", "partner_id", "call_plan_id", "service_plan_id"), TEXT),
        "valid_from": DAY,
        "valid_to": DAY,
    },
    "orders": {
        **dict.fromkeys(("partner_id", "order_id", "customer_id", "service_code", "pbx_id"), TEXT),
        **dict.fromkeys(("line_number", "quantity", "continues_line"), NUMBER),
        **dict.fromkeys(("ordered_on", "delivered_on", "ended_on"), DAY),
    },
    "extension_counts": {
        **dict.fromkeys(("pbx_id", "customer_id", "service_code"), TEXT),
        "extensions": NUMBER,
        "read_at": "timestamp",
        "read_at_utc": "timestamp",
    },
}
"""Feed -> the columns that the models read, as staging gives them; each row also has its place."""

CALLS = {
    **dict.fromkeys(("call_key", "call_id", "source", "leg", "partner_id", "customer_id", "reseller_id", "direction", "disposition"), TEXT),
    **dict.fromkeys(("caller", "callee", "callee_e164", "country", "line_type", "number_kind", "destination", "home_country"), TEXT),
    **dict.fromkeys(("deck_id", "deck_prefix", "call_plan_id", "rate_country", "rate_line_type", "status", "status_reason"), TEXT),
    **dict.fromkeys(("correlation_id", "reject_reason"), TEXT),
    **dict.fromkeys(("duration_s", "billed_s", "purchase_billed_s", "deck_rows", "purchase_fee_e8", "purchase_rate_e8", "records"), NUMBER),
    **dict.fromkeys(("is_onnet", "is_onnet_call", "is_frozen", "has_deck_price"), FLAG),
    "purchase_eur": "decimal(18, 6)",
    "sale_eur": "decimal(18, 6)",
    "started_at": "timestamp",
    "call_date": DAY,
    "cdr_date": DAY,
}

RAW = (
    "frozen_calls", "frozen_charges", "frozen_months", "closed_months", "approved_invoices", "approved_lines",
    "commission_statements", "commission_statement_lines", "vat_returns", "vat_return_lines",
)  # fmt: skip

MODELS = (
    "stg_landing__customer_periods", "stg_landing__partner_periods", "int_closed_months", "calls", "int_billing_horizon", "int_customers",
    "int_partners", "int_service_costs", "int_service_markups", "int_customer_plans", "int_order_lines", "int_order_charges",
    "int_seat_counts", "int_airtime_minutes", "int_charge_settlements", "service_charges", "invoice_lines", "invoices", "invoice_vat",
    "commission_lines", "commissions", "margins",
)  # fmt: skip
"""What bills, in the order of what needs what."""

PUBLISHED = ("calls", "service_charges", "invoice_lines", "invoices", "invoice_vat", "commission_lines", "commissions", "margins")

RATED = "{{ rated_calls('calls_to_rate') }}"
RATED_ALREADY = """
    select calls.* replace (customers.reseller_id as reseller_id)
    from calls_to_rate as calls
    left join {{ ref('stg_landing__customer_periods') }} as customers
        on calls.partner_id = customers.partner_id and calls.customer_id = customers.customer_id
        and {{ holds_on('customers', 'calls.call_date') }}
"""
"""Calls that were rated already, with the reseller of their day."""


class Batch:
    """A database in which the models are evaluated, again and again, on what they are given."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(config={"threads": "1"})
        self.connection.execute("create schema raw")
        create_raw(self.connection)
        self.connection.execute(LEDGER)
        self.connection.execute(
            "insert into raw.files by name select 1 as file_id, 'orders' as feed, 'orders/one.csv' as file, 'one' as sha256,"
            " 1 as size_bytes, 1 as rows_read, 0 as rows_rejected, 'run' as run_id,"
            " timestamp '2099-01-01' as modified_at, timestamp '2099-01-01' as ingested_at"
        )
        self._given: dict[str, object] = {}
        self._changed: set[str] = set()
        for name in ("vat_rates", "countries"):
            self.connection.execute(f"create table {name} as from read_csv('{SEEDS_DIR / name}.csv', all_varchar = true)")
        self.connection.execute(
            "create or replace table vat_rates as select * replace (vat_percent::decimal(5, 2) as vat_percent,"
            " valid_from::date as valid_from, valid_to::date as valid_to) from vat_rates"
        )

    def close(self) -> None:
        self.connection.close()

    def give(self, table: str, rows: Sequence[Row], columns: Mapping[str, str]) -> None:
        """Make a table anew, where it is another than before."""
        content = [tuple(row.get(name) for name in columns) for row in rows]
        if self._given.get(table) == content:
            return
        self._given[table] = content
        self._changed.add(table)
        landed = pa.table(
            {name: pa.array(values, _arrow(kind)) for (name, kind), values in zip(columns.items(), _across(content, columns), strict=True)}
        )
        self.connection.register("landed", landed)
        typed = ", ".join(f'"{name}"::{kind} as "{name}"' for name, kind in columns.items())
        self.connection.execute(f"create or replace table {table} as select {typed} from landed")

    def evaluate(self) -> dict[str, list[dict[str, Any]]]:
        """Run the models of which something changed that they read; what they publish, by table."""
        for name, (statement, reads) in _statements().items():
            if reads & self._changed:
                self.connection.execute(f"create or replace table {name} as {statement}")
                self._changed.add(name)
        self._changed.clear()
        return {name: self.rows(name) for name in PUBLISHED}

    def rows(self, table: str) -> list[dict[str, Any]]:
        result = self.connection.execute(f"select * from {table}")
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _across(content: Sequence[tuple], columns: Mapping[str, str]) -> Iterable[Sequence[Any]]:
    return zip(*content, strict=True) if content else [[] for _ in columns]


def _arrow(kind: str) -> pa.DataType | None:
    simple = {"varchar": pa.string(), "date": pa.date32(), "bigint": pa.int64(), "integer": pa.int64(), "boolean": pa.bool_()}
    if kind.startswith("decimal"):
        return pa.decimal128(*(int(each) for each in kind.removeprefix("decimal(").removesuffix(")").split(",")))
    return simple.get(kind, pa.timestamp("us"))


class _Read(dict[str, str]):
    """Relations by name, and which of them were asked for."""

    def __init__(self) -> None:
        names = [
            *MODELS,
            "vat_rates",
            "countries",
            "int_calls_attributed",
            "int_days_to_rate",
            *(f"stg_landing__{feed}" for feed in STAGED),
        ]
        super().__init__({name: name for name in names} | {name: f"raw.{name}" for name in (*RAW, "files")})
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.asked.add(relation := super().__getitem__(name))
        return relation


@cache
def _statements() -> dict[str, tuple[str, set[str]]]:
    """Model -> its SQL, and the relations that it reads."""
    found = {}
    for name in MODELS:
        (file,) = (DBT_PROJECT_DIR / "models").rglob(f"{name}.sql")
        relations = _Read()
        found[name] = rule(file.read_text(encoding="utf-8").replace(RATED, RATED_ALREADY), relations), relations.asked
    return found


@cache
def raw_columns(table: str) -> dict[str, str]:
    """Columns of a raw table that holds published rows as they were decided on."""
    model = {
        "frozen_calls": "calls",
        "frozen_charges": "service_charges",
        "approved_invoices": "invoices",
        "approved_lines": "invoice_lines",
    }[table]
    frozen = {"freeze_id": "integer", "file_sha256": "varchar"} if table.startswith("frozen") else {}
    return contract(model) | frozen


def seed(name: str) -> list[dict[str, str]]:
    """The rows of a seed, as text."""
    with (SEEDS_DIR / f"{name}.csv").open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))
