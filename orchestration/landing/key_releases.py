"""Customers, accounts and numbers that one partner has and another lands: they wait until they are let go, or an operator releases them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa

from orchestration import serving, state
from orchestration.errors import TiktellerError
from orchestration.workspace import PLATFORM, Workspace

FEEDS = {"customers": "customer_id", "accounts": "account", "numbers": "first_number"}
"""Feeds whose keys are one partner's at a time, and the column that is the key."""
FIRST_YEAR = 2000
"""Days before it are refused in every feed."""
FOR_EVER = "9999-12-31"
SHOWN = 5


@dataclass(frozen=True)
class Release:
    """A key of a feed (customer_id, account, first_number as landed) that a partner may have from a local day on."""

    feed: str
    key: str
    partner_id: str
    released_from: date


def release(workspace: Workspace, feed: str, key: str, partner_id: str, released_from: date) -> Release:
    """Let the partner have the key from that day on: its row, with ``valid_from`` of that day or later, no longer waits.

    Raises TiktellerError for a partner that is not known, a feed whose keys belong to nobody in particular, a key of which no row of the
    partner waits (nor was released to it before), or a day on which the row that waits is not valid yet.
    """
    if feed not in FEEDS:
        raise TiktellerError(f"{feed} has no keys to release", fix=f"one of {', '.join(FEEDS)}")
    partners = serving.published_partners(workspace)
    if partner_id not in partners:
        raise TiktellerError(f"there is no partner {partner_id!r}", fix=f"one of {', '.join(partners) or 'none yet'}")
    if released_from.year < FIRST_YEAR:
        raise TiktellerError(f"{released_from} is no day on which it can begin", fix="give --from the valid_from of the row that waits")
    releases = state.key_releases
    waiting = _waiting(workspace, feed, partner_id)
    with state.deciding(workspace) as decided:
        is_same = sa.and_(releases.c.feed == feed, releases.c.key == key, releases.c.partner_id == partner_id)
        if key not in waiting and decided.execute(sa.select(releases.c.key).where(is_same)).first() is None:
            known = ", ".join([*sorted(waiting)[:SHOWN], *(["..."] if len(waiting) > SHOWN else [])]) or "none"
            raise TiktellerError(
                f"no row of {partner_id} waits for {FEEDS[feed]} {key!r}",
                fix=f"what of {feed} waits for it: {known} (run what has landed)",
            )
        begins = max(waiting.get(key, [None]), key=lambda each: each or date.min)
        # an account and a number begin with their customer, whatever their own row says
        if feed == "customers" and key in waiting and (begins is None or begins < released_from):
            since = f"is valid from {begins}" if begins else "has no valid_from"
            raise TiktellerError(
                f"the row of {partner_id} that waits for {key!r} {since}: released from {released_from} on, it would wait as before",
                fix=f"give --from {begins} or earlier" if begins else "land it with the valid_from from which it is this partner's",
            )
        decided.execute(releases.delete().where(is_same))
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


def _waiting(workspace: Workspace, feed: str, partner_id: str) -> dict[str, list[date | None]]:
    """Keys of which rows of the partner wait, as they were landed, and from when each row would be valid."""
    with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
        rows = platform.execute(
            f"select raw->>'{FEEDS[feed]}', try_cast(raw->>'valid_from' as date) from quarantine"
            " where feed = ? and reason = ? and coalesce(partner_id, ?) = ?",
            [feed, f"{feed.removesuffix('s')}_of_another_partner", partner_id, partner_id],
        ).fetchall()
    found: dict[str, list[date | None]] = {}
    for key, valid_from in rows:
        found.setdefault(key.strip(), []).append(valid_from)
    return found
