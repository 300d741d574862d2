"""What the generator knows of its own files, as JSON: so that a test or a person can say where every row has to end."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from orchestration.demo.files import QUARANTINED, UNRATED, Dirt, LandedFile, Landing
from orchestration.demo.partners import ODD_RANGES, UNREADABLE
from orchestration.demo.period import Period

PARTIAL = "partial_records"
RECORDS_OF_A_PARTIAL_CALL = 3
LEGS = "transferred_legs"
LEGS_OF_A_CALL = 2


def answers(
    landing: Landing,
    period: Period,
    calls: int,
    months: int,
    seed: int,
    alarms: Sequence[Mapping[str, str | int]],
    purchase_differences: Sequence[Mapping[str, str | int]],
    acts: Sequence[Mapping[str, str | int]],
) -> str:
    """The answers as JSON text.

    ``calls`` are the good call legs; ``expected_calls`` counts the rows of the published ``calls``: every kept row, but
    one for the records of a partial call and one for the legs of a transferred one. ``feeds`` and ``files`` (by path
    below landing/) say per feed and file how many rows have to be kept, duplicate and quarantined, when files are read
    in the order of their paths; ``dirt`` names every kind of oddity, where it lies and its end. ``expected_alarms`` are
    days on which a customer passes at least that stage of its IDS range, ``expected_unreadable_ranges`` the customers
    whose range nobody can read. ``expected_purchase_differences`` are the lines of the wholesaler's invoices that are not what was
    bought, with what was billed too much; all others agree, but for rounding. ``acts`` are what partners did in the middle of October, with
    what has to be published of each: see the module of that name.
    """
    files = sorted(landing.landed, key=lambda file: file.path)
    dirt = sorted(landing.dirt, key=lambda row: (row.feed, row.file, row.kind))
    feeds = {feed: _feed([f for f in files if f.feed == feed], dirt) for feed in sorted({file.feed for file in files})}
    partial = sum(row.rows for row in dirt if row.kind == PARTIAL)
    legs = sum(row.rows for row in dirt if row.kind == LEGS)
    kept_calls = sum(counts["expected_kept"] for feed, counts in feeds.items() if feed.startswith("cdrs/"))
    return json.dumps(
        {
            "seed": seed,
            "calls": calls,
            "months": months,
            "first_date": period.first.isoformat(),
            "last_date": period.last.isoformat(),
            "expected_calls": kept_calls - partial + partial // RECORDS_OF_A_PARTIAL_CALL - legs + legs // LEGS_OF_A_CALL,
            "expected_unrated": sum(row.rows for row in dirt if row.outcome == UNRATED),
            "expected_alarms": list(alarms),
            "expected_purchase_differences": list(purchase_differences),
            "expected_unreadable_ranges": [customer for customer, typed in ODD_RANGES.items() if typed == UNREADABLE],
            "acts": list(acts),
            "feeds": feeds,
            "dirt": [vars(row) for row in dirt],
            "files": {
                file.path: {
                    "feed": file.feed,
                    "rows": file.rows,
                    "kept": file.kept,
                    "duplicate": file.duplicate,
                    "quarantined": file.quarantined,
                }
                for file in files
            },
        },
        indent=1,
    )


def _feed(files: Sequence[LandedFile], dirt: Sequence[Dirt]) -> dict[str, int | dict[str, int]]:
    reasons: Counter[str] = Counter()
    for row in dirt:
        if row.outcome == QUARANTINED and row.feed == files[0].feed:
            reasons[row.reason] += row.rows
    return {
        "files": len(files),
        "rows": sum(file.rows for file in files),
        "expected_kept": sum(file.kept for file in files),
        "expected_duplicate": sum(file.duplicate for file in files),
        "expected_quarantined": sum(file.quarantined for file in files),
        "expected_unrated": sum(row.rows for row in dirt if row.outcome == UNRATED and row.feed == files[0].feed),
        "expected_reasons": dict(sorted(reasons.items())),
    }
