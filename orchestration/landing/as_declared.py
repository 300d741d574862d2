"""Whether what landed is read as sources.toml says today."""

from __future__ import annotations

import hashlib
from pathlib import Path

from orchestration.landing.sources import FORMATS_DIR, SOURCES_FILE
from orchestration.workspace import Workspace


def remember_sources(workspace: Workspace) -> None:
    """Note by which sources.toml what landed is read."""
    workspace.dbt_target.mkdir(parents=True, exist_ok=True)
    _sources_file(workspace).write_text(sources_fingerprint(workspace))


def reads_as_declared(workspace: Workspace) -> bool:
    """Whether what landed is read as sources.toml says today."""
    remembered = _sources_file(workspace)
    return (remembered.read_text() if remembered.exists() else "") == sources_fingerprint(workspace)


def sources_fingerprint(workspace: Workspace) -> str:
    """Changes with sources.toml, and with a format that ships."""
    file = workspace.root / SOURCES_FILE
    said = [file.read_bytes() if file.exists() else b"", *(each.read_bytes() for each in sorted(FORMATS_DIR.glob("*.toml")))]
    return hashlib.sha256(repr(said).encode()).hexdigest()


def _sources_file(workspace: Workspace) -> Path:
    return workspace.dbt_target / "sources"
