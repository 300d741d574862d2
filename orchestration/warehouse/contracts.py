"""What a published table promises, read from where it is declared: its model's yml."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from orchestration.workspace import DBT_PROJECT_DIR


def contract(model: str) -> dict[str, str]:
    """Column name -> SQL type of a model with an enforced contract, in order. Raises FileNotFoundError for a model that is none."""
    return {column["name"]: column["data_type"] for column in _columns(model)}


def meanings(model: str) -> dict[str, str]:
    """Column name -> what it means, for the columns that have a description. Raises FileNotFoundError for a model that is none."""
    return {column["name"]: " ".join(column["description"].split()) for column in _columns(model) if column.get("description")}


@cache
def _columns(model: str) -> list[dict[str, Any]]:
    found = list((DBT_PROJECT_DIR / "models").rglob(f"{model}.yml"))
    if not found:
        raise FileNotFoundError(f"there is no model {model} in {DBT_PROJECT_DIR / 'models'}")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with found[0].open(encoding="utf-8") as text:
        (declared,) = (each for each in yaml.load(text, Loader=loader)["models"] if each["name"] == model)
    return declared["columns"]
