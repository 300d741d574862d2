"""What a reseller earns in a month, as PDF: a line per invoice of its customers, for calls and for services apart.

A statement is no invoice: the reseller sends that, or gets it settled. As long as one of the invoices behind it has no number, it is
provisional, and says so.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal

from orchestration.documents.invoice import Branding, Language, Party, file_stem, round_cents
from orchestration.documents.letterhead import letterhead
from orchestration.documents.typesetting import typeset
from orchestration.documents.wording import money, percent, period, price, printable, unbroken, whole, word
from orchestration.errors import TiktellerError

KINDS = ("calls", "services")
OPEN = ("draft", "blocked")


@dataclass(frozen=True)
class CommissionLine:
    """A row of ``commission_lines``: what a customer was invoiced for calls or for services, and the exact commission on it."""

    customer_id: str
    customer_name: str
    invoice_number: str | None
    status: str
    kind: Literal["calls", "services"]
    sale_eur: Decimal
    commission_percent: Decimal
    exact_commission_eur: Decimal


@dataclass(frozen=True)
class ResellerStatement:
    """What a statement needs. ``commission_eur`` has the commission per kind as published, rounded once over its lines.

    Raises TiktellerError where the lines do not give that, or there are none.
    """

    partner_id: str
    reseller_id: str
    month: str
    seller: Party
    reseller: Party
    lines: tuple[CommissionLine, ...]
    commission_eur: dict[str, Decimal]
    branding: Branding = field(default_factory=Branding)
    language: Language = "nl"

    def __post_init__(self) -> None:
        for what, fix in _problems(self):
            raise TiktellerError(f"statement of {self.reseller_id} over {self.month}: {what}", fix=fix)

    @property
    def first_day(self) -> date:
        return date.fromisoformat(f"{self.month}-01")

    @property
    def last_day(self) -> date:
        first = self.first_day
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])

    @property
    def total_eur(self) -> Decimal:
        return sum(self.commission_eur.values(), Decimal(0))

    @property
    def open_invoices(self) -> int:
        """Invoices behind it that may still change."""
        return len({(line.customer_id, line.invoice_number) for line in self.lines if line.status in OPEN})

    @property
    def file_stem(self) -> str:
        """The name of its file: ``commission-`` and the reseller's id, coded as an invoice's number is."""
        return f"commission-{file_stem(self.reseller_id)}"


SENTENCES: dict[str, tuple[str, str]] = {
    "title": ("Vergoeding", "Commission"),
    "provisional_title": ("Voorlopige vergoeding", "Provisional commission"),
    "reseller_number": ("Wederverkoper", "Reseller"),
    "commission": ("Vergoeding", "Commission"),
    "excluding_vat": ("exclusief btw", "excluding VAT"),
    "calls": ("Gesprekken", "Calls"),
    "services": ("Diensten", "Services"),
    "customer": ("Klant", "Customer"),
    "invoice": ("Factuur", "Invoice"),
    "invoiced": ("Gefactureerd", "Invoiced"),
    "share": ("Percentage", "Percentage"),
    "draft": ("concept", "draft"),
    "blocked": ("geblokkeerd", "blocked"),
    "of_calls": ("Over gesprekken ({sale})", "On calls ({sale})"),
    "of_services": ("Over diensten ({sale})", "On services ({sale})"),
    "total": ("Totale vergoeding", "Total commission"),
    "how": (
        (
            "Over wat uw klanten is gefactureerd, exclusief btw, en min wat is gecrediteerd. De vergoeding is per soort één keer op "
            "centen afgerond, over de som van de regels. Vast-mobiel telt bij gesprekken."
        ),
        (
            "On what your customers were invoiced, excluding VAT and less what was credited. The commission is rounded to cents once "
            "per kind, over the sum of its lines. Fixed-mobile counts as calls."
        ),
    ),
    "provisional": (
        "Voorlopig: {open} van deze facturen zijn nog niet goedgekeurd en kunnen nog veranderen.",
        "Provisional: {open} of these invoices are not approved yet and may still change.",
    ),
    "settlement": ("Afrekening", "Settlement"),
    "please_invoice": (
        "Deze afrekening is geen factuur. Wilt u ons {amount} exclusief btw factureren, met vermelding van {reference}?",
        "This statement is no invoice. Please invoice us {amount} excluding VAT, stating {reference}.",
    ),
    "wait": (
        "Wacht met factureren op de definitieve afrekening.",
        "Please wait for the final statement before you invoice it.",
    ),
    "nothing": ("Over deze maand is er geen vergoeding.", "There is no commission for this month."),
    "we_deduct": (
        "Wij verrekenen {amount} exclusief btw met uw volgende vergoeding.",
        "We deduct {amount} excluding VAT from your next commission.",
    ),
}


def statement_pdf(statement: ResellerStatement) -> bytes:
    """The PDF, dated on the last day of its month. Raises TiktellerError when the partner's logo is no picture."""
    return typeset(
        "reseller_statement.typ", page_data(statement), dated=statement.last_day, branding=statement.branding,
        what=f"statement of {statement.reseller_id} over {statement.month}",
    )  # fmt: skip


