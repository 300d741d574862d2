"""What a feed is: read once from the declaration that dbt reads too (``_landing__sources.yml``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Literal

import yaml

from orchestration.errors import TiktellerError
from orchestration.landing.sources import Source
from orchestration.workspace import DBT_PROJECT_DIR

DECLARATION = DBT_PROJECT_DIR / "models" / "staging" / "landing" / "_landing__sources.yml"

Header = Literal["named", "positional", "declared"]


@dataclass(frozen=True)
class Feed:
    """One feed: where its files lie (``name``, below landing/), where its rows go (``raw.<table>``), and its columns.

    ``named`` feeds bear a header and may order their columns freely; ``positional`` ones have none, and give the first
    ``minimum_columns`` columns or more, in order. The files of a ``declared`` one are landed field by field, as their ``source`` says.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    required: frozenset[str]
    header: Header
    minimum_columns: int
    one_of: tuple[frozenset[str], ...] = ()
    """Sets of columns of which the header must name at least one each."""
    source: Source | None = None


def _feed(table: dict[str, Any]) -> Feed:
    meta = table["config"]["meta"]
    columns = tuple(column["name"] for column in table["columns"])
    required = frozenset(column["name"] for column in table["columns"] if column.get("config", {}).get("meta", {}).get("required"))
    alternatives: dict[str, set[str]] = {}
    for column in table["columns"]:
        if group := column.get("config", {}).get("meta", {}).get("one_of"):
            alternatives.setdefault(group, set()).add(column["name"])
    header: Header = "declared" if meta.get("declared") else meta.get("header", "named")
    return Feed(
        name=meta.get("feed", table["name"]),
        table=table["name"],
        columns=columns,
        required=required,
        header=header,
        minimum_columns=meta.get("minimum_columns", len(columns)) if header == "positional" else len(required),
        one_of=tuple(frozenset(columns) for columns in alternatives.values()),
    )


@cache
def _declared() -> tuple[Feed, ...]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one takes 20 ms, the other 200
    with DECLARATION.open(encoding="utf-8") as text:
        sources = yaml.load(text, Loader=loader)["sources"]
    (raw,) = (source for source in sources if source["name"] == "raw")
    return tuple(_feed(table) for table in raw["tables"] if {"feed", "declared"} & table.get("config", {}).get("meta", {}).keys())


FEEDS: tuple[Feed, ...] = tuple(feed for feed in _declared() if feed.header != "declared")
"""Every feed, in the order of the declaration."""

(DECLARED,) = (feed for feed in _declared() if feed.header == "declared")
"""The feed of all sources that are landed field by field."""


def feed_named(name: str) -> Feed:
    """The feed with that name (``cdrs/standard``). Raises TiktellerError with the known names."""
    for feed in FEEDS:
        if feed.name == name:
            return feed
    raise TiktellerError(f"there is no feed {name!r}", fix=f"one of {', '.join(feed.name for feed in FEEDS)}")


def feed_of(folder: PurePosixPath, source: Source | None = None) -> Feed | None:
    """The feed that a folder below landing/ belongs to, itself or one of its parents, or that of its source; None outside every feed."""
    if source is not None and source.is_declared:
        if source.format.is_price_list:
            return replace(feed_named("purchase_rates"), source=source)
        if source.is_field_by_field:
            return replace(DECLARED, name=source.folder, source=source)
        return next(feed for feed in FEEDS if feed.table == source.format.table)
    names = {str(part) for part in (folder, *folder.parents)}
    return next((feed for feed in FEEDS if feed.name in names), None)
