"""Whether all that was made final still is what it was: hashes, numbers, and what one row says of another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from orchestration.errors import TiktellerError
from orchestration.state.contents import read_content
from orchestration.state.series import missing_numbers, series_name
from orchestration.state.store import sha256
from orchestration.state.tables import audit, collection_files, freezes, frozen_months, invoices, letters, logos, number_series

SERIES = "number series"
AT_ONCE = {"freezes": 1, "invoices": 200, "logos": 10, "letters": 20, "collection_files": 10}
"""Rows of a table that are in memory at a time, and read in one transaction: in SQLite nobody decides while one reads."""


@dataclass(frozen=True)
class Checked:
    """The rows of one kind, and a sentence for each that is not what it was."""

    kind: str
    rows: int
    damaged: tuple[str, ...]


def check(engine: sa.Engine) -> list[Checked]:
    """Read all that is final, kind by kind; may take as long as reading the whole state does. What is decided meanwhile may be left out."""
    known_logos: set[str] = set()
    kinds: Mapping[str, Callable[[sa.Engine], Iterator[str | None]]] = {
        "freezes": _freezes,
        "final months": _final_months,
        "logos": lambda state: _logos(state, known_logos),
        "invoices": lambda state: _invoices(state, known_logos),
        SERIES: _series,
        "letters": _letters,
        "direct debits": _direct_debits,
    }
    found = []
    for kind, judged in kinds.items():
        verdicts = list(judged(engine))
        found.append(Checked(kind, len(verdicts), tuple(each for each in verdicts if each is not None)))
    return found


def _rows(engine: sa.Engine, table: sa.Table, *columns: sa.Column) -> Iterator[sa.Row]:
    """The rows in the order of their key, some at a time, each time in a transaction of its own."""
    key, last = list(table.primary_key.columns), None
    while True:
        query = sa.select(*dict.fromkeys((*key, *columns))).order_by(*key).limit(AT_ONCE[table.name])
        if last is not None:
            query = query.where(sa.tuple_(*key) > sa.tuple_(*(sa.literal(value, of.type) for value, of in zip(last, key, strict=True))))
        with engine.connect() as connection:
            rows = connection.execute(query).fetchall()
        yield from rows
        if len(rows) < AT_ONCE[table.name]:
            return
        last = rows[-1][: len(key)]


def _freezes(engine: sa.Engine) -> Iterator[str | None]:
    for row in _rows(engine, freezes, *freezes.columns):
        parts = (("calls", row.calls, row.calls_sha256), ("charges", row.charges, row.charges_sha256))
        other = [name for name, content, expected in parts if sha256(content) != expected]
        which = f"freeze {row.freeze_id} ({row.partner_id}, {row.month})"
        yield f"{which}: its {' and '.join(other)} are not what was made final" if other else None


def _final_months(engine: sa.Engine) -> Iterator[str | None]:
    beside = sa.select(frozen_months, freezes.c.freeze_id.label("found")).outerjoin(
        freezes, freezes.c.freeze_id == frozen_months.c.freeze_id
    )
    with engine.connect() as connection:
        rows = connection.execute(beside).fetchall()
    for row in rows:
        which = f"final month {row.month} of {row.partner_id}, {row.customer_id}"
        yield f"{which}: freeze {row.freeze_id}, which has its calls and charges, is gone" if row.found is None else None


def _logos(engine: sa.Engine, known: set[str]) -> Iterator[str | None]:
    for row in _rows(engine, logos, logos.c.content):
        known.add(row.sha256)
        yield f"logo {row.sha256}: it is not the one that was on invoices" if sha256(row.content) != row.sha256 else None


def _invoices(engine: sa.Engine, known_logos: set[str]) -> Iterator[str | None]:
    for row in _rows(engine, invoices, *invoices.columns):
        wrong = _wrong_with(row, known_logos)
        yield f"invoice {row.invoice_number} of {row.partner_id}: {wrong}" if wrong else None


def _wrong_with(row: sa.Row, known_logos: set[str]) -> str | None:
    if sha256(row.content.encode()) != row.content_sha256:
        return "its content is not what was approved"
    try:
        content = read_content(row.content, row.invoice_number)
    except TiktellerError as error:
        return error.message
    named = content.invoice["invoice_number"], content.invoice["partner_id"]
    if named != (row.invoice_number, row.partner_id):
        return f"its content is of invoice {named[0]} of {named[1]}"
    if content.logo_sha256 is not None and content.logo_sha256 not in known_logos:
        return f"its logo {content.logo_sha256} is gone"
    return None


def _series(engine: sa.Engine) -> Iterator[str | None]:
    with engine.connect() as connection, connection.begin():
        series = connection.execute(sa.select(number_series)).fetchall()
        given = connection.execute(sa.select(invoices.c.partner_id, invoices.c.invoice_number, invoices.c.approved_at)).fetchall()
        of_series = sa.select(audit.c.partner_id, audit.c.subject, audit.c.detail).where(audit.c.action == "number_series")
        remarks = connection.execute(of_series.order_by(audit.c.audit_id)).fetchall()
    for row in series:
        name = series_name(row.prefix, row.suffix)
        of_partner = [each for each in given if each.partner_id == row.partner_id]
        missing = missing_numbers(
            row.partner_id,
            row.prefix,
            row.suffix,
            row.last_number,
            numbers=[each.invoice_number for each in of_partner],
            since=[each.invoice_number for each in of_partner if each.approved_at >= row.begun_at],
            remarks=[each.detail for each in remarks if (each.partner_id, each.subject) == (row.partner_id, name)],
        )
        told = ", ".join(missing)
        yield f"series {name} of {row.partner_id}: no invoice bears {told}" if told else None


def _letters(engine: sa.Engine) -> Iterator[str | None]:
    for row in _rows(engine, letters, *letters.columns):
        which = f"letter {row.letter_id} ({row.kind} of {row.partner_id} to {row.customer_id}, {row.written_on})"
        yield f"{which}: its PDF is not what was written" if sha256(row.pdf) != row.pdf_sha256 else None


def _direct_debits(engine: sa.Engine) -> Iterator[str | None]:
    for row in _rows(engine, collection_files, *collection_files.columns):
        which = f"direct debits {row.message_id} of {row.partner_id}"
        yield f"{which}: the file is not what was made" if sha256(row.content) != row.content_sha256 else None
