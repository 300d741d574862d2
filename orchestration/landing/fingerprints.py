"""Which bytes lie under a name: files are known by content, and hashed only where the system says that something about them changed."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestration.landing.arrivals import Arrival
from orchestration.landing.scan import NOTHING_SHA256, contents
from orchestration.workspace import Workspace

SETTLED_NS = 1_000_000_000  # a change in the same tick of the file system's clock as our look at it would show in no stamp


@dataclass(frozen=True)
class Fingerprint:
    """A file's ``Arrival.stamp`` when it was hashed at ``seen_ns``, the sha256 of its bytes and of its text."""

    stamp: tuple[int, int, int, int]
    sha256: str
    content_sha256: str
    seen_ns: int


Fingerprints = Mapping[str, Fingerprint]
"""By ``Arrival.file``."""


def remembered(workspace: Workspace) -> dict[str, Fingerprint]:
    """What was hashed before. A note of ours: where it is lost or damaged, files are hashed again."""
    try:
        notes = json.loads(workspace.fingerprints.read_text(encoding="utf-8"))
        return {file: Fingerprint(tuple(note[:4]), *note[4:]) for file, note in notes.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def remember(workspace: Workspace, known: Fingerprints) -> None:
    """Keep what was hashed; who may not write here hashes again."""
    unfinished = workspace.fingerprints.with_suffix(".part")
    with contextlib.suppress(OSError):
        notes = {file: [*each.stamp, each.sha256, each.content_sha256, each.seen_ns] for file, each in known.items()}
        unfinished.write_text(json.dumps(notes), encoding="utf-8")
        unfinished.replace(workspace.fingerprints)


def trusted(arrival: Arrival, known: Fingerprints) -> Fingerprint | None:
    """The file's fingerprint, where nothing about the file has changed since it was taken; None where it has to be hashed."""
    found = known.get(arrival.file)
    if found and found.stamp == arrival.stamp and arrival.changed_ns < found.seen_ns - SETTLED_NS:
        return found
    return None


def fingerprint(arrival: Arrival, sha256: str, content_sha256: str) -> Fingerprint:
    return Fingerprint(arrival.stamp, sha256, content_sha256, time.time_ns())


def fingerprints(workspace: Workspace, found: Iterable[Arrival]) -> dict[str, Fingerprint]:
    """The fingerprint of each file, hashed where it has to be."""
    known = remembered(workspace)
    taken: dict[str, Fingerprint] = {}
    is_news = False
    for arrival in found:
        each = trusted(arrival, known)
        if each is None:
            try:
                each = fingerprint(arrival, *contents(arrival.path, arrival.is_gzip))
            except OSError:  # it may be readable the next time, and nothing about it says so
                taken[arrival.file] = fingerprint(arrival, NOTHING_SHA256, NOTHING_SHA256)
                continue
            is_news = True
            known[arrival.file] = each
        taken[arrival.file] = each
    if is_news:
        remember(workspace, known)
    return taken
