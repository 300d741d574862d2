"""The readers' side of ``serving/``: which snapshot is current, opened read-only.

``serving/current`` is a one-line file that names the current snapshot, and ``serving/<partner_id>/current`` leads to it: one
replacement by ``orchestration.publishing`` moves all partners at once. A reader resolves it once per question and opens the
file of that name in its partner's folder, so that a publication in between changes nothing under its feet. The partner decides
which *file* is opened, never which WHERE is added.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

from orchestration.errors import TiktellerError
from orchestration.workspace import PLATFORM, Workspace

POINTER = "current"
READER_SETTINGS = {"python_enable_replacements": "false"}
PARTNER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def published_partners(workspace: Workspace) -> tuple[str, ...]:
    """Ids of the partners that have a current snapshot, in order."""
    if not workspace.serving.is_dir():
        return ()
    folders = (folder for folder in workspace.serving.iterdir() if folder.name != PLATFORM)
    return tuple(sorted(folder.name for folder in folders if (snapshot := _named(folder)) and snapshot.is_file()))


def current_snapshot(workspace: Workspace, partner_id: str) -> Path:
    """The file of the partner's current snapshot. Raises TiktellerError where nothing is published for that id."""
    if partner_id != PLATFORM and not PARTNER_ID.fullmatch(partner_id):
        raise TiktellerError(f"{partner_id!r} is not a partner id")
    snapshot = _named(workspace.serving / partner_id)
    if snapshot is None or not snapshot.is_file():
        known = ", ".join(published_partners(workspace)) or "none yet"
        raise TiktellerError(f"nothing is published for partner {partner_id!r} (published: {known})", mend="tikteller run")
    return snapshot


def _named(folder: Path) -> Path | None:
    """The file that the folder's pointer names, whether it is there or not; None without a pointer."""
    try:
        return folder / (folder / POINTER).read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def connect(snapshot: Path, settings: Mapping[str, str] = READER_SETTINGS) -> duckdb.DuckDBPyConnection:
    """A read-only connection to one snapshot file that can reach no other file. ``settings`` are DuckDB's, on top of a reader's own."""
    connection = duckdb.connect(str(snapshot), read_only=True, config={**READER_SETTINGS, **settings})
    connection.execute("set enable_external_access = false")
    return connection
