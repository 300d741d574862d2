"""Customers, accounts and numbers that one partner has and another lands: they wait until they are let go, or an operator releases them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from orchestration import serving, state
from orchestration.errors import TiktellerError
from orchestration.workspace import Workspace

FEEDS = ("customers", "accounts", "numbers")
FOR_EVER = "9999-12-31"


@dataclass(frozen=True)
class Release:
    """A key of a feed (customer_id, account, first_number as landed) that a partner may have from a local day on."""

    feed: str
    key: str
    partner_id: str
    released_from: date


def release(workspace: Workspace, feed: str, key: str, partner_id: str, released_from: date) -> Release:
    """Let the partner have the key from that day on: its row, with ``valid_from`` of that day or later, no longer waits.

    Raises TiktellerError for a partner that is not known, or a feed whose keys belong to nobody in particular.
    """
    if feed not in FEEDS:
        raise TiktellerError(f"{feed} has no keys to release", mend=f"one of {', '.join(FEEDS)}")
    partners = serving.published_partners(workspace)
    if partner_id not in partners:
        raise TiktellerError(f"there is no partner {partner_id!r}", mend=f"one of {', '.join(partners) or 'none yet'}")
    releases = state.key_releases
    with state.deciding(workspace) as decided:
        decided.execute(releases.delete().where(releases.c.feed == feed, releases.c.key == key, releases.c.partner_id == partner_id))
        decided.execute(
            releases.insert().values(
                feed=feed,
                key=key,
                partner_id=partner_id,
                released_from=f"{released_from}",
                released_at=state.now(),
                released_by=state.whoami(),
            )
        )
        # the day on a record may be the day before the partner's
        decided.execute(
            state.rerate_requests.insert().values(
                first_date=f"{released_from - timedelta(days=1)}", last_date=FOR_EVER, reason=f"released {feed} {key} to {partner_id}"
            )
        )
        state.note(decided, "release", partner_id, f"{feed} {key}", f"from {released_from}")
    return Release(feed, key, partner_id, released_from)
