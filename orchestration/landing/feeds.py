"""What a feed is: read once from the declaration that dbt reads too (``_landing__sources.yml``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Literal

import yaml

from orchestration.errors import TiktellerError
from orchestration.workspace import DBT_PROJECT_DIR

DECLARATION = DBT_PROJECT_DIR / "models" / "staging" / "landing" / "_landing__sources.yml"

Header = Literal["named", "positional"]


@dataclass(frozen=True)
class Feed:
    """One feed: where its files lie (``name``, below landing/), where its rows go (``raw.<table>``), and its columns.

    ``named`` feeds bear a header and may order their columns freely; ``positional`` ones have none, and give the first
    ``minimum_columns`` columns or more, in order.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    required: frozenset[str]
    header: Header
    minimum_columns: int
    one_of: tuple[frozenset[str], ...] = ()
    """Sets of columns of which the header must name at least one each."""


def _feed(table: dict[str, Any]) -> Feed:
    meta = table["config"]["meta"]
    columns = tuple(column["name"] for column in table["columns"])
    required = frozenset(column["name"] for column in table["columns"] if column.get("config", {}).get("meta", {}).get("required"))
    alternatives: dict[str, set[str]] = {}
    for column in table["columns"]:
        if group := column.get("config", {}).get("meta", {}).get("one_of"):
            alternatives.setdefault(group, set()).add(column["name"])
    header: Header = meta.get("header", "named")
    return Feed(
        name=meta["feed"],
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
    return tuple(_feed(table) for table in raw["tables"] if "feed" in table.get("config", {}).get("meta", {}))


FEEDS: tuple[Feed, ...] = _declared()
"""Every feed, in the order of the declaration."""


def feed_named(name: str) -> Feed:
    """The feed with that name (``cdrs/standard``). Raises TiktellerError with the known names."""
    for feed in FEEDS:
        if feed.name == name:
            return feed
    raise TiktellerError(f"there is no feed {name!r}", mend=f"one of {', '.join(feed.name for feed in FEEDS)}")


def feed_of(folder: PurePosixPath) -> Feed | None:
    """The feed that a folder below landing/ belongs to, itself or one of its parents; None outside every feed."""
    names = {str(part) for part in (folder, *folder.parents)}
    return next((feed for feed in FEEDS if feed.name in names), None)
