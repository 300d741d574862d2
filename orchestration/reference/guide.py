"""The table of what is published in docs/analyst.md: it follows from the models, which say it of themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from orchestration.errors import TiktellerError
from orchestration.workspace import DBT_PROJECT_DIR, PROJECT_ROOT, SEEDS_DIR

GUIDE = PROJECT_ROOT / "docs" / "analyst.md"
BEGIN, END = "<!-- derived from the models: make seeds -->\n", "<!-- end of what is derived -->\n"
WHO = {"partner": "a partner's own", "everyone": "the same for everyone", "platform": "only without `--partner`"}


def derived_table() -> str:
    """A line of Markdown for each published table: its name, whose rows it has, and what one row is."""
    lines: dict[str, tuple[str, str]] = {}
    for audience, who in WHO.items():
        for described in _described():
            name = ((described.get("config") or {}).get("meta") or {}).get("published", {}).get(audience)
            if name is not None:
                lines.setdefault(name, (who, _grain(described["description"])))
    rows = [f"| `{name}` | {who} | {grain} |\n" for name, (who, grain) in sorted(lines.items())]
    return "| table | rows | one row per |\n|---|---|---|\n" + "".join(rows)


def check() -> None:
    """Raises TiktellerError where the guide does not say what the models say."""
    if _between(GUIDE.read_text(encoding="utf-8"))[1] != derived_table():
        raise TiktellerError("the table in docs/analyst.md is not what the models say of themselves", mend="make seeds")


def write() -> None:
    before, _, after = _between(GUIDE.read_text(encoding="utf-8"))
    GUIDE.write_text(before + derived_table() + after, encoding="utf-8")


def _between(text: str) -> tuple[str, str, str]:
    begin, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    return text[:begin], text[begin:end], text[end:]


def _described() -> list[dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    files: list[Path] = [*sorted((DBT_PROJECT_DIR / "models" / "marts").rglob("*.yml")), *sorted(SEEDS_DIR.glob("*.yml"))]
    found = [yaml.load(file.read_text(encoding="utf-8"), Loader=loader) for file in files]
    return [each for content in found for each in [*content.get("models", []), *content.get("seeds", [])]]


def _grain(description: str) -> str:
    """What stands behind "One row per", to the end of its first sentence."""
    text = " ".join(description.split()).removeprefix("One row per ")
    first = re.split(r"(?<=[a-z0-9)`])\.(?= |$)", text, maxsplit=1)[0]
    return first.replace("|", "\\|")
