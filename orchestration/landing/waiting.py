"""Files in landing/ that no run has read and published."""

from __future__ import annotations

from contextlib import closing

import duckdb

from orchestration import serving
from orchestration.landing import fingerprints, register
from orchestration.landing.arrivals import Arrival, arrivals
from orchestration.landing.register import Registered
from orchestration.serving.snapshots import asked
from orchestration.workspace import PLATFORM, Workspace


def waiting_files(workspace: Workspace, feed: str | None = None) -> list[Arrival]:
    """Files, of the feed or of all, that no run has read and published."""
    found, _ = arrivals(workspace.landing)
    with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
        landed = published_files(platform)
    return waiting_among(workspace, [each for each in found if feed in (None, each.feed.name)], landed, register.read(workspace))


def published_files(platform: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """What stands published: each file with the bytes that it had."""
    ledger = asked(platform, "select file, sha256 from ingested_files")
    return {tuple(row) for row in ledger.rows} if ledger else set()


def waiting_among(workspace: Workspace, found: list[Arrival], landed: set[tuple[str, str]], registered: list[Registered]) -> list[Arrival]:
    """The files whose bytes are not published. One with a name that nobody knows is not looked into, nor one that nothing has touched."""
    names = {file for file, _ in landed} | {each.file for each in registered}
    taken = fingerprints.fingerprints(workspace, [each for each in found if each.file in names])
    withdrawn: dict[tuple[str, str], Registered] = {}
    for each in registered:  # the newest of a content says whether it counts
        withdrawn.pop((each.file, each.content), None)
        if not each.is_live:
            withdrawn[each.file, each.content] = each

    def waits(arrival: Arrival) -> bool:
        seen = taken.get(arrival.file)
        if seen is None:
            return True
        away = withdrawn.get((arrival.file, seen.content_sha256)) or withdrawn.get((arrival.file, seen.sha256))
        return away.has_landed_again(arrival) if away else (arrival.file, seen.sha256) not in landed

    return [each for each in found if waits(each)]
