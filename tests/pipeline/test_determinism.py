"""Fails if the order in which files come, or the number of processors, decides an amount."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from orchestration import serving
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import CUSTOMERS, DECK, FEEDS, Rows, call, land

CALLS, FILES = 1_200, 6
CALLEES = ("0201234567", "0612345678", "+4930123456", "0033123456789", "*97", "203", "+31201000002", "anonymous", "112")
FINE_DECK = [
    row | {"connection_fee_eur": "0.01234567", "minute_rate_eur": f"0.0{number}123457", "first_increment_s": "60", "next_increment_s": "7"}
    for number, row in enumerate(DECK, start=1)
]
"""Eight decimals, that no floating point sum gives back the same in another order."""

TABLES = ("calls", "margins", "invoices", "invoice_lines", "daily_calls", "call_histogram", "unrated_calls", "commissions", "concurrency")
PLACES = ("file_id", "line", "file")
"""Where a row lies: another name of the file is another place, and the number of a file is the order in which it came."""


def _records() -> list[dict[str, object]]:
    """Calls of two months, some in parts and some sent twice, the same each time."""
    luck = random.Random(7)
    records = []
    for number in range(CALLS):
        started = datetime(2026, 9, 1) + timedelta(seconds=luck.randrange(61 * 86_400))
        customer = luck.choice(CUSTOMERS)["customer_id"]
        record = call(
            f"call-{number}",
            started.isoformat(),
            luck.choice((0, 1, 59, 60, 61, luck.randrange(4000))),
            luck.choice(CALLEES),
            str(customer),
            disposition=luck.choice(("answered", "answered", "answered", "busy")),
            direction=luck.choice(("outbound", "outbound", "outbound", "inbound")),
            sequence=0,
        )
        records.append(record)
        if number % 17 == 0:
            records.append(record | {"sequence": 1, "duration_s": luck.randrange(600)})
        if number % 11 == 0:
            records.append(dict(record))
    luck.shuffle(records)
    return records


def _run(root: Path, is_reversed: bool, threads: int, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A new workspace with the same rows; reversed: the files come the other way round, and so do the rows in them."""
    monkeypatch.setenv("TIKTELLER_THREADS", str(threads))
    tikteller(root, "init")
    workspace = Workspace(root)
    numbers = [{"first_number": f"+3120100000{number}", "customer_id": row["customer_id"]} for number, row in enumerate(CUSTOMERS, start=1)]
    feeds: dict[str, Rows] = {**FEEDS, "purchase_rates": FINE_DECK, "numbers": numbers, "cdrs/standard": _records()}
    for feed, rows in feeds.items():
        for number, part in enumerate(_parts(list(rows), FILES if feed.startswith("cdrs") else 2)):
            land(workspace, feed, f"{99 - number if is_reversed else number:02}", part[::-1] if is_reversed else part)
    tikteller(root, "run")
    return workspace


def _parts(rows: list[dict[str, object]], count: int) -> Iterable[list[dict[str, object]]]:
    return (part for start in range(count) if (part := rows[start::count]))


def _published(workspace: Workspace) -> dict[str, str]:
    """Per partner and table a hash over all rows, in an order of their own, without the place where a row lay."""
    hashes = {}
    for partner in serving.published_partners(workspace):
        for table in TABLES:
            present = [name for (name,) in ask(workspace, partner, f"select column_name from (describe {table})")]
            columns = ", ".join(f"{name}::varchar" for name in present if name not in PLACES)
            rows = ask(workspace, partner, f"select {columns} from {table} order by all")
            hashes[f"{partner}: {table}, {len(rows)} rows"] = hashlib.sha256(repr(rows).encode()).hexdigest()
    return hashes


def test_files_in_another_order_and_another_number_of_threads_change_no_byte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner would invoice another amount when the same files come in another order, or on a machine with another processor."""
    one = _published(_run(tmp_path / "one", is_reversed=True, threads=1, monkeypatch=monkeypatch))
    two = _published(_run(tmp_path / "two", is_reversed=False, threads=2, monkeypatch=monkeypatch))
    assert two == one
    # equal and empty would prove nothing
    assert {name.split(",")[0] for name in two if not name.endswith(" 0 rows")} >= {
        f"{partner}: {table}"
        for partner in ("noord", "west")
        for table in ("calls", "margins", "invoices", "invoice_lines", "daily_calls", "call_histogram", "unrated_calls")
    }
