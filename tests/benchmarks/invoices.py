"""What the documents of a month cost (the budget is 120 s for 1,000, on two cores)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from orchestration.documents.invoice import Invoice, InvoiceLine
from orchestration.documents.rendering import render_all
from tests.unit import documents

LINES = 20
CALLS = 500


@dataclass(frozen=True)
class Rendered:
    """Seconds for ``invoices`` invoices of LINES lines and CALLS calls each, and the bytes of all their documents."""

    invoices: int
    seconds: float
    total_bytes: int


def made_up_invoices(count: int) -> Iterator[Invoice]:
    """No two alike, so that nothing is saved by having set the same page before."""
    for number in range(count):
        lines = [
            InvoiceLine(
                *(place, "calls", "", number + place, Decimal(number * 7 + place) / 100),
                country_name=f"Land {place}",
                country="NL",
                line_type="FIX",
                duration_s=(number + 1) * place,
            )
            for place in range(7, LINES + 1)
        ]
        start = documents.CALLS[0]
        calls = [replace(start, started_at=start.started_at + timedelta(seconds=n * (number + 1)), duration_s=n) for n in range(CALLS)]
        yield documents.invoice(
            [*documents.LINES[:6], *lines],
            invoice_number=f"INV{number:06d}",
            customer_id=f"customer-{number}",
            buyer=replace(documents.BUYER, name=f"Klant {number} B.V."),
            calls=tuple(calls),
        )


def measure_rendering(count: int = 1_000, processes: int = 2) -> Rendered:
    """Render ``count`` made-up invoices into a folder that is thrown away."""
    with tempfile.TemporaryDirectory(prefix="tikteller-bench-") as folder:
        began = time.monotonic()
        rendered = render_all(made_up_invoices(count), Path(folder), processes=processes).made
        seconds = time.monotonic() - began
        total_bytes = sum(path.stat().st_size for made in rendered for path in (made.pdf, made.ubl, made.calls))
    return Rendered(len(rendered), seconds, total_bytes)
