"""What stands on an invoice, as plain data that cannot contradict itself."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from hashlib import sha256
from typing import Literal
from urllib.parse import quote

from stdnum.eu import vat

from orchestration.documents.bank import is_iban
from orchestration.errors import TiktellerError

CENT = Decimal("0.01")

VAT_CODES = {"standard": "S", "reverse_charge": "AE", "exempt": "E"}
"""VAT category of the feeds -> its code on an electronic invoice (UNCL 5305); the same as in ``seeds/vat_rates.csv``."""

LINE_KINDS = ("nrc", "mrc", "seat", "airtime", "calls")
"""In the order in which they stand on the invoice, as in ``invoice_lines``."""

MAX_FILE_STEM = 200  # file systems take names of 255 bytes; ``-calls.csv.part`` follows
MAX_NUMBER = 35  # a SEPA payment's reference takes 35 characters of what the number would have

VAT_PREFIXES = {"GR": "EL"}
"""Countries whose VAT numbers begin otherwise than the country's code."""
EU_VAT_COUNTRIES = frozenset(state.upper() for state in vat.MEMBER_STATES) - {"GR"} | {"EL"}
VAT_COUNTRIES = EU_VAT_COUNTRIES | {"AD", "AL", "BA", "CH", "GB", "LI", "MC", "ME", "MK", "NO", "RS", "SM", "TR", "VA"}
"""With what VAT numbers begin; those of Peppol's code list have an address there (``invoice_ubl.VAT_SCHEMES``)."""

Language = Literal["nl", "en"]


def round_cents(amount_eur: Decimal) -> Decimal:
    """To two decimals, half away from zero (DOMAIN 2)."""
    return amount_eur.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True)
class Party:
    """Who sells or who buys. ``country`` is ISO 3166 alpha-2. ``oin`` is the number of a Dutch public body. ``kind`` matters for
    collection costs, and for the electronic invoice: a consumer has no number in a register."""

    name: str
    street: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str = "NL"
    vat_number: str | None = None
    coc_number: str | None = None
    oin: str | None = None
    email: str | None = None
    iban: str | None = None
    bic: str | None = None
    kind: Literal["business", "consumer"] = "business"


@dataclass(frozen=True)
class Branding:
    """A partner's house style. ``logo`` is the content of a PNG, JPEG, GIF, WebP or SVG file, ``brand_color`` is ``#rrggbb``.

    Without a logo the partner's name stands in its place. Raises TiktellerError at a colour that is none, or a logo over
    ``MAX_LOGO_BYTES``.
    """

    logo: bytes | None = None
    brand_color: str | None = None
    footer: str | None = None
    closing_name: str | None = None

    MAX_LOGO_BYTES = 500_000  # stands in every PDF of the partner

    def __post_init__(self) -> None:
        for what, fix in branding_problems(self.logo, self.brand_color):
            raise TiktellerError(what, fix=fix)


def branding_problems(logo: bytes | None, brand_color: str | None) -> Iterator[tuple[str, str]]:
    """What of a house style cannot be used, and the fix."""
    if brand_color is not None and not re.fullmatch(r"#(?:[0-9a-fA-F]{3}){1,2}", brand_color):
        yield f"brand colour {brand_color!r} is no colour", "write partners.brand_color as #rrggbb, e.g. #0b7285"
    if logo is not None and len(logo) > Branding.MAX_LOGO_BYTES:
        yield f"the logo takes {len(logo):,} bytes, at most {Branding.MAX_LOGO_BYTES:,} fit", "give a smaller partners.logo_file"


def usable_branding(logo: bytes | None, brand_color: str | None, footer: str | None, closing_name: str | None) -> Branding:
    """The house style less what cannot be used of it: the usual colour, the name in place of the logo."""
    if next(branding_problems(logo, None), None):
        logo = None
    if next(branding_problems(None, brand_color), None):
        brand_color = None
    return Branding(logo, brand_color, footer, closing_name)


