"""An invoice that contradicts itself is never made: what is printed, mailed and booked from it could not be taken back."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from orchestration.documents.invoice import (
    Branding,
    Invoice,
    InvoiceLine,
    buyer_shortcomings,
    file_stem,
    seller_shortcomings,
    vat_number,
    vat_subtotals,
)
from orchestration.documents.typesetting import palette
from orchestration.documents.wording import WORDS, duration, money, percent, period, price, printable
from orchestration.errors import TiktellerError
from tests.unit.documents import BUYER, LINES, SELLER, credited, invoice, with_vat

CENT = Decimal("0.01")


def shortcomings(of: Invoice) -> list[tuple[str, str]]:
    """What keeps its number back, of who sends it and of who gets it."""
    return [*seller_shortcomings(of), *buyer_shortcomings(of)]


def test_vat_is_rounded_once_per_rate() -> None:
    # Fails if VAT is rounded per line: 37.50 and 12.50 give 10.50, not 10.51 (DOMAIN 5).
    lines = [InvoiceLine(1, "mrc", "a", 1, Decimal("37.50")), InvoiceLine(2, "mrc", "b", 1, Decimal("12.50"))]
    (subtotal,) = vat_subtotals(lines)
    assert (subtotal.net_eur, subtotal.vat_eur, subtotal.vat_code) == (Decimal("50.00"), Decimal("10.50"), "S")


def test_half_a_cent_of_vat_rounds_away_from_zero() -> None:
    # Fails if a tie goes to the even cent: 21 % of 0.50 is 0.105, so 0.11, and -0.11 on the credit note.
    for amount, vat in (("0.50", "0.11"), ("-0.50", "-0.11"), ("1.50", "0.32")):
        assert vat_subtotals([InvoiceLine(1, "mrc", "a", 1, Decimal(amount))])[0].vat_eur == Decimal(vat)


def test_vat_categories_stand_apart() -> None:
    # Fails if what is reverse-charged or exempt gets into the sum on which VAT is asked.
    lines = with_vat("standard", LINES[:1]) + with_vat("reverse_charge", LINES[1:2]) + with_vat("exempt", LINES[2:3])
    found = [(s.vat_code, s.net_eur, s.vat_eur) for s in vat_subtotals(lines)]
    assert found == [
        ("S", Decimal("15.00"), Decimal("3.15")),
        ("E", Decimal("4.50"), Decimal("0.00")),
        ("AE", Decimal("12.34"), Decimal("0.00")),
    ]


CONTRADICTIONS = [
    ({"net_eur": Decimal("273.37")}, "net_eur says 273.37, its lines add up to 273.36"),
    ({"vat_eur": Decimal("57.40")}, "vat_eur says 57.40"),
    ({"gross_eur": Decimal("330.78")}, "gross_eur says 330.78"),
    ({"gross_eur": 330.77}, "gross_eur says 330.77"),
    ({"lines": ()}, "no lines"),
    ({"month": "2026-13"}, "month '2026-13' is no month"),
    ({"invoice_number": " "}, "no number"),
    ({"kind": "credit_note"}, "names no invoice"),
]


@pytest.mark.parametrize(("change", "message"), CONTRADICTIONS)
def test_what_contradicts_itself_is_never_made(change: dict[str, object], message: str) -> None:
    # Fails if an invoice over another sum than its lines can be sent.
    with pytest.raises(TiktellerError, match=message):
        replace(invoice(), **change)


REVERSED = {"lines": with_vat("reverse_charge"), "vat_eur": Decimal("0.00"), "gross_eur": Decimal("273.36")}
SHORTCOMINGS = [
    ({"invoice_number": "x" * 36}, "36 characters.*invoice_number_length"),
    ({"due_on": date(2026, 11, 2)}, "before it is issued.*partners.payment_term_days"),
    ({"seller": replace(SELLER, vat_number="12345")}, "12345 does not begin with its country.*partners.vat_number"),
    (REVERSED, "the customer's VAT number, which reverse charge needs, is missing.*customers.vat_number"),
    (REVERSED | {"buyer": replace(BUYER, vat_number="NL000000099B01")}, "cannot be one of NL.*customers.vat_number"),
    (REVERSED | {"buyer": replace(BUYER, vat_number="99")}, "does not begin with its country.*customers.vat_number"),
    ({"seller": replace(SELLER, vat_number=None)}, "the partner's vat_number is missing.*fill in partners.vat_number"),
    ({"seller": replace(SELLER, coc_number="")}, "partners.coc_number"),
    ({"seller": replace(SELLER, iban="NL14TEST0123456789")}, "NL14TEST0123456789 is no IBAN"),
    ({"buyer": replace(BUYER, street=" ")}, "customers.street"),
]


@pytest.mark.parametrize(("change", "message"), SHORTCOMINGS)
def test_what_the_law_wants_is_asked_before_the_number(change: dict[str, object], message: str) -> None:
    # Fails if an invoice gets its number without the seller's VAT number, or one that has its number can never be printed for lack of it.
    assert shortcomings(invoice()) == []
    told = [f"{what}. Fix: {fix}" for what, fix in shortcomings(replace(invoice(), **change))]
    assert any(re.search(message, each) for each in told), told


def test_vat_numbers_begin_with_their_country() -> None:
    # Fails if an e-invoice bears a VAT number without its country, which every receiver refuses (BR-CO-09), or one with a guessed country.
    for written, country, expected in (
        ("NL 0000.99.998 B57", "NL", "NL000099998B57"),
        ("000099998B57", "NL", "NL000099998B57"),
        ("000099998B58", "NL", "NL000099998B58"),  # a slip in its digits is told, its country is plain
        ("0428.759.497", "BE", "BE0428759497"),
        ("0428.759.498", "BE", None),
        ("EL094259216", "GR", "EL094259216"),
        ("094259216", "GR", "EL094259216"),
        ("BTW 12", "NL", None),
        ("NL", "NL", None),
        ("", "NL", None),
    ):
        assert vat_number(replace(BUYER, vat_number=written, country=country)) == expected, written


BAD_LINES = [
    ({"amount_eur": 15.0}, "Decimal, not float"),
    ({"amount_eur": Decimal("15.001")}, "parts of cents"),
    ({"kind": "gift"}, "kind 'gift'"),
    ({"vat_category": "zero"}, "VAT category 'zero'"),
    ({"vat_percent": Decimal(0)}, "0 % VAT for category standard"),
    ({"vat_category": "reverse_charge"}, "21 % VAT for category reverse_charge"),
    ({"line_number": 2}, "two lines share a number"),
]


@pytest.mark.parametrize(("change", "message"), BAD_LINES)
def test_a_line_that_cannot_be_is_refused(change: dict[str, object], message: str) -> None:
    # Fails if floating-point money, parts of cents or VAT on a reverse-charged line get onto paper.
    with pytest.raises(TiktellerError, match=message):
        replace(invoice(), lines=(replace(LINES[0], **change), *LINES[1:]))


def test_reverse_charge_names_the_buyers_vat_number() -> None:
    # Fails if VAT can be shifted to a buyer without a VAT number: the tax office then asks it of the partner.
    assert any(fix == "fill in customers.vat_number" for _, fix in shortcomings(invoice(with_vat("reverse_charge"))))
    right = invoice(with_vat("reverse_charge"), buyer=replace(BUYER, vat_number="NL000099998B57"))
    assert right.vat_eur == 0
    assert shortcomings(right) == []


def test_a_credit_note_refers_and_gives_back() -> None:
    # Fails if a credit note can ask for money, or correct nobody knows what.
    assert credited().gross_eur == -invoice().gross_eur
    with pytest.raises(TiktellerError, match="names no invoice"):
        credited(credited_invoice_number=None)
    # what was given back by a settlement can be credited too: that note takes it back
    assert invoice(kind="credit_note", credited_invoice_number="INV1").gross_eur > 0


@pytest.mark.parametrize(
    ("amount", "dutch", "english"),
    [
        ("1234.56", "€ 1.234,56", "€1,234.56"),
        ("-12", "€ -12,00", "-€12.00"),
        ("0", "€ 0,00", "€0.00"),
        ("1000000.005", "€ 1.000.000,01", "€1,000,000.01"),
        ("-0.005", "€ -0,01", "-€0.01"),
    ],
)
def test_money_is_written_as_people_write_it(amount: str, dutch: str, english: str) -> None:
    # Fails if a thousand can be read as one: point and comma change places between the languages.
    assert money(Decimal(amount), "nl").replace("\N{NO-BREAK SPACE}", " ") == dutch
    assert money(Decimal(amount), "en") == english


def test_prices_durations_percentages_and_periods() -> None:
    # Fails if a price of parts of a cent is shown as nothing, or a day of calls as an hour.
    assert price(Decimal("0.02504"), "en") == "€0.025"
    assert price(Decimal("0.02505"), "en") == "€0.0251"
    assert price(Decimal("6.1700"), "en") == "€6.17"
    assert price(Decimal("0.5410"), "en", least_decimals=4) == "€0.5410"
    assert [duration(seconds, "nl") for seconds in (0, 61, 3600, 91234, 36_000_000)] == [
        *("0:00:00", "0:01:01", "1:00:00", "25:20:34"),
        "10.000:00:00",
    ]
    assert (percent(Decimal("21.00"), "nl"), percent(Decimal("5.50"), "nl"), percent(Decimal("20"), "en")) == ("21%", "5,5%", "20%")
    assert period(date(2026, 10, 1), date(2026, 10, 31), "nl").replace("\N{NO-BREAK SPACE}", " ") == "1 t/m 31 oktober 2026"
    assert invoice(month="2028-02").last_day == date(2028, 2, 29)


def test_every_word_stands_in_both_languages_with_the_same_places() -> None:
    # Fails if an English invoice lacks the amount that the Dutch one names.
    for dutch, english in WORDS.values():
        assert [part.split("}")[0] for part in sorted(dutch.split("{")[1:])] == [
            part.split("}")[0] for part in sorted(english.split("{")[1:])
        ]


def test_text_cannot_turn_or_break_what_stands_beside_it() -> None:
    # Fails if a name can reverse the digits of an amount (right-to-left override), break the XML, or hide in control characters.
    assert printable("Piet\u202e 00,1\x00\x1b\r\n  B.V.\uffff") == "Piet 00,1 B.V."
    assert printable("Cafe\u0301") == "Café"
    assert printable("  two  spaces ") == "two spaces"
    assert printable("שלום القاهرة 東京") == "שלום القاهرة 東京"


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("INV15901583", "INV15901583"),
        ("2026/10", "2026%2F10"),
        ("..", "%2E."),
        (".x", "%2Ex"),
        ("A B~c", "A%20B%7Ec"),
        ("2026%2F10", "2026%252F10"),
    ],
)
def test_numbers_make_file_names_that_are_safe_and_their_own(number: str, name: str) -> None:
    # Fails if a number leads out of the folder, or the documents of two invoices overwrite each other.
    assert file_stem(number) == name


def test_a_number_too_long_for_a_file_has_one_all_the_same() -> None:
    # Fails if an invoice with 300 digits in its number can never be rendered, or shares its file with another.
    stems = {file_stem(f"INV{number:0300d}") for number in range(3)}
    assert len(stems) == 3
    assert {len(stem) for stem in stems} == {200}


def test_a_brand_colour_is_readable() -> None:
    # Fails if a yellow partner's headings vanish on white paper, or the amount on its own colour.
    assert palette("#ff0") | palette("#ffff00") == palette("#ffff00")
    assert palette("#ffff00")["on_brand"] == "#14181c"
    assert palette("#0b7285") == {"brand": "#0b7285", "ink": "#0b7285", "on_brand": "#ffffff"}
    for color in ("#ffffff", "#ffe066", "#fab005", "#ff0000", "#777777"):
        red, green, blue = (int(palette(color)["ink"][place : place + 2], 16) for place in (1, 3, 5))
        assert 0.2126 * red + 0.7152 * green + 0.0722 * blue < 140
    with pytest.raises(TiktellerError, match="is no colour"):
        Branding(brand_color="blue); #panic()")
    with pytest.raises(TiktellerError, match="logo takes"):
        Branding(logo=b"x" * 500_001)
