"""The specification of an invoice's calls as CSV.

Comma, decimal point, UTF-8, names of columns as published: one form for spreadsheets and machines, as everywhere in Tikteller. Numbers
are written as the platform keeps them, E.164 without ``+``; that is also why a phone number never looks like a formula. Other text that a
spreadsheet would calculate gets an apostrophe in front (OWASP, CSV injection).
"""

from __future__ import annotations

import csv
from datetime import UTC
from decimal import Decimal
from io import StringIO
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from orchestration.documents.invoice import CallRecord, Invoice
from orchestration.documents.wording import printable

COLUMNS = (
    *("call_date", "local_time", "caller", "callee", "destination", "country", "line_type", "kind", "duration_s", "amount_eur"),
    "started_at",
)
"""``call_date`` and ``local_time`` are the partner's, ``started_at`` is the same instant in UTC: in autumn one local hour comes twice."""

HIDDEN_DIGITS = 4
"""Of a shielded number; decided: what is left still tells the area or the operator, and no more."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def calls_csv(invoice: Invoice) -> bytes:
    """One row per call, by time, after a header; amounts are exact and at least with four decimals, so that they add up to the lines before
    these are rounded."""
    file = StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    zone = zone_named(invoice.time_zone) or ZoneInfo("UTC")
    shielded = {digits_of(number) for number in invoice.shielded}
    rows = sorted((_row(call, zone, shielded) for call in invoice.calls), key=_by_time)
    writer.writerows(rows)
    return file.getvalue().encode()


def zone_named(name: str) -> ZoneInfo | None:
    """The time zone; None where nobody knows it by that name (``ACT``)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _by_time(row: tuple[str, ...]) -> tuple[str, ...]:
    return row[-1], *row


def _row(call: CallRecord, zone: ZoneInfo, shielded: set[str]) -> tuple[str, ...]:
    started_at = call.started_at if call.started_at.tzinfo else call.started_at.replace(tzinfo=UTC)
    callee = digits_of(call.callee)
    return (
        call.call_date.isoformat(),
        started_at.astimezone(zone).time().isoformat("seconds"),
        cell(digits_of(call.caller)),
        cell(masked(callee) if callee in shielded else callee),
        cell(call.destination or ""),
        cell(call.country or ""),
        cell(call.line_type or ""),
        call.kind,
        str(call.duration_s),
        exact(call.amount_eur),
        f"{started_at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z",
    )


def digits_of(number: str) -> str:
    """``+31 20 123 4567`` and ``0031201234567`` are ``31201234567``; what is no international number stays as it is."""
    shown = printable(number)
    if shown.isdecimal() and not shown.startswith("00"):
        return shown
    bare = "".join(character for character in shown if character not in " -()./")
    if bare.startswith("+") and bare[1:].isdecimal():
        return bare[1:]
    return bare[2:] if bare.startswith("00") and bare.isdecimal() else shown


def masked(number: str) -> str:
    """The number without its last digits: ``3161234****``."""
    return number[:-HIDDEN_DIGITS] + "*" * min(HIDDEN_DIGITS, len(number))


def cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula."""
    shown = printable(text)
    return f"'{shown}" if shown.startswith(FORMULA_STARTS) else shown


def exact(amount_eur: Decimal) -> str:
    """``0.0453``: all the decimals that it has, at least four."""
    decimals = max(4, -int(amount_eur.normalize().as_tuple().exponent))
    return f"{amount_eur:.{decimals}f}"
