"""Whose it is when a dbt test fails: the partners that its failing rows bear keep their last good snapshot, the others publish.

A failing test is a warning to dbt, which builds on below it; its rows stay in schema ``checks`` of the warehouse (macro materialization
``test``). A test whose rows name no partner may concern anybody, and one that cannot even be asked says nothing: both stop all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from orchestration import warehouse
from orchestration.errors import TiktellerError
from orchestration.faults import Fault
from orchestration.workspace import Workspace

EXAMPLES = 3
NOT_AN_EXAMPLE = ("partner_id", "raw", "caller", "callee", "name", "email", "iban")
"""Columns that no message repeats: said already, or what belongs in no log."""

HARM = {
    "unique": "{model} has a value of {column} twice: a join on it would count, and bill, twice",
    "not_null": "{model} has rows without {column}: what is found by it would leave them out",
    "accepted_values": "{model} has values of {column} that no rule knows",
    "relationships": "{model} names a {column} that is not there: its rows belong to nobody",
    "one_row_per": "{model} holds two rows for what it has one row per: a join on it would count, and bill, twice",
    "no_overlap": "{model} has two rows of one key valid on the same day: a call of that day would have two prices",
}
"""What a generic test guards against; a test of ours in a file says so in its first line."""

OWNERS = {
    "customer_id": "select customer_id, partner_id from marts.customers",
    "invoice_id": "select invoice_id, partner_id from marts.invoices",
    "call_key": "select call_key, partner_id from marts.calls",
    "account": "select accounts.account, customers.partner_id from staging.stg_landing__accounts as accounts "
    "inner join marts.customers as customers using (customer_id)",
    "deck_id": "select deck_id, partner_id from marts.partners",
    "call_plan_id": "select call_plan_id, partner_id from staging.stg_landing__call_plans",
    "service_plan_id": "select service_plan_id, partner_id from staging.stg_landing__service_plans",
    "reseller_id": "select reseller_id, partner_id from marts.resellers",
}
"""Column -> whose a row is that bears it, for rows that name no partner; the first that all rows bear counts."""

CAUSE = (
    "likely a row that landed with the last files and contradicts what was there, or a fault of ours: look at the rows "
    '(duckdb warehouse.duckdb "from checks.{table}"), correct them in landing/ and tikteller run'
)


@dataclass(frozen=True)
class FailingTest:
    """A test that failed: the table of its rows, what it guards against, and the model and column that it asks about, where it has them."""

    name: str
    table: str
    harm: str
    relation: str | None
    column: str | None
    kind: str | None


def results(target: Path) -> list[dict[str, Any]]:
    """What dbt says of each node of its last invocation; nothing where it did not come to an end."""
    try:
        return list(json.loads((target / "run_results.json").read_text())["results"])
    except (FileNotFoundError, ValueError, KeyError):
        return []


def stopped(target: Path, said: str = "") -> str:
    """What made dbt stop: the nodes that could not be built or asked, with dbt's words; else the end of all it ``said``."""
    errors = [each for each in results(target) if each["status"] in ("error", "fail")]
    nodes = [f"{each['unique_id'].split('.')[2]}: {_one_line(each.get('message') or 'fails')}" for each in errors[:3]]
    more = [f"and {len(errors) - 3} more"] if len(errors) > 3 else []
    return "; ".join([*nodes, *more]) or f"dbt did not come to its end: {_one_line(said[-300:])} ({target / 'dbt.log'} says more)"


def faults(workspace: Workspace) -> list[Fault]:
    """What the tests of the last build say, by partner. Raises TiktellerError where a failing test may concern anybody, or nobody knows."""
    if not results(workspace.dbt_target):
        raise TiktellerError(
            f"{workspace.dbt_target / 'run_results.json'} cannot be read: nobody knows what the checks say", fix="tikteller run"
        )
    failed = list(failing_tests(workspace.dbt_target))
    if not failed:
        return []
    with warehouse.connect(workspace, read_only=True) as connection:
        found = [fault for test in failed for fault in _by_partner(connection, test)]
    anybodys = [fault.says for fault in found if fault.partner_id is None]
    if anybodys:
        raise TiktellerError(" | ".join(anybodys[:3]) + (f" | and {len(anybodys) - 3} checks more" if len(anybodys) > 3 else ""))
    return found


def failing_tests(target: Path) -> Iterator[FailingTest]:
    """The tests of the last build that found rows."""
    failed = [each["unique_id"] for each in results(target) if each["status"] == "warn" and each["unique_id"].startswith("test.")]
    if not failed:
        return
    nodes = json.loads((target / "manifest.json").read_text())["nodes"]
    for unique_id in failed:
        node = nodes[unique_id]
        kind, model = (node.get("test_metadata") or {}).get("name"), nodes.get(node.get("attached_node") or "")
        column = node.get("column_name")
        words = {"model": model["name"] if model else "a table", "column": column or "a column"}
        harm = HARM[kind].format(**words) if kind in HARM else _harm(node)
        yield FailingTest(node["name"], node["alias"], harm, model["relation_name"] if model else None, column, kind)


