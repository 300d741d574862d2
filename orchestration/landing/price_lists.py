"""Price lists as wholesalers send them: columns in any words, CSV or XLSX -> the rows of ``purchase_rates`` that they mean.

One line may mean many rows (``151,152``; ``49151-49159``). The first bears the line's number; the n-th after it n * 1,000,000 more, so
that each row of a list has a number of its own and still tells its line.
"""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any

from orchestration.landing.scan import Fault
from orchestration.landing.sources import LIST_NEEDED, LIST_ROLES, Format, Source, column_name

NEXT_PREFIX = 1_000_000
MOST_PREFIXES = 10_000  # of one line: a longer range is a slip
HEADER_WITHIN = 40  # lines above the header: a logo, an address, a date
LINE_TYPES = {"mobile": "MOB", "mobiel": "MOB", "mob": "MOB", "fixed": "FIX", "vast": "FIX", "landline": "FIX", "premium": "SPECIAL"}


@dataclass(frozen=True)
class PriceList:
    """How a file of prices is read: by the format of its source."""

    source: Source

    @property
    def form(self) -> Format:
        return self.source.format


@dataclass(frozen=True)
class PriceRow:
    """One row of ``purchase_rates`` as text, with its number."""

    line: int
    values: dict[str, str]


def rows_of(path: Path, listing: PriceList) -> Iterator[PriceRow] | Fault:
    """The rows that a list means, in order; a fault where it cannot be read as a whole."""
    try:
        lines = list(_lines(path, listing.form))
    except Exception as error:  # a workbook breaks in as many ways as there are programs that write one
        return Fault("unreadable_list", f"it cannot be opened as a price list: {str(error).splitlines()[0] if str(error) else error!r}")
    for number, cells in lines[:HEADER_WITHIN]:
        at = _places(listing.form, cells)
        if all(role in at for role in LIST_NEEDED):
            return _rows(listing, at, [line for line in lines if line[0] > number])
    return Fault("wrong_header", f"no line has columns for {' and '.join(LIST_NEEDED)}; sources.toml says what they are called")


def _lines(path: Path, form: Format) -> Iterator[tuple[int, list[str]]]:
    """Each line with anything in it, with its number from 1, as texts."""
    if path.name.lower().endswith(".xlsx"):
        yield from _workbook(path)
        return
    opener: Any = gzip.open if path.name.lower().endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as text:
        head = text.read(1 << 16)
        text.seek(0)
        delimiter = form.delimiter or max(";,\t|", key=lambda each: sum(len(line.split(each)) > 2 for line in head.splitlines()[:40]))
        reader = csv.reader(text, delimiter=delimiter)
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, cells


def _workbook(path: Path) -> Iterator[tuple[int, list[str]]]:
    from openpyxl import load_workbook

    book = load_workbook(path, read_only=True, data_only=True)
    try:
        for number, row in enumerate(book.worksheets[0].iter_rows(values_only=True), start=1):
            cells = [_cell(value) for value in row]
            if any(cells):
                yield number, cells
    finally:
        book.close()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}".rstrip("0").rstrip(".") if value == value else ""
    return str(value).strip()


def _places(form: Format, cells: Sequence[str]) -> dict[str, int]:
    """Per role the place of its column in a line that may be the header."""
    names = [column_name(cell) for cell in cells]
    found: dict[str, int] = {}
    for role, columns in form.columns.items():
        for column in columns:
            place = (
                column - 1 if isinstance(column, int) else next((at for at, name in enumerate(names) if name == column_name(column)), None)
            )
            if place is not None and place < len(cells):
                found[role] = place
                break
    return found


def _rows(listing: PriceList, at: dict[str, int], lines: Sequence[tuple[int, list[str]]]) -> Iterator[PriceRow]:
    for number, cells in lines:
        said = {role: cells[place].strip() if place < len(cells) else "" for role, place in at.items()}
        values = _values(listing, said)
        for order, prefix in enumerate(prefixes_of(said.get("prefix", ""), said.get("country_code", ""))):
            yield PriceRow(number + order * NEXT_PREFIX, values | {"prefix": prefix})


def _values(listing: PriceList, said: dict[str, str]) -> dict[str, str]:
    values = {role: said.get(role, "") for role in LIST_ROLES if role not in ("country_code", "increments")}
    for role in ("connection_fee_eur", "minute_rate_eur"):
        values[role] = amount_of(values[role])
    values["connection_fee_eur"] = values["connection_fee_eur"] or "0"
    if steps := re.findall(r"\d+", said.get("increments", "")):
        values["first_increment_s"] = values["first_increment_s"] or steps[0]
        values["next_increment_s"] = values["next_increment_s"] or steps[-1]
    for role in ("valid_from", "valid_to"):
        values[role] = day_of(values[role], listing.form.date_order)
    values["deck_id"] = values["deck_id"] or listing.source.deck_id or ""
    values["valid_from"] = values["valid_from"] or listing.source.valid_from or ""
    values["destination"] = values["destination"] or values["prefix"]
    values["line_type"] = LINE_TYPES.get(values["line_type"].lower(), values["line_type"])
    if not re.fullmatch(r"[A-Za-z]{2}", values["country"]):
        values["country"] = ""  # a name, not a code: the numbering plans know better
    return values


def amount_of(text: str) -> str:
    """An amount without its currency and the blanks in it; commas and points stay as they are."""
    return re.sub(r"(?i)eur(o)?|[€$£\s\u00a0]", "", text)


def day_of(text: str, date_order: str | None) -> str:
    """A day as ISO 8601 writes it; what is no day stays as it is, and is refused with its reason."""
    text = text.split(" ")[0].split("T")[0]
    if found := re.fullmatch(r"(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})", text):
        first, second, year = found.groups()
        month, day = (first, second) if date_order == "mdy" else (second, first)
        return f"{year}-{int(month):02d}-{int(day):02d}"
    if found := re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text):
        return "-".join(found.groups())
    return text


def prefixes_of(cell: str, country_code: str = "") -> list[str]:
    """Every prefix of a cell: ``49151, 49152``, ``49151-49159`` (also ``49151-9``); what cannot be read stays, to be refused."""
    code = re.sub(r"^([+]|00)|\D", "", country_code.strip())
    found: list[str] = []
    for part in _parts(cell):
        part = part.strip()
        if not part:
            continue
        ends = re.fullmatch(r"(?:[+]|00)?(\d+)\s*[-–]\s*(?:[+]|00)?(\d+)", part)
        if ends is None:
            found.append(code + part if code and part.isdigit() else part)
            continue
        first, last = ends.groups()
        last = first[: len(first) - len(last)] + last if len(last) < len(first) else last
        if len(first) != len(last) or not 0 <= int(last) - int(first) < MOST_PREFIXES:
            found.append(part)
            continue
        found += [code + str(number).zfill(len(first)) for number in range(int(first), int(last) + 1)]
    return list(islice(dict.fromkeys(found), MOST_PREFIXES)) or [code]


def _parts(cell: str) -> list[str]:
    """What stands between commas, semicolons, slashes and line ends; also between blanks, where all are as long (4915 4916, not 49 151)."""
    parts: list[str] = []
    for part in re.split(r"[,;/\n]+|\s+(?:en|and|&)\s+", cell.strip()):
        words = part.split()
        is_list = len(words) > 1 and all(word.isdigit() and len(word) == len(words[0]) > 2 for word in words)
        parts += words if is_list else [part.strip() if "-" in part or "–" in part else "".join(words)]
    return parts