@dataclass(frozen=True)
class InvoiceLine:
    """A row of ``invoice_lines``. ``quantity`` counts calls, pieces or seats; ``duration_s`` is of calls and airtime only.

    ``description`` is in the invoice's language. Where ``country_name`` is given (calls, airtime), it and the line type stand in its place;
    where ``settled_month`` is (``YYYY-MM``, of a settlement), ``Verrekening november 2026: `` and ``service_name``. The line is for the
    days from ``period_start`` to ``period_end``, both included: whole months; None of what was approved before lines had a period.

    ``unit_price_eur`` is the agreed price of a piece, for a month where ``days`` is given: the line is for ``days`` of ``days_in_month``
    of each of its pieces. None of calls, of what was approved before lines had it, and where ``is_of_several_prices`` (or of several
    numbers of days: what is settled of a month is one line). ``vat_correction_eur``, of a credit note, is by how
    much the VAT of the line's category differs from its own rounding, so that the notes of an invoice add up to it.
    """

    line_number: int
    kind: str
    description: str
    quantity: int
    amount_eur: Decimal
    vat_category: str = "standard"
    vat_percent: Decimal = Decimal(21)
    country: str | None = None
    country_name: str | None = None
    line_type: str | None = None
    service_code: str | None = None
    pbx_id: str | None = None
    duration_s: int | None = None
    service_name: str | None = None
    settled_month: str | None = None
    period_start: date | None = None
    period_end: date | None = None
    unit_price_eur: Decimal | None = None
    days: int | None = None
    days_in_month: int | None = None
    is_of_several_prices: bool = False
    vat_correction_eur: Decimal = Decimal(0)

    @property
    def agreed_price_eur(self) -> Decimal | None:
        """The agreed price, where it gives the line's amount: quantity (times its share of the month) times price, rounded to cents."""
        if self.unit_price_eur is None or self.unit_price_eur < 0:
            return None
        exact = self.unit_price_eur * self.quantity
        if self.is_part_of_month:
            exact = exact * Decimal(self.days or 0) / Decimal(self.days_in_month or 1)
        return self.unit_price_eur if round_cents(abs(exact)) == abs(self.amount_eur) else None

    @property
    def is_part_of_month(self) -> bool:
        return self.days is not None and bool(self.days_in_month) and abs(self.days) != self.days_in_month

    @property
    def vat_code(self) -> str:
        return VAT_CODES[self.vat_category]


@dataclass(frozen=True)
class VatSubtotal:
    """VAT of all lines of one category and rate: rounded here, once (DOMAIN 5)."""

    vat_category: str
    vat_code: str
    vat_percent: Decimal
    net_eur: Decimal
    vat_eur: Decimal


@dataclass(frozen=True)
class CallRecord:
    """A billed call for the specification. ``started_at`` is UTC, naive as in the published ``calls`` or aware; ``call_date`` is the
    partner's day. Numbers are E.164, with or without ``+``. ``destination`` and ``country`` as in ``calls``."""

    call_date: date
    started_at: datetime
    caller: str
    callee: str
    duration_s: int
    amount_eur: Decimal
    destination: str | None = None
    country: str | None = None
    line_type: str | None = None
    kind: Literal["calls", "airtime"] = "calls"


@dataclass(frozen=True)
class Invoice:
    """An approved invoice or credit note with all that its documents need.

    ``month`` is the month invoiced, ``YYYY-MM``. The amounts of a credit note are negative, as in the books: an invoice and the credit
    note for the whole of it add up to nothing. ``calls`` are all calls behind the lines of kind calls and airtime. ``shielded`` holds
    numbers whose last digits the specification hides. ``exempt_reason``, ``payment_reference`` (the number) and ``buyer_reference`` (the
    customer id) have a usual value.

    Raises TiktellerError when it contradicts itself: totals that are not those of the lines, money that is not Decimal. What a person has
    to fix before it gets its number is told by ``shortcomings``: an invoice that was approved without can be rendered all the same.
    """

    partner_id: str
    customer_id: str
    invoice_number: str
    month: str
    issued_on: date
    due_on: date
    seller: Party
    buyer: Party
    lines: tuple[InvoiceLine, ...]
    net_eur: Decimal
    vat_eur: Decimal
    gross_eur: Decimal
    kind: Literal["invoice", "credit_note"] = "invoice"
    credited_invoice_number: str | None = None
    branding: Branding = field(default_factory=Branding)
    language: Language = "nl"
    time_zone: str = "Europe/Amsterdam"
    payment_reference: str | None = None
    buyer_reference: str | None = None
    exempt_reason: str | None = None
    notes: tuple[str, ...] = ()
    calls: tuple[CallRecord, ...] = ()
    shielded: frozenset[str] = frozenset()
    is_draft: bool = False

    def __post_init__(self) -> None:
        for what, fix in _problems(self):
            raise TiktellerError(f"invoice {self.invoice_number} of {self.customer_id}: {what}", fix=fix)

    @property
    def first_day(self) -> date:
        """Of the month invoiced."""
        return date.fromisoformat(f"{self.month}-01")

    @property
    def last_day(self) -> date:
        first = self.first_day
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])

    @property
    def period(self) -> tuple[date, date]:
        """First and last day of all that is on it: of the lines, or of the month invoiced where those have none."""
        starts = [line.period_start for line in self.lines if line.period_start]
        ends = [line.period_end for line in self.lines if line.period_end]
        return min(starts, default=self.first_day), max(ends, default=self.last_day)

    @property
    def file_stem(self) -> str:
        """The invoice number as the name of a file: what is no letter, digit, ``.``, ``_`` or ``-`` becomes ``%`` and its code (RFC 3986),
        so that different numbers never share a file: ``2026/10`` is ``2026%2F10``."""
        return file_stem(self.invoice_number)

    @property
    def vat_subtotals(self) -> tuple[VatSubtotal, ...]:
        return vat_subtotals(self.lines)

    @property
    def late_calls(self) -> tuple[CallRecord, ...]:
        """Calls of an earlier month that arrived after that month's invoice (DOMAIN 5)."""
        return tuple(call for call in self.calls if call.call_date < self.first_day)


