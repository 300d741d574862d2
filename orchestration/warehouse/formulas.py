"""The rules of ``dbt_project``, rendered without dbt.

A rule stands once, as a macro or a model. dbt builds the warehouse with it; ``quote``, ``explain``, ``pvc`` and the tariff lab render the
same text here and let DuckDB evaluate it on what is published, in milliseconds. What dbt gives a macro is stood in for as far as
the rules need it: ``return``, ``adapter.dispatch`` (as on DuckDB), ``var`` (as dbt_project.yml says) and ``ref``/``source``, which lead to
the relations that the caller names. Of the folders below ``macros/``, ``engines/`` says what is dispatched; the rest only dbt understands.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

import yaml
from jinja2 import Environment, StrictUndefined
from jinja2.runtime import Macro

from orchestration.workspace import DBT_PROJECT_DIR

Formula = Callable[..., str]


@cache
def formulas() -> Mapping[str, Formula]:
    """All macros of the project by name; each takes SQL expressions (or what its dbt callers give it) and returns SQL."""
    return _rendered("", {})[1]


def formula(name: str, *arguments: object) -> str:
    """The SQL of one macro for these arguments. Raises KeyError where no macro has that name."""
    return formulas()[name](*arguments).strip()


def rule(text: str, relations: Mapping[str, str]) -> str:
    """The SQL of a text that calls macros, such as ``{{ rated_calls('calls') }}``; ``ref`` of a model leads to ``relations[model]``."""
    return _rendered(text, relations)[0].strip()


def model(name: str, relations: Mapping[str, str]) -> str:
    """The SQL of a model (its file's name without ending), with the relations that it reads from."""
    (file,) = (DBT_PROJECT_DIR / "models").rglob(f"{name}.sql")
    return rule(file.read_text(encoding="utf-8"), relations)


def _rendered(text: str, relations: Mapping[str, str]) -> tuple[str, Mapping[str, Formula]]:
    environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], undefined=StrictUndefined)
    found: dict[str, Formula] = {}
    environment.globals |= {
        "return": lambda value: value,
        "adapter": _DuckDb(found),
        "ref": lambda name: relations[name],
        "source": lambda _source, name: relations[name],
        "var": _variables().__getitem__,
        "config": lambda **_settings: "",
        "is_incremental": lambda: False,
    }
    # One template of all files, since macros find each other within a template
    module = environment.from_string(_macros()).module
    found |= {name: macro for name, macro in vars(module).items() if isinstance(macro, Macro)}
    environment.globals |= found
    return environment.from_string(text).render(), found


@cache
def _macros() -> str:
    folder = DBT_PROJECT_DIR / "macros"
    return "\n".join(file.read_text(encoding="utf-8") for file in [*sorted(folder.glob("*.sql")), folder / "engines" / "duckdb.sql"])


@cache
def _variables() -> Mapping[str, object]:
    return yaml.safe_load((DBT_PROJECT_DIR / "dbt_project.yml").read_text(encoding="utf-8"))["vars"]


class _DuckDb:
    """dbt's ``adapter`` as far as formulas need it."""

    def __init__(self, macros: Mapping[str, Formula]) -> None:
        self._macros = macros

    def dispatch(self, name: str, _package: str | None = None) -> Formula:
        return self._macros.get(f"duckdb__{name}") or self._macros[f"default__{name}"]
