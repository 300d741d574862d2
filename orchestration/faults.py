"""Whose a fault is: what fails for one partner keeps that one's last good snapshot, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """Something that is not as it must be before it may be published.

    partner_id   whose it is; None: nobody's that could be told, so that it is said and keeps no snapshot back
    says         what, how much and the likely cause, for a person, in one line
    is_landed    whether what landed is at fault: the warehouse is sound, and ``--accept-landed`` publishes it all the same
    """

    partner_id: str | None
    says: str
    is_landed: bool = False


@dataclass(frozen=True)
class Held:
    """A partner that keeps its last good snapshot (None: it has none yet), and why."""

    partner_id: str
    snapshot: str | None
    reasons: tuple[str, ...]


def by_partner(faults: Iterable[Fault]) -> Mapping[str, list[str]]:
    """The faults that are somebody's: partner -> what is said of it."""
    found: dict[str, list[str]] = {}
    for fault in faults:
        if fault.partner_id is not None and fault.says not in found.setdefault(fault.partner_id, []):
            found[fault.partner_id].append(fault.says)
    return found
