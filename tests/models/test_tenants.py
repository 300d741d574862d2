"""Two partners may use the same ids, and a customer may move from one to the other: what is joined in the models is one partner's."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import duckdb
import pytest
from sqlglot import exp, parse_one
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from orchestration import warehouse
from orchestration.workspace import Workspace
from tests.models.conftest import run_dbt

TENANT = "partner_id"
Schema = dict[str, dict[str, dict[str, dict[str, str]]]]
"""Database -> schema -> table -> column -> type."""
Pair = tuple[exp.Column, exp.Column]

PLATFORM_KEYS = (("call_key",), ("file_id", "line"))
"""What names one row of the whole platform, of whichever partner: a call_key is unique over all sources, a line of a file is one row."""

ON_NET = "a call to any number of the platform is on-net; nothing of the number's owner is taken over"
WHOSE = "finds out whose the row is; where several could be meant, it is refused, or nobody's"
RIVALS = "asks whether another partner has it: the condition is that the partners differ"

ALLOWED = {
    "int_called_numbers: numbers.e164 = int_platform_numbers.e164": ON_NET,
    "calls: numbers.platform_number = platform_numbers.e164": ON_NET,
    # by the customer and the day: it is one partner's then, and has one plan (no_overlap), whose id is that partner's
    "calls: calls.customer_id = assignments.customer_id": "customer and day",
    "int_calls_attributed: called by nothing": "who called whom may be of two partners; each number is one partner's on a day",
    "int_calls_attributed: paid.customer_id = int_platform_numbers.customer_id": "whether any number of his is known; he takes them along",
    "int_calls_attributed: frozen by nothing": "by the call's key, of today or of when it was billed",
    "int_calls_attributed: attributed.file_id = partner_sources.file_id": "the file's partner, to refuse the calls of another one",
    "int_customers: customers.customer_id = first_partners.customer_id": "whether the customer had another partner before",
    "int_customer_plans: plans.customer_id = customers.customer_id": WHOSE,
    "int_landed_rows: typed.call_plan_id = owners.call_plan_id": WHOSE,
    "int_landed_rows: typed.service_plan_id = owners.service_plan_id": WHOSE,
    "int_landed_rows: landed.call_plan_id = call_plans.call_plan_id": WHOSE,
    "int_landed_rows: landed.service_plan_id = service_plans.service_plan_id": WHOSE,
    "int_landed_rows: landed.deck_id = deck_owners.deck_id": WHOSE,
    "int_twin_records: calling by nothing": "by whose numbers two records are one call; each number is one partner's on a day",
    "int_twin_records: called by nothing": "the same",
    "int_record_fates: calls by nothing": "whose a refused record is: by its call, else by its account, where that had one partner only",
    "portings: platform by nothing": "how many of the numbers are another customer's, of whichever partner; not whose",
    "receivables: payments.invoice_key = invoices.invoice_key": WHOSE,
    "receivables: partners by nothing": WHOSE,
    "receivables: payments.invoice_key = owners.invoice_key": WHOSE,
    "stg_landing__account_claims: own.thing = other.thing": RIVALS,
    "stg_landing__customer_claims: own.thing = other.thing": RIVALS,
    "stg_landing__number_claims: other by nothing": RIVALS,
    "stg_landing__call_plan_rates: typed.call_plan_id = owners.call_plan_id": WHOSE,
    "stg_landing__service_plan_markups: typed.service_plan_id = owners.service_plan_id": WHOSE,
    "stg_landing__purchase_invoice_lines: lines.account = owners.account": WHOSE,
    "int_customers: customers.customer_id = bare_ids.customer_id": "one of all its partners has the ids without a suffix",
    "stg_landing__payments: freezes by nothing": "a file was there when anything was made final, whoever's: only that moment is taken over",
    "stg_landing__purchase_invoice_lines: lines.deck_id = buyers.deck_id and lines.owner_id = buyers.partner_id": WHOSE,
}
"""Model and what is joined there: why it is not joined by the partner, and shows nobody what is another's."""


def test_what_is_joined_is_one_partners(built: tuple[Workspace, list[dict[str, Any]]]) -> None:
    """A partner would see, or bill, what another has under the same id: a reseller's commission, an order's charge, a customer's line."""
    workspace, _ = built
    run_dbt(workspace, "compile", "--select", "config.materialized:incremental", into="later")  # what these do when they are there already
    models = [
        file
        for run in ("tests", "later")
        for file in sorted((workspace.dbt_target / run / "compiled").rglob("*.sql"))
        if "models" in file.parts and not any(part.endswith(".yml") for part in file.parts)
    ]
    assert len(models) > 120
    with warehouse.connect(workspace, read_only=True) as connection:
        connection.execute(f"attach '{workspace.root / 'scratch.duckdb'}' as scratch (read_only)")
        schema = columns_of(connection)
    found = {f"{file.stem}: {joined}" for file in models for joined in loose_joins(file.read_text(), schema)}
    assert found - ALLOWED.keys() == set()
    assert ALLOWED.keys() - found == set(), "take out what nothing needs any more"


@pytest.mark.parametrize(
    "joined",
    [
        "orders join lines on orders.order_id = lines.order_id",
        "orders, lines where orders.order_id = lines.order_id",
        "orders cross join lines",
        "orders left join (select * from lines) as lines on orders.order_id = lines.order_id and orders.partner_id <> lines.partner_id",
        "orders join lines on orders.order_id = lines.order_id and (orders.partner_id = lines.partner_id or lines.quantity = 0)",
        "orders join services on orders.service = services.service join lines on orders.order_id = lines.order_id",
        "orders where order_id in (select order_id from lines)",
        "orders where exists (select 1 from lines where lines.order_id = orders.order_id)",
    ],
)
def test_a_join_without_the_partner_is_seen(joined: str) -> None:
    """The test above would pass on it."""
    (found,) = loose_joins(f"with part as (select 1 as one from {joined}) select one from part", SAMPLE)
    assert found in ("orders.order_id = lines.order_id", "lines.order_id = orders.order_id", "lines by nothing")


