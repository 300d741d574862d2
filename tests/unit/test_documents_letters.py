"""Letters that ask for money: what the law does not allow, a court strikes out, and the partner's name with it."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from pypdf import PdfReader

from orchestration.documents.collection_costs import collection_costs_eur
from orchestration.documents.letters import SENTENCES, Letter, OpenInvoice, letter_pdf
from orchestration.errors import TiktellerError
from tests.unit.documents import BRANDING, BUYER, SELLER

OPEN = (
    OpenInvoice("INV15901583", date(2026, 9, 3), date(2026, 10, 3), Decimal("330.77"), Decimal("30.77")),
    OpenInvoice("INV15901612", date(2026, 10, 3), date(2026, 11, 3), Decimal("2330.77")),
)
CONSUMER = replace(BUYER, name="P. de Vries", kind="consumer")


def letter(**changes: object) -> Letter:
    fields: dict[str, object] = {
        "kind": "reminder",
        "written_on": date(2026, 11, 20),
        "pay_by": date(2026, 12, 4),
        "customer_id": "kustlijn-c001",
        "seller": SELLER,
        "buyer": BUYER,
        "open_invoices": OPEN,
        "branding": BRANDING,
    }
    return Letter(**(fields | changes))  # type: ignore[arg-type]


def text(of: Letter) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(letter_pdf(of))).pages).split())


@pytest.mark.parametrize(
    ("principal", "costs"),
    [
        *(("0.01", "40.00"), ("40", "40.00"), ("266.66", "40.00"), ("266.67", "40.00"), ("266.70", "40.01"), ("266.73", "40.01")),
        *(
            ("1000", "150.00"),
            ("2499.99", "375.00"),
            ("2500", "375.00"),
            ("2500.01", "375.00"),
            ("2500.05", "375.01"),
            ("2500.10", "375.01"),
        ),
        *(("4999.99", "625.00"), ("5000", "625.00"), ("5000.10", "625.01"), ("5000.20", "625.01")),
        *(("9999.99", "875.00"), ("10000", "875.00"), ("10000.50", "875.01"), ("10001", "875.01")),
        *(("199999.99", "2775.00"), ("200000", "2775.00"), ("200001", "2775.01"), ("200002", "2775.01")),
        *(("999997.99", "6774.99"), ("999998.99", "6774.99"), ("999999", "6775.00"), ("1000000", "6775.00"), ("1000002", "6775.00")),
        ("123456789.12", "6775.00"),
    ],
)
def test_collection_costs_follow_the_scale(principal: str, costs: str) -> None:
    # Fails if a cent more is asked than the law allows: then nothing is owed at all. Each step's end, the least and the most (DOMAIN 5).
    assert collection_costs_eur(Decimal(principal)) == Decimal(costs)
    assert str(collection_costs_eur(Decimal(principal))) == costs


def test_there_are_no_costs_over_nothing() -> None:
    # Fails if somebody who owes nothing is asked for 40 euro.
    for principal in ("0", "-5"):
        with pytest.raises(TiktellerError, match="no collection costs"):
            collection_costs_eur(Decimal(principal))


def test_a_reminder_costs_nothing() -> None:
    # Fails if a reminder asks for more than the invoices.
    page = text(letter())
    for wanted in (
        *("Herinnering", "INV15901583 3 september 2026 3 oktober 2026 € 330,77 € 30,77 € 300,00", "Totaal openstaand € 2.630,77"),
        *("uiterlijk 4 december 2026", "NL13 TEST 0123 4567 89", "Team administratie van Kustlijn Telecom", "facturen@kustlijn.example"),
    ):
        assert wanted in page
    assert "ncassokosten" not in page


def test_a_business_is_asked_for_the_costs() -> None:
    # Fails if the costs over all invoices together are not 15 % of 2,500 and 10 % of the rest, or the total lacks them.
    page = text(letter(kind="formal_notice"))
    assert "Totaal openstaand € 2.630,77 Incassokosten € 388,08 Totaal te betalen € 3.018,85" in page
    assert "Wij verzoeken u € 3.018,85 te voldoen uiterlijk 4 december 2026" in page


@pytest.mark.parametrize(
    ("language", "wanted", "unwanted"),
    [
        (
            "nl",
            ("Aanmaning", "veertien dagen", "op de dag nadat deze brief bij u is bezorgd", "incassokosten betalen: € 388,08", "geen btw"),
            "3.018,85",
        ),
        (
            "en",
            ("Formal notice", "fourteen more days", "the day after this letter is delivered", "collection costs of €388.08", "no VAT"),
            "3,018.85",
        ),
    ],
)
def test_a_consumer_gets_fourteen_days_free_and_hears_the_amount(language: str, wanted: tuple[str, ...], unwanted: str) -> None:
    # Fails if a consumer is asked for costs in the letter that must be free, or the term does not begin the day after delivery: the
    # right to costs is lost then (article 6:96 of the Civil Code).
    page = text(letter(kind="formal_notice", buyer=CONSUMER, language=language))
    for words in wanted:
        assert words in page, words
    assert unwanted not in page
    assert "4 december" not in page.lower()


def test_every_sentence_stands_in_both_languages_with_the_same_places() -> None:
    # Fails if the English letter lacks the amount that the Dutch one names.
    for dutch, english in SENTENCES.values():
        assert {part.split("}")[0] for part in dutch.split("{")[1:]} == {part.split("}")[0] for part in english.split("{")[1:]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"open_invoices": ()}, "no invoice is open"),
        ({"open_invoices": (replace(OPEN[0], paid_eur=Decimal("330.77")),)}, "nothing of INV15901583 is open"),
        ({"open_invoices": (replace(OPEN[0], due_on=date(2026, 11, 20)),)}, "may be paid until 2026-11-20"),
        ({"pay_by": date(2026, 11, 20)}, "to be paid by"),
    ],
)
def test_who_owes_nothing_gets_no_letter(changes: dict[str, object], message: str) -> None:
    # Fails if somebody who has paid, or has time left, is dunned.
    with pytest.raises(TiktellerError, match=message):
        letter(**changes)


def test_the_same_letter_is_the_same_file_and_data_are_text() -> None:
    # Fails if a letter cannot be shown to be the one that was sent, or a name runs as code.
    assert letter_pdf(letter()) == letter_pdf(letter())
    assert '#panic("x") *y*' in text(letter(buyer=replace(BUYER, name='#panic("x") *y*')))
    assert "Kenmerk kustlijn-c001" in text(letter(open_invoices=tuple(replace(OPEN[0], invoice_number=f"INV{n}") for n in range(40))))
