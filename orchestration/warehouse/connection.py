"""The warehouse's door: the only module that opens databases to write.

One writer at a time: DuckDB locks the file between processes, so a second writer, or a reader, is told who holds it. Everybody
but the pipeline reads ``serving/``.
"""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import duckdb

from orchestration.errors import TiktellerError
from orchestration.progress import Progress
from orchestration.workspace import Workspace

HOLDER = re.compile(r"held in (?P<program>.+?) \(PID (?P<pid>\d+)\)")
LEFTOVER_PATIENCE_S = 600
STORAGE_VERSION = "v1.5.0"  # older DuckDB clients can open the file
DEFAULT_MEMORY = "4GB"  # leaves 2 GiB of the run's 6 for Python, Arrow and dbt
SOUND = {"debug_enable_caching_operators": "false"}
"""Keeps DuckDB 2.0.0 from ending with a fatal error on lawful rows (docs/decisions.md); profiles.yml says it to dbt."""


def settings(workspace: Workspace) -> dict[str, Any]:
    """DuckDB's settings for the warehouse, also for dbt: memory, threads, where to spill.

    ``TIKTELLER_MEMORY`` (such as ``4GB``) and ``TIKTELLER_THREADS`` (a number) change the first two.
    """
    return {
        "memory_limit": os.environ.get("TIKTELLER_MEMORY") or DEFAULT_MEMORY,
        "threads": os.environ.get("TIKTELLER_THREADS") or str(os.cpu_count() or 1),
        "temp_directory": str(workspace.spill),
        **SOUND,
    }


def connect(workspace: Workspace, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """A connection to the warehouse, in UTC. Raises TiktellerError where another process holds it, or a setting is not one.

    ``marts.calls`` is read through a read-only connection: its rows stand in the partners' files, which only dbt writes.
    """
    workspace.root.mkdir(parents=True, exist_ok=True)
    config = settings(workspace)
    if not read_only:
        config["storage_compatibility_version"] = STORAGE_VERSION
    try:
        connection = duckdb.connect(str(workspace.warehouse), read_only=read_only, config=config)
    except duckdb.IOException as error:
        raise _refused(workspace, error) from error
    except (duckdb.InvalidInputException, duckdb.ParserException, duckdb.SyntaxException) as error:
        raise TiktellerError(
            f"DuckDB refuses its settings: {str(error).splitlines()[0]}",
            fix="TIKTELLER_MEMORY is a size such as 4GB, TIKTELLER_THREADS a number such as 2",
        ) from error
    connection.execute("set enable_progress_bar = false")  # we say ourselves how far we are
    connection.execute("set global TimeZone = 'UTC'")  # not before: the time zones come with an extension
    if read_only:
        for file in sorted(workspace.rated.glob("*.duckdb")):  # named as in dbt's macro partner_database
            quoted, name = str(file).replace("'", "''"), re.sub("[A-Z]", r"^\g<0>", file.stem)
            connection.execute(f"""attach '{quoted}' as "rated_{name}" (read_only)""")
    return connection


DAMAGED = re.compile(
    r"not a valid DuckDB|corrupt|checksum|could not read|past the end|failed to (load|deserialize|read)|truncat", re.IGNORECASE
)


def damage(workspace: Workspace) -> str | None:
    """What is wrong with the warehouse's file, or a partner's rated calls; None where they open, are not there, or somebody holds them."""
    for file in (workspace.warehouse, *sorted(workspace.rated.glob("*.duckdb"))):
        if file.exists():
            try:
                duckdb.connect(str(file), read_only=True, config={"threads": 1}).close()
            except duckdb.Error as error:
                if DAMAGED.search(str(error)):
                    return f"{file} is damaged ({str(error).splitlines()[0][:160]})"
    return None


def _refused(workspace: Workspace, error: duckdb.IOException) -> TiktellerError:
    """Who holds the file, when that is what is wrong; else what DuckDB says."""
    text = str(error)
    if "lock" not in text.lower():
        return TiktellerError(f"{workspace.warehouse} does not open: {text.splitlines()[0]}")
    holder = HOLDER.search(text)
    who = f"process {holder['pid']} ({holder['program']})" if holder else "another process"
    return TiktellerError(
        f"{workspace.warehouse} is in use by {who}", fix="wait until it ends, or end it; readers open serving/ instead (tikteller sql)"
    )


def wait_for_leftover(workspace: Workspace, progress: Progress) -> None:
    """Wait until the dbt of a run that was killed has ended: it goes on alone for a while, and holds the warehouse.

    Anybody else who holds it is told by ``connect``.
    """
    until = time.monotonic() + LEFTOVER_PATIENCE_S
    told: int | None = None
    while time.monotonic() < until and (pid := _leftover(workspace)) is not None:
        if pid != told:
            progress(f"waiting for process {pid}, what is left of a run that was killed", None, None)
            told = pid
        time.sleep(0.2)


def _leftover(workspace: Workspace) -> int | None:
    """The process that holds the warehouse, where it is our own dbt."""
    if not workspace.warehouse.exists():
        return None
    try:
        duckdb.connect(str(workspace.warehouse), config=settings(workspace) | {"storage_compatibility_version": STORAGE_VERSION}).close()
    except duckdb.IOException as error:
        if (holder := HOLDER.search(str(error))) and _is_our_dbt(int(holder["pid"])):
            return int(holder["pid"])
    except duckdb.Error:
        pass  # damaged, or a setting is not one: the run says it
    return None


def _is_our_dbt(pid: int) -> bool:
    try:
        return b"tikteller-dbt" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it has ended, or the system has no /proc
        return False
