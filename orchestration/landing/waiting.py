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
    registered = register.read(workspace)
    with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
        landed = published_files(workspace, platform, registered)
    return waiting_among(workspace, [each for each in found if feed in (None, each.feed.name)], landed, registered)


def published_files(workspace: Workspace, platform: duckdb.DuckDBPyConnection, registered: list[Registered]) -> set[tuple[str, str]]:
    """What stands published: each file with the bytes that it had; but a list that is to be parted from its twin has yet to land."""
    ledger = asked(platform, "select file, sha256 from ingested_files")
    twins = asked(
        platform,
        "select file, sha256, file_id, original_file_id from ingested_files "
        "where feed = 'purchase_rates' and original_file_id is not null and withdrawn_at is null",
    )
    landed = {tuple(row) for row in ledger.rows} if ledger else set()
    if not twins or not twins.rows:
        return landed
    parting = register.lists_to_part(workspace, registered, [row[2:] for row in twins.rows])
    return landed - {(file, sha256) for file, sha256, file_id, _ in twins.rows if file_id in parting}


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
