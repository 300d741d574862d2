"""Whose a failing check is: a partner with rows of its own wrong would keep everybody's figures back, or be published with them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from orchestration.errors import TiktellerError
from orchestration.pipeline import checks
from orchestration.workspace import Workspace

TABLES = """
    create schema marts;
    create schema checks;
    create schema staging;
    create table marts.customers as from (values ('c1', 'p1'), ('c2', 'p2')) as t(customer_id, partner_id);
    create table marts.invoices as from (values ('c1-2026-09', 'p1', 'c1'), ('c2-2026-09', 'p2', 'c2'))
        as t(invoice_id, partner_id, customer_id);
    create table marts.partners as from (values ('p1', 'world'), ('p2', 'world'), ('p3', 'own')) as t(partner_id, deck_id);
    create table staging.orders as from (values ('o1', 'c2', 1), ('o1', 'c2', 2), (null, 'c1', 1)) as t(order_id, customer_id, line);
"""
HARM = "-- Fails if a call is billed twice: the customer\n-- would pay double. Looks at all days.\nselect 1"


def workspace_where(folder: Path, rows: str | None, **node: object) -> Workspace:
    """A warehouse after a build in which one test failed, with the rows that it left."""
    workspace = Workspace(folder)
    workspace.dbt_target.mkdir()
    unique_id = "test.tikteller.some_test.0123"
    whole = {"name": "some_test", "alias": "some_test", "raw_code": HARM, **node}
    model = {"name": "orders", "relation_name": '"warehouse"."staging"."orders"'}
    (workspace.dbt_target / "manifest.json").write_text(json.dumps({"nodes": {unique_id: whole, "model.tikteller.orders": model}}))
    results = [{"unique_id": unique_id, "status": "warn"}, {"unique_id": "test.tikteller.another", "status": "pass"}]
    (workspace.dbt_target / "run_results.json").write_text(json.dumps({"results": results}))
    with duckdb.connect(str(workspace.warehouse)) as warehouse:
        warehouse.execute(TABLES)
        if rows:
            warehouse.execute(f"create table checks.some_test as {rows}")
    return workspace


def generic(kind: str, column: str | None = None) -> dict[str, object]:
    return {"test_metadata": {"name": kind}, "attached_node": "model.tikteller.orders", "column_name": column}


@pytest.mark.parametrize(
    ("rows", "node", "owners"),
    [
        ("select 'p2' as partner_id, 3 as calls", {}, ["p2"]),
        ("from (values ('p1'), ('p2')) as t(partner_id)", {}, ["p1", "p2"]),
        ("select 'c2' as customer_id, 1.5 as net_eur", {}, ["p2"]),
        ("select 'c1-2026-09' as invoice_id", {}, ["p1"]),
        ("select 'own' as deck_id", {}, ["p3"]),
        ("select 'world' as deck_id", {}, ["p1", "p2"]),
        ("select 'o1' as unique_field, 2 as n_records", generic("unique", "order_id"), ["p2"]),
        ("select null::varchar as order_id", generic("not_null", "order_id"), ["p1"]),
        ("select 'o1' as from_field", generic("relationships", "order_id"), ["p2"]),
        ("select 'o1' as order_id, 2 as rows_found", generic("one_row_per"), ["p2"]),
    ],
)
def test_rows_say_whose_they_are(tmp_path: Path, rows: str, node: dict[str, object], owners: Sequence[str]) -> None:
    found = checks.faults(workspace_where(tmp_path, rows, **node))
    assert [fault.partner_id for fault in found] == list(owners)
    assert not any(fault.is_landed for fault in found)


@pytest.mark.parametrize("rows", [None, "select 1 as rows_read", "select 'stranger' as customer_id", "select null::varchar as partner_id"])
def test_rows_of_nobody_known_stop_all(tmp_path: Path, rows: str | None) -> None:
    """They may be anybody's: somebody would be billed by what did not pass."""
    with pytest.raises(TiktellerError, match="Fails if a call is billed twice"):
        checks.faults(workspace_where(tmp_path, rows))


def test_what_is_said_names_partner_customer_rows_and_harm(tmp_path: Path) -> None:
    """Who has to fix it would be told the name of a dbt test."""
    (fault,) = checks.faults(workspace_where(tmp_path, "select 'c2' as customer_id, n as line from range(5) as t(n)"))
    assert fault.says.startswith(
        "p2, customer c2: Fails if a call is billed twice: the customer would pay double (some_test: 5 rows, such as "
    )
    assert fault.says.count("customer_id c2") == checks.EXAMPLES
    assert "Looks at all days" not in fault.says


def test_a_build_without_a_failing_test_has_no_fault(tmp_path: Path) -> None:
    """And one whose results are cut off is not taken for one."""
    workspace = workspace_where(tmp_path, None)
    results = '{"results": [{"unique_id": "test.x", "status": "pass"}]}'
    (workspace.dbt_target / "run_results.json").write_text(results)
    assert checks.faults(workspace) == []
    (workspace.dbt_target / "run_results.json").write_text(results[:20])
    with pytest.raises(TiktellerError, match="nobody knows what the checks say"):
        checks.faults(workspace)


def test_what_stops_dbt_is_said_by_its_node(tmp_path: Path) -> None:
    """Who looks for the fault would read the name of a process."""
    results = [{"unique_id": "model.tikteller.calls", "status": "error", "message": "Out of range:\n 10^18"}]
    (tmp_path / "run_results.json").write_text(json.dumps({"results": results}))
    assert checks.stopped(tmp_path) == "calls: Out of range: 10^18"
    assert "IO Error: lock" in checks.stopped(tmp_path / "nowhere", "IO Error: lock")
