"""The words of the documents in Dutch and English, and how money, days and durations are written in each."""

from __future__ import annotations

import unicodedata
from datetime import date
from decimal import ROUND_HALF_UP, Decimal

from orchestration.documents.invoice import Language, round_cents

NO_BREAK = "\N{NO-BREAK SPACE}"

MONTHS = {
    "nl": ["januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"],
    "en": ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"],
}

UNTIL = {"nl": "t/m", "en": "to"}

WORDS: dict[str, tuple[str, str]] = {
    "invoice": ("Factuur", "Invoice"),
    "credit_note": ("Creditnota", "Credit note"),
    "invoice_number": ("Factuurnummer", "Invoice number"),
    "credit_note_number": ("Nummer", "Number"),
    "credits": ("Bij factuur", "Credits invoice"),
    "issued_on": ("Factuurdatum", "Invoice date"),
    "credit_issued_on": ("Datum", "Date"),
    "due_on": ("Vervaldatum", "Due date"),
    "period": ("Periode", "Period"),
    "customer_number": ("Klantnummer", "Customer number"),
    "your_reference": ("Uw referentie", "Your reference"),
    "your_vat_number": ("Uw btw-nummer", "Your VAT number"),
    "vat_number": ("Btw-nummer", "VAT number"),
    "coc_number": ("KvK-nummer", "Chamber of Commerce"),
    "to_pay": ("Te betalen", "Amount due"),
    "to_get_back": ("Tegoed", "Credit"),
    "before": ("uiterlijk {day}", "by {day}"),
    "on_invoice": ("bij factuur {number}", "for invoice {number}"),
    "nrc": ("Eenmalig", "One-off"),
    "mrc": ("Maandelijks", "Monthly"),
    "seat": ("Gebruikers", "Users"),
    "airtime": ("Vast-mobiel", "Fixed-mobile"),
    "calls": ("Gesprekken", "Calls"),
    "description": ("Omschrijving", "Description"),
    "destination": ("Bestemming", "Destination"),
    "quantity": ("Aantal", "Quantity"),
    "unit_price": ("Prijs", "Price"),
    "number_of_calls": ("Gesprekken", "Calls"),
    "duration": ("Duur", "Duration"),
    "per_minute": ("Gem. per minuut", "Avg. per minute"),
    "vat": ("Btw", "VAT"),
    "amount": ("Bedrag", "Amount"),
    "net": ("Totaal exclusief btw", "Total excluding VAT"),
    "gross": ("Totaal inclusief btw", "Total including VAT"),
    "vat_of": ("Btw {percent} over {net}", "VAT {percent} on {net}"),
    "vat_reversed_of": ("Btw verlegd over {net}", "VAT reverse-charged on {net}"),
    "vat_exempt_of": ("Vrijgesteld van btw over {net}", "Exempt from VAT on {net}"),
    "reverse_charge_short": ("verlegd", "reversed"),
    "exempt_short": ("vrij", "exempt"),
    "reverse_charge": (
        "Btw verlegd naar {name}, btw-nummer {vat_number}.",
        "Reverse charge: VAT is to be accounted for by {name}, VAT number {vat_number}.",
    ),
    "exempt_reason": (
        "Vrijgesteld van btw op grond van artikel 11 van de Wet op de omzetbelasting 1968",
        "Exempt from VAT under article 11 of the Dutch Turnover Tax Act 1968",
    ),
    "days_of_month": ("{days} van {days_in_month} dagen", "{days} of {days_in_month} days"),
    "draft": ("CONCEPT", "DRAFT"),
    "settlement": ("Verrekening {month}: {service}", "Settlement of {month}: {service}"),
    "late_calls": (
        (
            "In deze factuur: {calls} van vóór {day}, te laat ontvangen voor de factuur van die maand. De specificatie "
            "noemt de datum van elk gesprek."
        ),
        (
            "Includes {calls} from before {day}, received too late for the invoice of that month. The specification gives "
            "the date of each call."
        ),
    ),
    "call_one": ("{calls} gesprek", "{calls} call"),
    "call_many": ("{calls} gesprekken", "{calls} calls"),
    "specification": (
        "De specificatie van uw gesprekken vindt u in {file}.",
        "You find the specification of your calls in {file}.",
    ),
    "amounts_in_euro": (
        "Alle bedragen in euro, exclusief btw tenzij anders vermeld.",
        "All amounts in euro, excluding VAT unless stated otherwise.",
    ),
    "payment": ("Betaling", "Payment"),
    "please_pay": (
        "Wilt u {amount} uiterlijk {day} overmaken, met vermelding van het kenmerk?",
        "Please transfer {amount} by {day}, stating the reference.",
    ),
    "nothing_to_pay": ("U hoeft niets te betalen.", "There is nothing to pay."),
    "we_settle": (
        "Wij verrekenen dit tegoed met uw openstaande of volgende facturen, of betalen het op verzoek aan u terug.",
        "We set this credit off against your open or next invoices, or pay it back at your request.",
    ),
    "account": ("IBAN", "IBAN"),
    "bic": ("BIC", "BIC"),
    "account_holder": ("Ten name van", "Account holder"),
    "reference": ("Kenmerk", "Reference"),
    "page": ("Pagina {page} van {pages}", "Page {page} of {pages}"),
    "payment_terms": ("Te betalen uiterlijk {day}.", "To be paid by {day}."),
    "FIX": ("vast", "fixed"),
    "MOB": ("mobiel", "mobile"),
    "SPECIAL": ("bijzondere nummers", "special numbers"),
}


