"""dbt's own tests, in the one place where everybody's tests are run, and what DuckDB says of the models that they built."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from orchestration import warehouse
from orchestration.workspace import Workspace
from tests.models.conftest import failures

FLOATING_POINT = ("DOUBLE", "FLOAT")


def test_the_models_pass_their_unit_tests_and_build_from_nothing(built: tuple[Workspace, list[dict[str, Any]]]) -> None:
    """A rule about money would be broken (the unit tests beside the models), or a first run on an empty workspace would fail."""
    _, results = built
    assert not failures(results), "\n".join(failures(results))
    assert any(result["unique_id"].startswith("unit_test.tikteller.calls.") for result in results)


def test_no_model_and_no_check_computes_in_floating_point(built: tuple[Workspace, list[dict[str, Any]]]) -> None:
    """A cent would go missing inside an expression whose column is a DECIMAL again: -0.525 % was published as -0.52.

    DuckDB itself says the type of every step of every model: of a division, an average, a literal, what a function takes and gives.
    None of the project is floating point, whatever column it leads to; so there is nothing to except.
    """
    workspace, _ = built
    compiled = sorted((workspace.dbt_target / "tests" / "compiled").rglob("*.sql"))
    assert len(compiled) > 300
    with warehouse.connect(workspace, read_only=True) as connection:
        connection.execute(f"attach '{workspace.root / 'scratch.duckdb'}' as scratch (read_only)")
        found = {file.name: steps for file in compiled if (steps := floating_point_steps(connection, file.read_text()))}
    assert found == {}


@pytest.mark.parametrize(
    "expression",
    [
        "cast(round(100.0 * sale_eur / purchase_eur, 2) as decimal(18, 2))",
        "cast(avg(sale_eur) as decimal(18, 6))",
        "cast(avg(sale_eur) over (partition by customer_id) as decimal(18, 6))",
        "cast(coalesce(sale_eur, 1e0) as decimal(18, 6))",
        "cast(cast(sale_eur as real) as decimal(18, 6))",
        "cast(sqrt(sale_eur) as decimal(18, 6))",
        "cast(case when calls / 2 > 1 then sale_eur end as decimal(18, 6))",
        "(select cast(max(sale_eur / 2) as decimal(18, 6)) from sold)",
    ],
)
def test_floating_point_is_seen_wherever_it_stands(expression: str) -> None:
    """The test above would pass on a price that was computed as a DOUBLE and cast back."""
    with duckdb.connect() as connection:
        connection.execute("create table sold (customer_id varchar, calls bigint, sale_eur decimal(18, 6), purchase_eur decimal(18, 6))")
        assert floating_point_steps(connection, f"with part as (select {expression} as each_eur from sold) select each_eur from part")
        exact = "cast(cast(sale_eur * 1000000 as hugeint) // 3 as decimal(18, 0)) * 0.000001 + round(0.5 * sale_eur, 2)"
        assert floating_point_steps(connection, f"select {exact}, sum(sale_eur) from sold group by all") == []


def floating_point_steps(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """What a query computes in floating point, as DuckDB binds it: the function, cast or literal of each step, the outermost first."""
    (plan,) = connection.execute("select json_serialize_plan(?)", [sql]).fetchone() or ("",)
    bound = json.loads(plan)
    assert not bound["error"], f"{bound['error_message']}\n{sql}"
    return list(_floating_point(bound["plans"]))


def _floating_point(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if (node.get("return_type") or {}).get("id") in FLOATING_POINT:
            yield ".".join((node.get("qname") or {}).get("path", [node["type"]])[-1:])
        node = list(node.values())
    if isinstance(node, list):
        for part in node:
            yield from _floating_point(part)
