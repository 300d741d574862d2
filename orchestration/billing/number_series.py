"""Series of invoice numbers: a prefix with its suffix is one. Consecutive, no gap, and no number of a partner twice, in whichever series.

A partner's last number lands with its other settings (``partners.last_invoice_number``): it says where a series begins, and may move it
forward, never back onto numbers that were given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from orchestration import state
from orchestration.state.series import begun, moved_on, number_key, series_name


def number_text(prefix: str, number: int, length: int, suffix: str) -> str:
    """An invoice number as it is written."""
    return f"{prefix}{number:0{length}d}{suffix}"


@dataclass
class Numbers:
    """One series of a partner, locked until the transaction ends. ``remarks`` fills with what people have to know of it.

    ``last_number`` was given last (None: the series has not begun), ``landed_number`` is the partner's setting of now and ``landed_before``
    that of the last time (None: not known).
    """

    decided: sa.Connection
    partner_id: str
    prefix: str
    suffix: str
    length: int
    landed_number: int
    last_number: int | None
    landed_before: int | None
    given: set[str]
    remarks: list[str] = field(default_factory=list)

    def following(self) -> str:
        """Give the next number; who is interrupted before the transaction ends has given none."""
        behind = max(self.landed_number, self.last_number or 0)
        number = behind + 1
        while number_key(self._text(number)) in self.given:  # F2 and 1 are F21, and so are F and 21
            number += 1
        text = self._text(number)
        for remark in (self._beginning(text), self._left_out(behind + 1, number)):
            if remark:
                self.remarks.append(remark)
                state.note(self.decided, "number_series", self.partner_id, self.name, remark)
        self._store(number)
        self.given.add(number_key(text))
        self.last_number, self.landed_before = number, self.landed_number
        return text

    @property
    def name(self) -> str:
        """The series as people call it."""
        return series_name(self.prefix, self.suffix)

    def _text(self, number: int) -> str:
        return number_text(self.prefix, number, self.length, self.suffix)

    def _beginning(self, text: str) -> str | None:
        landed, last = self.landed_number, self.last_number
        if last is None:
            return begun(self.name, self.partner_id, text)
        if landed > last:
            return moved_on(self.name, self.partner_id, text, self._text(last))
        if self.landed_before is not None and landed != self.landed_before and landed < last:
            ignored = f"partners.last_invoice_number {landed} is ignored: {self._text(last)} was given"
            return f"series {self.name} of {self.partner_id} goes on at {text}; {ignored}"
        return None

    def _left_out(self, first: int, number: int) -> str | None:
        if number == first:
            return None
        which = self._text(first) if number == first + 1 else f"{self._text(first)} to {self._text(number - 1)}"
        return f"{which} left out: given before, in another series of {self.partner_id}"

    def _store(self, number: int) -> None:
        table = state.number_series
        values = {"last_number": number, "landed_number": self.landed_number}
        series = {"partner_id": self.partner_id, "prefix": self.prefix, "suffix": self.suffix}
        if self.last_number is None:
            self.decided.execute(table.insert().values(**series, **values, begun_at=state.now(), begun_by=state.whoami()))
        else:
            self.decided.execute(table.update().where(*(table.c[name] == value for name, value in series.items())).values(**values))


def locked_numbers(decided: sa.Connection, partner: Mapping[str, Any]) -> Numbers:
    """The series that the partner's settings name; nobody else gives numbers of this partner until the transaction ends."""
    partner_id, prefix, suffix = partner["partner_id"], partner["invoice_prefix"], partner["invoice_suffix"]
    state.one_at_a_time(decided, f"numbers of {partner_id}")
    _take_over(decided, partner_id)
    table = state.number_series
    query = sa.select(table.c.last_number, table.c.landed_number)
    known = decided.execute(query.where(table.c.partner_id == partner_id, table.c.prefix == prefix, table.c.suffix == suffix)).first()
    numbers = decided.execute(sa.select(state.invoices.c.invoice_number).where(state.invoices.c.partner_id == partner_id)).scalars()
    return Numbers(
        decided,
        partner_id,
        prefix,
        suffix,
        int(partner["invoice_number_length"]),
        int(partner["last_invoice_number"]),
        known.last_number if known else None,
        known.landed_number if known else None,
        {number_key(number) for number in numbers},
    )


def _take_over(decided: sa.Connection, partner_id: str) -> None:
    """Where a partner's numbers were counted in one row whatever their prefix: that of its last invoice goes on from there."""
    table, counted = state.number_series, state.invoice_sequences
    if decided.execute(sa.select(table.c.last_number).where(table.c.partner_id == partner_id)).first():
        return
    last = decided.execute(sa.select(counted.c.last_number).where(counted.c.partner_id == partner_id)).scalar_one_or_none()
    newest_first = (state.invoices.c.approved_at.desc(), state.invoices.c.invoice_number.desc())
    of_partner = sa.select(state.invoices.c.content, state.invoices.c.invoice_number).where(state.invoices.c.partner_id == partner_id)
    newest = decided.execute(of_partner.order_by(*newest_first).limit(1)).first()
    if last is None or newest is None:
        return
    partner = state.read_content(*newest).partner
    decided.execute(
        table.insert().values(
            partner_id=partner_id,
            prefix=partner["invoice_prefix"],
            suffix=partner["invoice_suffix"],
            last_number=last,
            begun_at=state.now(),
            begun_by=state.whoami(),
        )
    )
