"""What is published, and for whom: each model and seed says it of itself (``meta.published``), and dbt's manifest has it.

``partner``   of which a partner's file gets the rows that bear its own ``partner_id``
``everyone``  the same in every partner's file: nothing in it is anybody's
``platform``  whole, for operators only: what stands in no partner's file because it is nobody's yet, or everybody's
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from orchestration.warehouse import builds
from orchestration.workspace import Workspace

Audience = Literal["partner", "everyone", "platform"]
AUDIENCES: tuple[Audience, ...] = ("partner", "everyone", "platform")

CALLS = "calls"
"""The one table that is large, with which a partner's file begins (``Workspace.rated``)."""


def published_tables(workspace: Workspace) -> dict[Audience, dict[str, str]]:
    """For each audience: published name -> its source, as ``schema.table`` of the warehouse."""
    return tables_of(json.loads(builds.prepare_manifest(workspace).read_bytes()))


def tables_of(manifest: Mapping[str, Any]) -> dict[Audience, dict[str, str]]:
    """The same from a manifest. Raises ValueError where a model names an audience that there is not."""
    found: dict[Audience, dict[str, str]] = {audience: {} for audience in AUDIENCES}
    for node in sorted(manifest["nodes"].values(), key=lambda each: each["name"]):
        for audience, name in (node["config"].get("meta") or {}).get("published", {}).items():
            if audience not in found:
                raise ValueError(f"{node['name']}: meta.published names {audience!r}, not one of {', '.join(AUDIENCES)}")
            found[audience][name] = f"{node['schema']}.{node['alias']}"
    if CALLS not in found["partner"]:
        raise ValueError("no model says that it is published as calls: the manifest is of another project")
    return found
