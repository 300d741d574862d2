"""The house's own rules for dbt's half: a model that breaks one is a room in which nobody finds the way, or a door that nobody guards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestration.serving.tables import AUDIENCES, tables_of
from orchestration.warehouse import builds
from orchestration.workspace import DBT_PROJECT_DIR, Workspace

OF_ONE_PARTNER = {"partner_id", "customer_id"}
GUARD = "test.tikteller.a_customer_belongs_to_one_partner"


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return json.loads(builds.prepare_manifest(Workspace(tmp_path_factory.mktemp("house") / "workspace")).read_bytes())


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def published(node: dict[str, Any]) -> dict[str, str]:
    return node["config"]["meta"].get("published", {})


def test_every_model_says_what_one_row_of_it_is(models: list[dict[str, Any]]) -> None:
    """Who joins a model without knowing its grain counts, and bills, some rows twice."""
    assert [node["name"] for node in models if not node["description"].startswith("One row")] == []


def test_every_model_has_a_page_of_its_own(models: list[dict[str, Any]]) -> None:
    """A description that stands in another file is the one that is not changed with the model."""
    beside = [(DBT_PROJECT_DIR / node["original_file_path"]).with_suffix(".yml") for node in models]
    assert [str(page) for page in beside if not page.exists()] == []


def test_every_mart_has_a_contract_and_says_for_whom_it_is(models: list[dict[str, Any]]) -> None:
    """A mart that nobody publishes is dead; one without a contract may change under those who read it."""
    marts = [node for node in models if node["schema"] == "marts"]
    assert [node["name"] for node in marts if not node["config"]["contract"]["enforced"]] == []
    assert [node["name"] for node in marts if not published(node)] == []
    assert [node["name"] for node in models if published(node) and node["schema"] != "marts"] == []


def test_what_a_partner_reads_bears_the_partner(models: list[dict[str, Any]]) -> None:
    """A table that is cut by partner_id and does not have it could only be given whole: one partner would see the rows of all."""
    assert [node["name"] for node in models if "partner" in published(node) and "partner_id" not in node["columns"]] == []
    assert [node["name"] for node in models if "everyone" in published(node) and OF_ONE_PARTNER & node["columns"].keys()] == []


def test_no_name_is_published_twice_to_one_reader(manifest: dict[str, Any]) -> None:
    """Of two tables of one name a snapshot would hold the one that was copied last."""
    tables = tables_of(manifest)
    assert not tables["partner"].keys() & tables["everyone"].keys()
    said = [(node["config"].get("meta") or {}).get("published", {}) for node in manifest["nodes"].values()]
    named = [pair for each in said for pair in each.items()]
    assert len(named) == len(set(named)) == sum(len(tables[who]) for who in AUDIENCES)


def test_the_guard_of_customers_asks_every_table_that_has_them(manifest: dict[str, Any], models: list[dict[str, Any]]) -> None:
    """A published table that the guard does not ask may show a partner the customers of another."""
    of_customers = {node["name"] for node in models if "partner" in published(node) and node["columns"].keys() >= OF_ONE_PARTNER}
    asked = {each.split(".")[-1] for each in manifest["nodes"][GUARD]["depends_on"]["nodes"]}
    assert of_customers - {"customers"} <= asked, "name them in dbt_project/tests/a_customer_belongs_to_one_partner.sql"


def test_what_an_analyst_reads_is_in_the_guide(manifest: dict[str, Any]) -> None:
    """A table that the guide leaves out is one that nobody asks."""
    guide = (DBT_PROJECT_DIR.parent / "docs" / "analyst.md").read_text()
    assert [name for tables in tables_of(manifest).values() for name in tables if f"`{name}`" not in guide] == []
