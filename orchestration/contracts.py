"""The columns that a published table promises, read from where they are declared: its model's contract."""

from __future__ import annotations

from functools import cache

import yaml

from orchestration.workspace import DBT_PROJECT_DIR


@cache
def contract(model: str) -> dict[str, str]:
    """Column name -> SQL type of a model with an enforced contract, in order. Raises FileNotFoundError for a model that is none."""
    (declaration,) = (DBT_PROJECT_DIR / "models").rglob(f"{model}.yml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with declaration.open(encoding="utf-8") as text:
        (declared,) = (each for each in yaml.load(text, Loader=loader)["models"] if each["name"] == model)
    return {column["name"]: column["data_type"] for column in declared["columns"]}