@pytest.mark.parametrize(
    "joined",
    [
        "orders join lines on orders.order_id = lines.order_id and lines.partner_id = orders.partner_id",
        "orders, lines where orders.order_id = lines.order_id and orders.partner_id = lines.partner_id",
        "orders join lines on coalesce(orders.partner_id, '') = coalesce(lines.partner_id, '')",
        "orders join lines on orders.line = lines.line and orders.file_id = lines.file_id",
        "orders join services on orders.service = services.service",
        "orders where (partner_id, order_id) in (select partner_id, order_id from lines)",
        "orders where exists (select 1 from lines where lines.order_id = orders.order_id and lines.partner_id = orders.partner_id)",
        "orders where (select max(quantity) from lines) > 0",
    ],
)
def test_a_join_by_the_partner_is_none_to_see(joined: str) -> None:
    """Nobody would read what the test above says."""
    assert list(loose_joins(f"select 1 as one from {joined}", SAMPLE)) == []


SAMPLE: Schema = {
    "w": {
        "s": {
            "orders": dict.fromkeys(("partner_id", "order_id", "service", "file_id", "line"), "varchar"),
            "lines": dict.fromkeys(("partner_id", "order_id", "quantity", "file_id", "line"), "varchar"),
            "services": {"service": "varchar"},
        }
    }
}


def columns_of(connection: duckdb.DuckDBPyConnection) -> Schema:
    schema: Schema = {}
    for database, name, table, column, kind in connection.execute(
        "select database_name, schema_name, table_name, column_name, data_type from duckdb_columns() where not internal"
    ).fetchall():
        schema.setdefault(database, {}).setdefault(name, {}).setdefault(table, {})[column] = kind
    return schema


def loose_joins(sql: str, schema: Schema) -> Iterator[str]:
    """By what relations that bear a partner are joined to others that do (or looked up with ``in`` or ``exists``), where not by it."""
    tree = parse_one(sql.replace("pg_timezone_names()", "(select '' as name)"), read="duckdb")  # a table that is in no catalogue
    tree = qualify(tree, schema=schema, dialect="duckdb", validate_qualify_columns=False, quote_identifiers=False, identify=False)
    for scope in traverse_scope(tree):
        if not isinstance(scope.expression, exp.Select):
            continue
        beside = bearing_partner(scope, schema)
        conditions = list(conditions_of(scope.expression))
        for place, alias in enumerate(beside[1:], 1):
            pairs = pairs_of(conditions, alias, beside[:place])
            if not is_by_partner(pairs):
                yield " and ".join(f"{one.sql()} = {other.sql()}" for one, other in pairs) or f"{alias} by nothing"
        for inner in scope.subquery_scopes:
            if isinstance(inner.expression, exp.Select):
                conditions = [*conditions_of(inner.expression), *memberships_of(inner.expression)]
                for alias in bearing_partner(inner, schema):
                    pairs = pairs_of(conditions, alias, beside)
                    if pairs and not is_by_partner(pairs):
                        yield " and ".join(f"{one.sql()} = {other.sql()}" for one, other in pairs)


def bearing_partner(scope: Scope, schema: Schema) -> list[str]:
    return [alias for alias, (_, source) in scope.selected_sources.items() if TENANT in columns_in(source, schema)]


def columns_in(source: exp.Table | Scope, schema: Schema) -> Iterable[str]:
    if isinstance(source, Scope):
        return source.expression.named_selects
    places = [tables for schemas in schema.values() for tables in schemas.values()]
    if source.db:
        places = [schema.get(source.catalog, {}).get(source.db, {})]
    return next((tables[source.name] for tables in places if source.name in tables), ())


def conditions_of(select: exp.Select) -> Iterator[Pair]:
    """The pairs of columns that are alike in each of its rows."""
    places = [join.args.get("on") for join in select.args.get("joins") or []]
    places += [select.args["where"].this] if select.args.get("where") else []
    for place in filter(None, places):
        whole = place.unnest()
        for condition in whole.flatten() if isinstance(whole, exp.And) else [whole]:
            if isinstance(condition.unnest(), exp.EQ):
                yield from alike(condition.unnest().left, condition.unnest().right)


def memberships_of(select: exp.Select) -> Iterator[Pair]:
    """What is looked up in it with ``in``: the columns outside, and those that it gives."""
    lookup = select.find_ancestor(exp.In)
    if lookup and lookup.args.get("query") and lookup.args["query"].unnest() is select:
        sought = lookup.this.expressions if isinstance(lookup.this, exp.Tuple) else [lookup.this]
        for one, other in zip(sought, select.selects, strict=True):
            yield from alike(one, other.unalias())


def alike(one: exp.Expression, other: exp.Expression) -> Iterator[Pair]:
    one, other = (side.this if isinstance(side, exp.Coalesce) else side for side in (one, other))
    if isinstance(one, exp.Column) and isinstance(other, exp.Column):
        yield one, other


def pairs_of(conditions: Iterable[Pair], alias: str, others: Iterable[str]) -> list[Pair]:
    return [(one, other) for one, other in conditions if {one.table, other.table} in ({alias, beside} for beside in others)]


def is_by_partner(pairs: Iterable[Pair]) -> bool:
    same = {one.name for one, other in pairs if one.name == other.name}
    return TENANT in same or any(same.issuperset(key) for key in PLATFORM_KEYS)