def page_data(statement: ResellerStatement) -> dict[str, object]:
    """All that stands on the pages, worded and formatted."""
    language = statement.language
    title = _sentence("provisional_title" if statement.open_invoices else "title", language)
    return {
        **letterhead(statement.seller, statement.reseller, statement.branding, language),
        "title": title,
        "number": printable(f"{statement.reseller_id} {statement.month}"),
        "document_title": f"{title} {statement.month} - {printable(statement.reseller.name)}",
        "facts": [
            [name, unbroken(value)]
            for name, value in (
                (word("period", language), period(statement.first_day, statement.last_day, language)),
                (_sentence("reseller_number", language), statement.reseller_id),
                (word("your_vat_number", language), statement.reseller.vat_number),
            )
            if value
        ],
        "card": {
            "label": _sentence("commission", language),
            "note": _sentence("excluding_vat", language),
            "amount": money(statement.total_eur, language),
        },
        "columns": [_sentence(key, language) for key in ("customer", "invoice", "invoiced", "share", "commission")],
        "groups": [group for kind in KINDS if (group := _group(statement, kind))],
        "totals": [
            *([_sentence(f"of_{kind}", language, sale=money(_sale(statement, kind), language)), money(amount, language)]
              for kind in KINDS if (amount := statement.commission_eur.get(kind)) is not None),
            [_sentence("total", language), money(statement.total_eur, language)],
        ],
        "remarks": [
            *([_sentence("provisional", language, open=whole(statement.open_invoices, language))] if statement.open_invoices else []),
            _sentence("how", language),
        ],
        "settlement": {"title": _sentence("settlement", language), "text": _settlement(statement)},
    }  # fmt: skip


def _group(statement: ResellerStatement, kind: str) -> dict[str, object] | None:
    language = statement.language
    lines = [line for line in statement.lines if line.kind == kind]
    if not lines:
        return None
    return {
        "title": _sentence(kind, language),
        "total": money(statement.commission_eur[kind], language),
        "rows": [
            [
                printable(line.customer_name),
                printable(line.invoice_number) if line.invoice_number else _sentence(line.status, language),
                money(line.sale_eur, language),
                percent(line.commission_percent, language),
                price(line.exact_commission_eur, language, least_decimals=4),
            ]
            for line in lines
        ],
    }


def _settlement(statement: ResellerStatement) -> str:
    language, total = statement.language, statement.total_eur
    if statement.open_invoices:
        return _sentence("wait", language)
    if not total:
        return _sentence("nothing", language)
    if total < 0:
        return _sentence("we_deduct", language, amount=money(-total, language))
    reference = printable(f"{statement.reseller_id} {statement.month}")
    return _sentence("please_invoice", language, amount=money(total, language), reference=reference)


def _sale(statement: ResellerStatement, kind: str) -> Decimal:
    return sum((line.sale_eur for line in statement.lines if line.kind == kind), Decimal(0))


def _sentence(key: str, language: Language, **values: str) -> str:
    return SENTENCES[key][0 if language == "nl" else 1].format(**values)


def _problems(statement: ResellerStatement) -> Iterable[tuple[str, str]]:
    """What is wrong, and the fix."""
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", statement.month):
        yield f"month {statement.month!r} is no month", "write it as YYYY-MM"
    if not statement.lines:
        yield "none of its customers was invoiced", "make no statement"
    for kind in KINDS:
        exact = sum((line.exact_commission_eur for line in statement.lines if line.kind == kind), Decimal(0))
        said = statement.commission_eur.get(kind, Decimal(0))
        if round_cents(exact) != said:
            yield f"its lines of {kind} give {round_cents(exact)}, not {said}", "take all of a statement from one snapshot"
    for line in statement.lines:
        if not line.invoice_number and line.status not in OPEN:
            yield f"an invoice of {line.customer_id} is {line.status} and has no number", "take all of a statement from one snapshot"