def word(key: str, language: Language, **values: str) -> str:
    """The word or sentence, its {places} filled in. Raises KeyError at a word that is not there."""
    return WORDS[key][0 if language == "nl" else 1].format(**values)


def money(amount_eur: Decimal, language: Language) -> str:
    """``€ 1.234,56`` in Dutch, ``€1,234.56`` in English; rounded half away from zero to two decimals."""
    return _euro(round_cents(amount_eur), language, 2)


def price(amount_eur: Decimal, language: Language, least_decimals: int = 2, most_decimals: int = 4) -> str:
    """As money, rounded at the fourth decimal, half away from zero; shows as many decimals as it has, and at least those."""
    rounded = amount_eur.quantize(Decimal(1).scaleb(-most_decimals), ROUND_HALF_UP)
    exponent = rounded.normalize().as_tuple().exponent
    return _euro(rounded, language, max(least_decimals, -exponent if isinstance(exponent, int) else 0))


def _euro(amount: Decimal, language: Language, decimals: int) -> str:
    sign = "-" if amount < 0 else ""
    digits = f"{abs(amount):,.{decimals}f}"
    return f"€{NO_BREAK}{sign}{_dutch(digits)}" if language == "nl" else f"{sign}€{digits}"


def _dutch(number: str) -> str:
    return number.translate(str.maketrans(",.", ".,"))


def whole(number: int, language: Language) -> str:
    """``12.345`` in Dutch, ``12,345`` in English."""
    return _dutch(f"{number:,}") if language == "nl" else f"{number:,}"


def percent(value: Decimal, language: Language) -> str:
    """``21%``; decimals only where it has any."""
    digits = f"{value.normalize():f}"
    return f"{_dutch(digits) if language == 'nl' else digits}%"


def duration(seconds: int, language: Language) -> str:
    """``h:mm:ss``, hours as many as there are."""
    hours, rest = divmod(seconds, 3600)
    return f"{whole(hours, language)}:{rest // 60:02d}:{rest % 60:02d}"


def day(value: date, language: Language) -> str:
    """``3 november 2026``."""
    return f"{value.day}{NO_BREAK}{MONTHS[language][value.month - 1]}{NO_BREAK}{value.year}"


def month_name(month: str, language: Language) -> str:
    """``november 2026`` of ``2026-11``."""
    year, number = month.split("-")
    return f"{MONTHS[language][int(number) - 1]}{NO_BREAK}{year}"


def period(first: date, last: date, language: Language) -> str:
    """``1 t/m 31 oktober 2026``, ``1 oktober t/m 30 november 2026``: words that differ; only this may break."""
    begin = f"{first.day}"
    if (first.year, first.month) != (last.year, last.month):
        begin += f"{NO_BREAK}{MONTHS[language][first.month - 1]}"
    if first.year != last.year:
        begin += f"{NO_BREAK}{first.year}"
    space = NO_BREAK if begin.isdigit() else " "
    return f"{begin}{NO_BREAK}{UNTIL[language]}{space}{day(last, language)}"


def months(first: date, last: date, language: Language) -> str:
    """``oktober 2026``, ``september t/m oktober 2026``, ``december 2025 t/m januari 2026``: of days that are whole months."""
    end = month_name(f"{last:%Y-%m}", language)
    if (first.year, first.month) == (last.year, last.month):
        return end
    begin = MONTHS[language][first.month - 1] + (f"{NO_BREAK}{first.year}" if first.year != last.year else "")
    return f"{begin} {UNTIL[language]} {end}"


def printable(text: str) -> str:
    """One line of text that can stand in a PDF, in XML and in a table: composed (NFC), white space as single spaces, without control
    characters, characters that turn the direction of what follows, and code points that are no characters."""
    if text.isascii() and text.isprintable() and "  " not in text:
        return text.strip(" ")  # nearly all of it; a specification has many cells
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace() or not _is_hidden(character)
    )
    return " ".join("".join(kept).split())


def unbroken(text: str) -> str:
    """A fact on one line where it is short; what is long may break. What says by itself where it may break is left alone."""
    if NO_BREAK in text:
        return text
    shown = printable(text)
    return shown.replace(" ", NO_BREAK) if len(shown) <= 24 else shown


def printable_lines(text: str) -> list[str]:
    """Each line printable; empty lines left out."""
    return [line for line in map(printable, text.splitlines()) if line]


def _is_hidden(character: str) -> bool:
    point = ord(character)
    return (
        unicodedata.category(character) in {"Cc", "Cs"}
        or 0x202A <= point <= 0x202E  # embeddings and overrides of direction: a name could turn the amount beside it
        or 0x2066 <= point <= 0x2069
        or point & 0xFFFE == 0xFFFE
    )