def file_stem(name: str) -> str:
    """See ``Invoice.file_stem``; a name of dots only or one that begins with a dot is coded too, so that no file is hidden or ``..``; of a
    name that is too long the beginning, and a hash of the whole."""
    coded = quote(name, safe="").replace("~", "%7E")
    if len(coded) > MAX_FILE_STEM:
        coded = f"{coded[: MAX_FILE_STEM - 17].rstrip('%')}-{sha256(name.encode()).hexdigest()[:16]}"
    return f"%2E{coded[1:]}" if coded.startswith(".") else coded


def vat_subtotals(lines: Iterable[InvoiceLine]) -> tuple[VatSubtotal, ...]:
    """One per VAT category and rate, highest rate first; VAT rounded once on the sum: 37.50 + 12.50 at 21 % is 10.50 (DOMAIN 5)."""
    net: dict[tuple[str, Decimal], Decimal] = {}
    corrections: dict[tuple[str, Decimal], Decimal] = {}
    for line in lines:
        key = (line.vat_category, line.vat_percent)
        net[key] = net.get(key, Decimal(0)) + line.amount_eur
        corrections[key] = corrections.get(key, Decimal(0)) + line.vat_correction_eur
    return tuple(
        VatSubtotal(category, VAT_CODES[category], percent, amount, round_cents(amount * percent / 100) + corrections[category, percent])
        for (category, percent), amount in sorted(net.items(), key=lambda item: (-item[0][1], item[0][0]))
    )


def _problems(invoice: Invoice) -> Iterable[tuple[str, str]]:
    """What contradicts itself, and the fix; the most telling first."""
    yield from _problems_of_lines(invoice)
    subtotals = vat_subtotals(invoice.lines)
    net, vat = sum((s.net_eur for s in subtotals), Decimal(0)), sum((s.vat_eur for s in subtotals), Decimal(0))
    for what, said, found in (
        ("net_eur", invoice.net_eur, net),
        ("vat_eur", invoice.vat_eur, vat),
        ("gross_eur", invoice.gross_eur, net + vat),
    ):
        if not isinstance(said, Decimal) or said != found:
            yield f"{what} says {said}, its lines add up to {found}", "take all of an invoice from one snapshot"
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", invoice.month):
        yield f"month {invoice.month!r} is no month", "write it as YYYY-MM"
    if not invoice.invoice_number.strip():
        yield "it has no number", "approve it: approval gives the number"
    if invoice.kind == "credit_note" and not invoice.credited_invoice_number:
        yield "a credit note names no invoice", "give the number of the invoice that it credits"


def seller_shortcomings(invoice: Invoice) -> Iterator[tuple[str, str]]:
    """What has to be fixed before invoices of this partner get numbers, and how: what the law wants on them, what a payment needs."""
    if len(invoice.invoice_number) > MAX_NUMBER:
        yield (
            f"its number would have {len(invoice.invoice_number)} characters, at most {MAX_NUMBER} can be paid by",
            "shorten partners.invoice_prefix, invoice_suffix or invoice_number_length",
        )
    if invoice.due_on < invoice.issued_on:
        yield f"due on {invoice.due_on}, before it is issued on {invoice.issued_on}", "fix partners.payment_term_days"
    seller = invoice.seller
    if seller.vat_number and not vat_number(seller):
        yield f"{vat_number_problem(seller)}", "fix partners.vat_number: the country first, e.g. NL000099998B57"
    yield from _missing((f"the partner's {name}", getattr(seller, name), f"partners.{name}") for name in OF_SELLER)
    if seller.iban and not is_iban(seller.iban):
        yield f"{seller.iban} is no IBAN", "fix partners.iban"


