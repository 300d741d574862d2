"""Statements of resellers: who sells for a partner is paid by them."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal

import pytest
from pypdf import PdfReader

from orchestration.documents.invoice import Party
from orchestration.documents.reseller_statement import SENTENCES, CommissionLine, ResellerStatement, statement_pdf
from orchestration.errors import TiktellerError
from tests.unit.documents import BRANDING, SELLER


def line(name: str, kind: str, sale: str, percent: str, number: str | None = "INV15901583", status: str = "approved") -> CommissionLine:
    exact = Decimal(sale) * Decimal(percent) / 100
    return CommissionLine(f"c-{name}", name, number, status, kind, Decimal(sale), Decimal(percent), exact)  # type: ignore[arg-type]


LINES = (
    line("Bakkerij", "calls", "10.01", "12.5"),
    line("Slagerij", "calls", "0.04", "12.5", "INV15901584"),
    line("Bakkerij", "services", "1234.50", "5"),
    line("Bakkerij", "services", "-34.50", "5", "INV15901590"),
)


def statement(**changes: object) -> ResellerStatement:
    fields: dict[str, object] = {
        "partner_id": "kustlijn",
        "reseller_id": "kl-zeebries",
        "month": "2026-10",
        "seller": SELLER,
        "reseller": Party(name="Zeebries ICT", vat_number="NL000099921B71"),
        "lines": LINES,
        "commission_eur": {"calls": Decimal("1.26"), "services": Decimal("60.00")},
        "branding": BRANDING,
    }
    return ResellerStatement(**(fields | changes))  # type: ignore[arg-type]


def text(of: ResellerStatement) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(statement_pdf(of))).pages).split())


@pytest.mark.parametrize(
    ("language", "wanted"),
    [
        (
            "nl",
            (
                *("Vergoeding", "1 t/m 31 oktober 2026", "kl-zeebries", "NL000099921B71", "Zeebries ICT"),
                *("Bakkerij INV15901583 € 10,01 12,5% € 1,2513", "Slagerij INV15901584 € 0,04 12,5% € 0,0050"),
                *("Bakkerij INV15901590 € -34,50 5% € -1,7250", "Over gesprekken (€ 10,05) € 1,26", "Over diensten (€ 1.200,00) € 60,00"),
                *("Totale vergoeding € 61,26", "Wilt u ons € 61,26 exclusief btw factureren, met vermelding van"),
            ),
        ),
        (
            "en",
            (
                *("Commission", "Bakkerij INV15901583 €10.01 12.5% €1.2513", "On services (€1,200.00) €60.00", "Total commission €61.26"),
                "Please invoice us €61.26 excluding VAT, stating kl-zeebries 2026-10.",
            ),
        ),
    ],
)
def test_a_statement_says_what_was_earned_on_each_invoice(language: str, wanted: tuple[str, ...]) -> None:
    # Fails if a reseller cannot see what it is paid for, or is paid by lines that were rounded one by one: 1.2513 + 0.0050 is 1.26.
    page = text(statement(language=language))
    for words in wanted:
        assert words in page, words
    assert "oorlopig" not in page
    assert "rovisional" not in page


def test_what_may_still_change_is_provisional() -> None:
    # Fails if a reseller invoices what a draft said, before the draft was corrected.
    lines = (*LINES[:2], replace(LINES[2], invoice_number=None, status="draft"), replace(LINES[3], invoice_number=None, status="blocked"))
    page = text(statement(lines=lines))
    assert "Voorlopige vergoeding" in page
    assert "Bakkerij concept € 1.234,50" in page
    assert "Bakkerij geblokkeerd € -34,50" in page
    assert "Voorlopig: 1 van deze facturen zijn nog niet goedgekeurd" in page
    assert "Wacht met factureren" in page
    assert "Wilt u ons" not in page


@pytest.mark.parametrize(("sale", "commission", "words"), [("-20.00", "-2.50", "Wij verrekenen € 2,50"), ("0", "0.00", "geen vergoeding")])
def test_what_is_not_earned_is_not_asked_to_be_invoiced(sale: str, commission: str, words: str) -> None:
    # Fails if a reseller whose customers were only credited is asked for an invoice.
    page = text(statement(lines=(line("Bakkerij", "calls", sale, "12.5"),), commission_eur={"calls": Decimal(commission)}))
    assert words in page
    assert "factureren, met vermelding" not in page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"lines": ()}, "none of its customers was invoiced"),
        ({"commission_eur": {"calls": Decimal("1.25"), "services": Decimal("60.00")}}, "lines of calls give 1.26, not 1.25"),
        ({"commission_eur": {"calls": Decimal("1.26")}}, "lines of services give 60.00, not 0"),
        ({"month": "oktober"}, "is no month"),
        ({"lines": (replace(LINES[0], invoice_number=None),), "commission_eur": {"calls": Decimal("1.25")}}, "has no number"),
    ],
)
def test_a_statement_that_contradicts_itself_is_not_made(changes: dict[str, object], message: str) -> None:
    # Fails if a statement promises another amount than its lines give.
    with pytest.raises(TiktellerError, match=message):
        statement(**changes)


def test_the_same_statement_is_the_same_file_and_data_are_text() -> None:
    # Fails if a statement cannot be shown to be the one that was sent, a name runs as code, or an id leads out of the folder.
    assert statement_pdf(statement()) == statement_pdf(statement())
    assert '#panic("x") *y*' in text(statement(reseller=Party(name='#panic("x") *y*')))
    assert statement(reseller_id="../elsewhere").file_stem == "commission-%2E.%2Felsewhere"


def test_every_sentence_stands_in_both_languages_with_the_same_places() -> None:
    # Fails if the English statement lacks the amount that the Dutch one names.
    for dutch, english in SENTENCES.values():
        assert {part.split("}")[0] for part in dutch.split("{")[1:]} == {part.split("}")[0] for part in english.split("{")[1:]}