def _harm(node: Mapping[str, Any]) -> str:
    """The first sentence of a test's file, which says what it prevents; else its description."""
    comment: list[str] = []
    for line in node["raw_code"].splitlines():
        if not line.startswith("--"):
            break
        comment.append(line.removeprefix("--").strip())
    text = " ".join(comment) or node.get("description") or node["name"]
    return re.split(r"(?<=[a-z])\. ", text)[0].rstrip(".")


def _by_partner(connection: duckdb.DuckDBPyConnection, test: FailingTest) -> Iterator[Fault]:
    """A fault for each partner that rows of the test bear; one of nobody's for rows that bear none."""
    table = f'checks."{test.table}"'
    if not connection.execute("select 1 from duckdb_tables() where schema_name = 'checks' and table_name = ?", [test.table]).fetchone():
        yield Fault(None, f"{test.harm} ({test.name})")
        return
    rows = _owned(connection, table, test)
    columns = [column for column in _columns(connection, rows) if column not in ("owner_id", *NOT_AN_EXAMPLE)]
    for (owner,) in connection.execute(f"select distinct owner_id from {rows} order by 1").fetchall():
        mine = f"{rows} where owner_id is not distinct from ?"
        (count,) = connection.execute(f"select count(*) from {mine}", [owner]).fetchone()
        examples = connection.execute(
            f"select {', '.join(_quoted(each) for each in columns[:6]) or 'null'} from {mine} limit {EXAMPLES}", [owner]
        )
        shown = "; ".join(_example(columns, row) for row in examples.fetchall())
        customers = _customers(connection, mine, owner) if "customer_id" in columns else ""
        whose = f"{owner}{customers}: " if owner is not None else ""
        rows_found = f"{count:,} {'row' if count == 1 else 'rows'}"
        yield Fault(owner, f"{whose}{test.harm} ({test.name}: {rows_found}, such as {shown}; {CAUSE.format(table=test.table)})")


def _customers(connection: duckdb.DuckDBPyConnection, mine: str, owner: str | None) -> str:
    found = [row[0] for row in connection.execute(f"select distinct customer_id from {mine} order by 1 limit 4", [owner]).fetchall()]
    names = [f"{each}" for each in found if each is not None]
    return f", customer {', '.join(names[:3])}{' and more' if len(names) > 3 else ''}" if names else ""


def _owned(connection: duckdb.DuckDBPyConnection, table: str, test: FailingTest) -> str:
    """The failing rows as a relation with ``owner_id`` beside what the test selects."""
    columns = _columns(connection, table)
    if "partner_id" in columns:
        return f"(select *, partner_id as owner_id from {table})"
    if test.relation and (rows := _rows_of_model(connection, table, test, columns)):
        return rows
    for column, owners in OWNERS.items():
        if column in columns:
            return (
                f"(select failing.*, owners.partner_id as owner_id from {table} as failing "
                f"left join (select distinct * from ({owners})) as owners on failing.{column} = owners.{column})"
            )
    return f"(select *, cast(null as varchar) as owner_id from {table})"


def _rows_of_model(connection: duckdb.DuckDBPyConnection, table: str, test: FailingTest, found: Sequence[str]) -> str | None:
    """A generic test selects the column alone: the rows of its model that have such a value say whose it is. None where they do not."""
    try:
        columns = _columns(connection, test.relation or "")
    except duckdb.Error:  # what only lived inside the run
        return None
    if test.kind in ("unique", "not_null", "accepted_values", "relationships") and test.column:
        wrong = (
            f"model.{test.column} is null"
            if test.kind == "not_null"
            else f"model.{test.column} in (select {_quoted(found[0])} from {table})"
        )
    elif test.kind == "one_row_per":
        keys = [column for column in found if column != "rows_found"]
        same = " and ".join(f"failing.{key} is not distinct from model.{key}" for key in keys)
        wrong = f"exists (select 1 from {table} as failing where {same})"
    else:
        return None
    if "partner_id" in columns:
        return f"(select *, partner_id as owner_id from {test.relation} as model where {wrong})"
    for column, owners in OWNERS.items():
        if column in columns:
            return (
                f"(select model.*, owners.partner_id as owner_id from {test.relation} as model "
                f"left join (select distinct * from ({owners})) as owners on model.{column} = owners.{column} where {wrong})"
            )
    return None


def _columns(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    return [column[0] for column in connection.execute(f"from {relation} limit 0").description]


def _example(columns: Sequence[str], row: Sequence[Any]) -> str:
    return " ".join(f"{column} {value}" for column, value in zip(columns, row, strict=False) if value is not None) or "a row of nothing"


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
