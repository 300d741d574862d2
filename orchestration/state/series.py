"""A series of invoice numbers, a prefix with its suffix: which are given, and what the audit says of where it began and was moved on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise


def number_key(number: str) -> str:
    """An invoice number as it is compared, without case and blanks (macro ``invoice_key``)."""
    return number.replace(" ", "").upper()


def series_name(prefix: str, suffix: str) -> str:
    """The series as people call it."""
    return f"{prefix}...{suffix}" if suffix else prefix or "without prefix"


def begun(name: str, partner_id: str, number: str) -> str:
    """What the audit says where a series gives its first number."""
    return f"first number of series {name} of {partner_id}: {number}"


def moved_on(name: str, partner_id: str, number: str, last: str) -> str:
    """What the audit says where a series goes on at a number that somebody has named."""
    return f"series {name} of {partner_id} goes on at {number}; partners.last_invoice_number moves it on from {last}"


def missing_numbers(
    partner_id: str, prefix: str, suffix: str, last_number: int, numbers: Iterable[str], since: Iterable[str], remarks: Iterable[str]
) -> Iterator[str]:
    """Numbers of a series that no invoice bears, and nobody moved it past: each, or the first and the last of several.

    ``numbers`` are all that the partner gave, in whichever series, ``since`` those given since this one is counted: of a series without a
    first number in its audit (it was counted otherwise before) nothing earlier is known. ``remarks`` is what its audit says.
    """

    def place(number: str) -> int | None:
        key, begins, ends = number_key(number), number_key(prefix), number_key(suffix)
        digits = key[len(begins) : len(key) - len(ends)]
        return int(digits) if key.startswith(begins) and key.endswith(ends) and digits.isascii() and digits.isdigit() else None

    name = series_name(prefix, suffix)
    first, moves = None, []
    for remark in remarks:
        if remark.startswith(told := begun(name, partner_id, "")):
            first = place(remark.removeprefix(told))
        before, _, after = moved_on(name, partner_id, "\n", "").partition("\n")
        if remark.startswith(before) and after in remark:
            to, _, from_ = remark.removeprefix(before).partition(after)
            moves.append((place(from_), place(to)))
    first = first if first is not None else min((at for each in since if (at := place(each)) is not None), default=None)
    if first is None:
        return
    given = sorted({at for each in numbers if (at := place(each)) is not None and first <= at <= last_number})
    for low, high in pairwise([first - 1, *given, last_number + 1]):
        passed = any(from_ is not None and to is not None and from_ <= low and high <= to for from_, to in moves)
        if high - low > 1 and not passed:
            yield f"{prefix}{low + 1}{suffix}" if high - low == 2 else f"{prefix}{low + 1}{suffix} to {prefix}{high - 1}{suffix}"
