"""The PDF is what the customer reads and pays by."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import pytest
from pypdf import PdfReader

from orchestration.documents import typesetting
from orchestration.documents.invoice import Branding, Invoice, InvoiceLine
from orchestration.documents.invoice_pdf import invoice_pdf
from orchestration.errors import TiktellerError
from orchestration.workspace import PROJECT_ROOT
from tests.unit.documents import BILLED_MONTHS, BUYER, LINES, LOGO, SELLER, credited, invoice, with_vat


def pages(of: Invoice) -> list[str]:
    """The text of each page, white space as single spaces."""
    return [" ".join(page.extract_text().split()) for page in PdfReader(io.BytesIO(invoice_pdf(of))).pages]


def text(of: Invoice) -> str:
    return " ".join(pages(of))


def test_all_that_the_law_wants_is_on_it() -> None:
    # Fails if the tax office can refuse the invoice: DOMAIN 5, "Must be on it".
    page = text(invoice())
    for wanted in (
        *(SELLER.name, SELLER.street, "1234 KL Voorbeeldstad", "NL000000012B01", "00000101"),
        *(BUYER.name, BUYER.street, "1234 AZ Voorbeeldstad"),
        *("Factuur", "INV15901583", "3 november 2026", "1 t/m 31 oktober 2026", "kustlijn-c001"),
        *("SIP trunk 2 € 6,17 € 12,34", "3CX hosting north 12 € 2,75 € 33,00"),
        *("Nederland, mobiel 1.204 25:20:34 € 0,1191 € 181,07", "Totaal exclusief btw € 273,36", "Btw 21% over € 273,36 € 57,41"),
        *("Totaal inclusief btw € 330,77", "uiterlijk 3 december 2026", "NL13 TEST 0123 4567 89", "Pagina 1 van 1"),
    ):
        assert str(wanted) in page, wanted


def test_each_month_that_is_billed_is_named() -> None:
    # Fails if a customer pays November in advance on an invoice that says October, and cannot tell it from a mistake.
    page = text(invoice(BILLED_MONTHS))
    for wanted in (
        "1 september t/m 30 november 2026",
        "Eenmalig, oktober 2026 SIP trunk 1 € 15,00 € 15,00",
        "Maandelijks, september 2026 Verrekening september 2026: SIP trunk 1 € 4,50 € -4,50",
        "Maandelijks, november 2026 SIP trunk 2 € 6,17 € 12,34",
        "Gebruikers, oktober 2026 3CX hosting north",
        "Gesprekken, september t/m oktober 2026 ",
    ):
        assert wanted in page, wanted
    english = text(invoice(BILLED_MONTHS, language="en"))
    for wanted in ("1 September to 30 November 2026", "Monthly, November 2026", "Calls, September to October 2026"):
        assert wanted in english, wanted
    # approved before lines had months of their own: as it was printed then
    assert "Maandelijks € 16,84 SIP trunk" in text(invoice())


def test_a_period_breaks_where_it_can_be_read() -> None:
    # Fails if the period of a credit note reads "1 t/" and, on the next line, "m 30 september 2026".
    for of, wanted in (
        (credited(), "Periode 1 t/m 31 oktober 2026\n"),
        (credited(month="2026-09"), "Periode 1 t/m 30 september 2026\n"),
        (invoice(BILLED_MONTHS), "Periode 1 september t/m\n30 november 2026\n"),
    ):
        page = PdfReader(io.BytesIO(invoice_pdf(of))).pages[0].extract_text()
        assert wanted in re.sub(r"[^\S\n]+", " ", page).replace(" \n", "\n")


def test_english() -> None:
    # Fails if a customer abroad gets a Dutch word or a Dutch number.
    page = text(invoice(language="en", lines=LINES[:4], calls=()))
    assert "Total including VAT €78.46" in page
    assert "Please transfer €78.46 by 3 December 2026, stating the reference." in page
    for dutch in ("Factuur", "Btw", "Bedrag", "uiterlijk", "€ "):
        assert dutch not in page


def test_reverse_charge_and_exemption_say_why() -> None:
    # Fails if 0 % VAT stands there without the words that make it lawful.
    lines = with_vat("reverse_charge", LINES[:3]) + with_vat("standard", LINES[3:6]) + with_vat("exempt", LINES[6:])
    page = text(invoice(lines, buyer=replace(BUYER, vat_number="NL000000099B01")))
    assert "Btw verlegd naar Bakkerij De Gouden Aar, btw-nummer NL000000099B01." in page
    assert "Vrijgesteld van btw op grond van artikel 11" in page
    assert "Btw 21% over € 35,22 € 7,40" in page
    assert "Btw verlegd over € 31,84 € 0,00" in page
    assert "SIP trunk 1 € 15,00 verlegd € 15,00" in page
    assert "Omdat het mag." in text(invoice(with_vat("exempt"), exempt_reason="Omdat het mag"))


def test_a_credit_note_asks_for_nothing() -> None:
    # Fails if a customer pays a credit note.
    page = text(credited())
    for wanted in ("Creditnota", "Bij factuur INV15901583", "Tegoed", "Totaal inclusief btw € -330,77", "Wij verrekenen dit tegoed"):
        assert wanted in page
    for unwanted in ("Te betalen", "Vervaldatum", "overmaken"):
        assert unwanted not in page


def test_nothing_to_pay_is_not_asked_for() -> None:
    # Fails if a customer is asked to transfer nothing.
    page = text(invoice([replace(LINES[0], amount_eur=Decimal("0.00"))]))
    assert "Te betalen uiterlijk 3 december 2026 € 0,00" in page
    assert "U hoeft niets te betalen." in page
    assert "overmaken" not in page


@pytest.mark.parametrize(
    ("language", "title"), [("nl", "Verrekening september 2026: SIP trunk"), ("en", "Settlement of September 2026: SIP trunk")]
)
def test_a_settlement_says_what_it_is_and_of_which_month(language: str, title: str) -> None:
    # Fails if a customer finds a negative amount on his invoice and nobody can tell him what for.
    settled = InvoiceLine(
        10, "mrc", "Verrekening 2026-09: SIP trunk", 1, Decimal("-10.51"), service_name="SIP trunk", settled_month="2026-09"
    )
    assert title in text(invoice((*LINES, settled), language=language))
    amount = "€ -10,51" if language == "nl" else "-€10.51"
    assert f"{title} 1 {amount}" in text(invoice((*LINES, replace(settled, is_of_several_prices=True)), language=language))


def test_an_agreed_price_is_printed_as_agreed() -> None:
    # Fails if a price is worked back from a rounded amount, or a part of a month looks like a piece at half the price.
    lines = (
        InvoiceLine(1, "mrc", "SIP trunk", 25, Decimal("160.88"), unit_price_eur=Decimal("6.435000"), days=31, days_in_month=31),
        InvoiceLine(2, "mrc", "VDSL", 2, Decimal("30.00"), unit_price_eur=Decimal("30.000000"), days=15, days_in_month=30),
        InvoiceLine(3, "mrc", "Korting", 2, Decimal("7.00"), unit_price_eur=Decimal("30")),  # not its price: the amount per piece
    )
    for wanted in ("SIP trunk 25 € 6,435 € 160,88", "VDSL, 15 van 30 dagen 2 € 30,00 € 30,00", "Korting 2 € 3,50 € 7,00"):
        assert wanted in text(invoice(lines))


def test_late_calls_are_told() -> None:
    # Fails if a customer finds calls of September on October's invoice and is not told why.
    assert "In deze factuur: 1 gesprek van vóór 1 oktober 2026" in text(invoice())
    assert "In deze factuur" not in text(invoice(calls=invoice().calls[:2]))


MARKUP = '#panic("x") *bold* _it_ $x^2$ @ref <label> `raw` \\n // no /* no */ = H [b] #image("/etc/passwd") "q" \'q\' -- --- ... ~ %'


def test_markup_in_data_is_text() -> None:
    # Fails if a customer's name can run code in the page, read a file or change what it says.
    marked = InvoiceLine(1, "mrc", MARKUP, 1, Decimal("1.00"))
    page = text(
        invoice([marked], buyer=replace(BUYER, name=MARKUP, street="#" * 30, city="$$"), branding=Branding(footer=MARKUP), notes=(MARKUP,))
    )
    assert "".join(page.split()).count("".join(MARKUP.split())) == 4  # lines of the page may break at a slash


def test_odd_letters_are_shown() -> None:
    # Fails if the name of a customer with another alphabet is lost from its own invoice.
    page = text(invoice(buyer=replace(BUYER, name="Łódź Åse Çelik ß Ω Жуков", city="שלום")))
    assert "Łódź Åse Çelik ß Ω Жуков" in page
    assert "שלום" in page or "םולש" in page


def test_long_invoices_number_their_pages_and_repeat_their_headings() -> None:
    # Fails if page 3 of 6 is a column of figures that nobody can name, or a page is lost unnoticed.
    lines = [InvoiceLine(n, "calls", f"Land {n} FIX", n, Decimal(n) / 100, duration_s=n) for n in range(1, 201)]
    found = pages(invoice(lines))
    assert len(found) > 3
    for number, page in enumerate(found, start=1):
        assert f"Pagina {number} van {len(found)}" in page
        if "Land" in page:
            assert "Bestemming Gesprekken Duur Gem. per minuut Bedrag" in page
    assert all(f"Land {n} FIX {n} " in " ".join(found) for n in range(1, 201))


def test_long_words_stay_on_the_page() -> None:
    # Fails if a long reference runs over the amount beside it: every part of it must still be within the margins.
    long_name = "W" * 160
    pdf = invoice_pdf(invoice([InvoiceLine(1, "mrc", long_name, 1, Decimal("1.00"))], buyer=replace(BUYER, name=long_name)))
    runs = [line.count("W") for line in PdfReader(io.BytesIO(pdf)).pages[0].extract_text().splitlines() if "WW" in line]
    assert sum(runs) == 320
    assert max(runs) < 40
    assert "\u200b" not in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()  # copied text is what was written


def test_the_same_invoice_is_the_same_file() -> None:
    # Fails if rendering again makes another file: nobody could tell whether an invoice was changed. Another process, another time zone.
    script = (
        "import hashlib; from tests.unit import documents; from orchestration.documents.invoice_pdf import invoice_pdf;"
        "print(hashlib.sha256(invoice_pdf(documents.invoice())).hexdigest())"
    )
    seen = {
        subprocess.run(
            [sys.executable, "-c", script],
            check=True,
            capture_output=True,
            text=True,
            cwd=PROJECT_ROOT,
            env=os.environ | {"TZ": zone, "PYTHONHASHSEED": seed, "LC_ALL": "C"},
        ).stdout
        for zone, seed in (("Asia/Tokyo", "1"), ("America/New_York", "2"))
    }
    assert len(seen) == 1
    assert invoice_pdf(invoice()) == invoice_pdf(invoice())


def test_the_pdf_says_what_it_is() -> None:
    # Fails if an archive or a screen reader cannot tell the invoice by its properties: title, author, day, language, tags.
    reader = PdfReader(io.BytesIO(invoice_pdf(invoice())))
    assert reader.metadata is not None
    assert reader.metadata.title == "Factuur INV15901583 - Kustlijn Telecom B.V."
    assert reader.metadata.author == SELLER.name
    assert str(reader.metadata.creation_date).startswith("2026-11-03")
    root = reader.trailer["/Root"]
    assert root["/Lang"] == "nl"
    assert root["/MarkInfo"]["/Marked"]


def test_no_font_of_the_machine_is_used() -> None:
    # Fails if an invoice looks different on another machine.
    fonts = {
        str(font["/BaseFont"])
        for page in PdfReader(io.BytesIO(invoice_pdf(invoice()))).pages
        for font in page["/Resources"]["/Font"].values()
    }
    assert {font.split("+")[1].split("-")[0] for font in fonts} == {"Inter"}
    assert set(typesetting._fonts().families()) == {"Inter", "DejaVu Sans"}


@pytest.mark.parametrize("logo", [b"no picture", LOGO.replace(b"<rect", b'<image href="/etc/passwd"/><rect')])
def test_a_bad_logo_is_named(logo: bytes) -> None:
    # Fails if a partner whose logo is broken hears of it from a traceback, or if a logo can read files of the server.
    with pytest.raises(TiktellerError, match=r"invoice INV15901583: the logo cannot be read.*partners\.logo_file"):
        invoice_pdf(invoice(branding=Branding(logo=logo)))
