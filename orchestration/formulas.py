"""The formulas of ``dbt_project/macros``, rendered without dbt.

A rule stands once, as a macro. Models use it in dbt; ``quote``, ``explain`` and ``pvc`` render the same text here and let DuckDB
evaluate it, in milliseconds. What dbt gives a macro is stood in for as far as formulas need it: ``return`` and
``adapter.dispatch`` (as on DuckDB). A macro that asks for more of dbt (``ref``, ``var``, ``run_query``) fails when it is called.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache

from jinja2 import Environment, StrictUndefined
from jinja2.runtime import Macro

from orchestration.workspace import DBT_PROJECT_DIR

Formula = Callable[..., str]


@cache
def formulas() -> Mapping[str, Formula]:
    """All macros of the project by name; each takes SQL expressions (or what its dbt callers give it) and returns SQL."""
    environment = Environment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], undefined=StrictUndefined)
    found: dict[str, Formula] = {}
    environment.globals |= {"return": lambda value: value, "adapter": _DuckDb(found)}
    # One template of all files, since macros find each other within a template
    text = "\n".join(file.read_text(encoding="utf-8") for file in sorted((DBT_PROJECT_DIR / "macros").glob("*.sql")))
    module = environment.from_string(text).module
    found |= {name: macro for name, macro in vars(module).items() if isinstance(macro, Macro)}
    return found


def formula(name: str, *arguments: object) -> str:
    """The SQL of one macro for these arguments. Raises KeyError where no macro has that name."""
    return formulas()[name](*arguments).strip()


class _DuckDb:
    """dbt's ``adapter`` as far as formulas need it."""

    def __init__(self, macros: Mapping[str, Formula]) -> None:
        self._macros = macros

    def dispatch(self, name: str, _package: str | None = None) -> Formula:
        return self._macros.get(f"duckdb__{name}") or self._macros[f"default__{name}"]