def buyer_shortcomings(invoice: Invoice) -> Iterator[tuple[str, str]]:
    """What has to be fixed before invoices of this customer get numbers, and how."""
    buyer = invoice.buyer
    wanted = [(f"the customer's {name}", getattr(buyer, name), f"customers.{name}") for name in ADDRESS]
    if any(line.vat_category == "reverse_charge" for line in invoice.lines):
        wanted.append(("the customer's VAT number, which reverse charge needs,", buyer.vat_number, "customers.vat_number"))
        if buyer.vat_number and (problem := vat_number_problem(buyer)):
            yield f"reverse charge needs the customer's VAT number: {problem}", "fix customers.vat_number"
    yield from _missing(wanted)


def _missing(wanted: Iterable[tuple[str, str | None, str]]) -> Iterator[tuple[str, str]]:
    for what, value, column in wanted:
        if not value or not value.strip():
            yield f"{what} is missing", f"fill in {column}"


def bare(number: str | None) -> str:
    """A number as registers write it: ``NL 0000.00.012.B01`` is ``NL000000012B01``."""
    return "".join(character for character in (number or "").upper() if character.isalnum())


def vat_number(party: Party) -> str | None:
    """The VAT number beginning with its country, as EN 16931 wants it (BR-CO-09); the country of the address put before where its register
    has the number so. None where there is none, or nobody can tell its country."""
    number = bare(party.vat_number)
    prefix = VAT_PREFIXES.get(party.country, party.country)
    if number[:2] in VAT_COUNTRIES and any(character.isdecimal() for character in number[2:]):
        return number
    is_dutch = party.country == "NL" and re.fullmatch(r"\d{9}B\d{2}", number)  # no other country writes them so
    return f"{prefix}{number}" if is_dutch or (number and prefix in VAT_COUNTRIES and vat.is_valid(f"{prefix}{number}")) else None


def vat_number_problem(party: Party) -> str | None:
    """What is wrong with a party's VAT number: no country before it, or not a number of that country's register. None where it is right, or
    where the party has none."""
    if not party.vat_number:
        return None
    number = vat_number(party)
    if number is None:
        return f"VAT number {party.vat_number} does not begin with its country"
    if number[:2] in EU_VAT_COUNTRIES and not vat.is_valid(number):
        return f"VAT number {party.vat_number} cannot be one of {number[:2]}: see to its digits"
    return None


def coc_number(party: Party) -> str | None:
    """The eight digits of a Dutch KvK number, or the number of another country's register as it is; None where there is none."""
    number = bare(party.coc_number)
    return number if number and (party.country != "NL" or re.fullmatch(r"\d{8}", number)) else None


def oin(party: Party) -> str | None:
    """The twenty digits of a Dutch public body's OIN; None where there is none."""
    number = bare(party.oin)
    return number if re.fullmatch(r"\d{20}", number) else None


ADDRESS = ("name", "street", "postal_code", "city")
OF_SELLER = (*ADDRESS, "vat_number", "coc_number", "iban")
"""What the law wants on an invoice of who sends it, and a payment needs."""


def _problems_of_lines(invoice: Invoice) -> Iterable[tuple[str, str]]:
    if not invoice.lines:
        yield "it has no lines", "an invoice bills at least one thing"
    if len({line.line_number for line in invoice.lines}) != len(invoice.lines):
        yield "two lines share a number", "number the lines 1, 2, 3"
    for line in invoice.lines:
        where = f"line {line.line_number}"
        if not isinstance(line.amount_eur, Decimal) or not isinstance(line.vat_percent, Decimal):
            yield f"{where}: money and percentages are Decimal, not {type(line.amount_eur).__name__}", "read them as DECIMAL"
        elif line.amount_eur != round_cents(line.amount_eur):
            yield f"{where}: {line.amount_eur} has parts of cents", "take amount_eur of invoice_lines, which is rounded"
        begins, ends = line.period_start, line.period_end
        if (begins is None) != (ends is None) or (begins and ends and begins > ends):
            yield f"{where}: for {line.period_start} to {line.period_end}", "take period_start and period_end of invoice_lines"
        if line.kind not in LINE_KINDS:
            yield f"{where}: kind {line.kind!r} is none of {', '.join(LINE_KINDS)}", "take kind of invoice_lines"
        if line.vat_category not in VAT_CODES:
            yield f"{where}: VAT category {line.vat_category!r} is none of {', '.join(VAT_CODES)}", "fix customers.vat_category"
        elif (line.vat_category == "standard") != (line.vat_percent > 0):
            yield f"{where}: {line.vat_percent} % VAT for category {line.vat_category}", "fix seeds/vat_rates.csv"
