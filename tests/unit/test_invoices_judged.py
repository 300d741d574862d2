"""What a document needs is asked before its number is given: afterwards an invoice can only be credited, and may never be printed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration import state
from orchestration.billing.approved import document_of
from orchestration.billing.basis import Basis
from orchestration.billing.draft_problems import by_problem
from orchestration.billing.drafts import INCOMPLETE, Judged, judge
from orchestration.billing.parties import read_logo
from orchestration.billing.storing import content_of
from orchestration.documents.rendering import render_one
from orchestration.warehouse.contracts import contract
from orchestration.workspace import Workspace
from tests.unit.documents import LOGO

ISSUED = date(2026, 11, 3)
PARTNER: dict[str, Any] = {
    "partner_id": "noord",
    "name": "Noord Telecom",
    "country": "NL",
    "time_zone": "Europe/Amsterdam",
    "street": "Kade 2",
    "postal_code": "1000 AA",
    "city": "Amsterdam",
    "vat_number": "NL000099998B57",
    "coc_number": "00000101",
    "email": "facturen@noord.example",
    "iban": "NL13TEST0123456789",
    "bic": "TESTNL2A",
    "invoice_prefix": "N",
    "invoice_suffix": "",
    "invoice_number_length": 0,
    "last_invoice_number": 15901582,
    "payment_term_days": 14,
    "logo_file": None,
    "brand_color": "#0b7285",
    "footer": "Noord",
    "closing_name": None,
}
CUSTOMER: dict[str, Any] = {
    "customer_id": "c1",
    "partner_id": "noord",
    "name": "Klant",
    "kind": "business",
    "country": None,
    "street": "Kade 1",
    "postal_code": "1000 AA",
    "city": "Edam",
    "email": "klant@klant.example",
    "vat_number": None,
    "coc_number": "00000202",
}


def line(vat_category: str = "standard") -> dict[str, Any]:
    return {
        "line_number": 1,
        "kind": "mrc",
        "description": "SIP trunk",
        "quantity": 1,
        "amount_eur": Decimal("10.00"),
        "vat_category": vat_category,
        "vat_percent": Decimal(21 if vat_category == "standard" else 0),
        "country": None,
    }


def draft(customer_id: str, vat_category: str = "standard") -> dict[str, Any]:
    vat = Decimal("2.10") if vat_category == "standard" else Decimal("0.00")
    amounts = {"net_eur": Decimal("10.00"), "vat_eur": vat, "gross_eur": Decimal("10.00") + vat}
    columns = dict.fromkeys(contract("invoices"))
    found = {"partner_id": "noord", "customer_id": customer_id, "month": "2026-10", "invoice_id": f"{customer_id}-2026-10"}
    return columns | found | amounts | {"kind": "invoice"}


def judged(tmp_path: Path, partner: dict[str, Any], *customers: dict[str, Any], vat_category: str = "standard") -> Judged:
    drafts = [draft(each["customer_id"], vat_category) for each in customers]
    lines = {each["invoice_id"]: [line(vat_category)] for each in drafts}
    logo = read_logo(Workspace(tmp_path), partner)
    return judge(Basis(partner, logo, lines, {each["customer_id"]: each for each in customers}, {}), drafts, ISSUED)


def told(found: Judged) -> list[str]:
    return [problem.sentence() for problems in found.refused.values() for problem in problems]


SLIPS = [
    ({"iban": "NL14TEST0123456789"}, "NL14TEST0123456789 is no IBAN. Fix: fix partners.iban"),
    ({"brand_color": "blauw"}, "brand colour 'blauw' is no colour. Fix: write partners.brand_color as #rrggbb"),
    ({"payment_term_days": -5}, "payment_term_days -5 is not between 0 and 365. Fix: fix partners.payment_term_days"),
    ({"payment_term_days": 100_000}, "payment_term_days 100000 is not between 0 and 365"),
    ({"payment_term_days": 10**12}, "payment_term_days 1000000000000 is not between 0 and 365"),
    ({"invoice_number_length": 300}, "invoice_number_length 300 is not between 0 and 20. Fix: fix partners.invoice_number_length"),
    ({"invoice_number_length": -1}, "invoice_number_length -1 is not between 0 and 20"),
    ({"invoice_number_length": 2_000_000_000}, "invoice_number_length 2000000000 is not between"),
    ({"invoice_prefix": "N" * 40}, "its number would have 48 characters, at most 35"),
    ({"time_zone": "ACT"}, "nobody knows a time zone ACT. Fix: write partners.time_zone as Europe/Amsterdam"),
    ({"logo_file": "gone.png"}, "its logo gone.png is not there. Fix: put the file into the workspace"),
    ({"logo_file": "large.png"}, "the logo takes 500,001 bytes, at most 500,000 fit"),
    ({"logo_file": "text.png"}, "the logo cannot be read"),
    ({"vat_number": "12345"}, "VAT number 12345 does not begin with its country. Fix: fix partners.vat_number"),
    ({"coc_number": None}, "the partner's coc_number is missing. Fix: fill in partners.coc_number"),
]


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "large.png").write_bytes(b"x" * 5_000_000)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "logo.svg").write_bytes(LOGO)
    return tmp_path


@pytest.mark.parametrize(("slip", "sentence"), SLIPS)
def test_a_slip_in_the_partners_row_is_told_and_gives_no_number(workspace: Path, slip: dict[str, Any], sentence: str) -> None:
    # Fails if a month is approved and numbered under settings with which none of its documents can be made.
    found = judged(workspace, PARTNER | slip, CUSTOMER, CUSTOMER | {"customer_id": "c2"})
    assert set(found.refused) == {"c1-2026-10", "c2-2026-10"}
    assert any(sentence in each for each in told(found)), told(found)
    assert {problem.reason for problems in found.refused.values() for problem in problems} == {INCOMPLETE}


def test_odd_letters_in_a_footer_and_a_logo_are_no_slip(workspace: Path) -> None:
    # Fails if a partner with an emoji or a control character in its footer cannot send invoices.
    found = judged(workspace, PARTNER | {"footer": "☎ 東京 \x00 #let {} $ \u202e 😀", "logo_file": "logo.svg"}, CUSTOMER)
    assert found == Judged({}, [])


def test_a_slip_in_one_customers_row_keeps_no_other_back(tmp_path: Path) -> None:
    # Fails if a whole month waits for the VAT number of one customer.
    customers = [CUSTOMER | {"vat_number": "NL000099998B57"}, *(CUSTOMER | {"customer_id": f"c{n}"} for n in (2, 3))]
    customers[2] |= {"vat_number": "NL000099998B58"}
    found = judged(tmp_path, PARTNER, *customers, vat_category="reverse_charge")
    assert {invoice_id: [problem.why for problem in problems] for invoice_id, problems in found.refused.items()} == {
        "c2-2026-10": ["the customer's VAT number, which reverse charge needs, is missing"],
        "c3-2026-10": ["reverse charge needs the customer's VAT number: VAT number NL000099998B58 cannot be one of NL: see to its digits"],
    }


def test_a_draft_that_nobody_foresaw_keeps_no_other_back(tmp_path: Path) -> None:
    # Fails if a whole month cannot be approved because of one customer, and nobody is told of which.
    drafts = [draft("c1"), draft("gone"), draft("c3") | {"net_eur": "ten"}]
    lines = {each["invoice_id"]: [line()] for each in drafts}
    found = judge(Basis(PARTNER, None, lines, {"c1": CUSTOMER, "c3": CUSTOMER | {"customer_id": "c3"}}, {}), drafts, ISSUED)
    assert set(found.refused) == {"gone-2026-10", "c3-2026-10"}
    assert "customer gone: KeyError: 'gone'. Fix: fix what it names" in told(found)


def test_what_the_partner_lacks_is_one_sentence(tmp_path: Path) -> None:
    # Fails if four hundred customers are named for one wrong digit in the partner's IBAN, and the one with a fault of its own among them.
    customers = [CUSTOMER | {"customer_id": f"c{number}"} for number in range(1, 5)]
    customers[2] |= {"street": None}
    sentences = by_problem(judged(tmp_path, PARTNER | {"iban": "NL14TEST0123456789"}, *customers).refused)
    assert {sentence: len(of) for sentence, of in sentences.items()} == {
        "partner noord: NL14TEST0123456789 is no IBAN. Fix: fix partners.iban": 4,
        "customer c3: the customer's street is missing. Fix: fill in customers.street": 1,
    }


def test_who_lacks_a_register_number_is_remarked(tmp_path: Path) -> None:
    # Fails if an invoice waits for a KvK number that the law does not want on it, or nobody hears that its e-invoice is no NLCIUS.
    found = judged(
        tmp_path,
        PARTNER,
        CUSTOMER,
        CUSTOMER | {"customer_id": "c2", "coc_number": None},
        CUSTOMER | {"customer_id": "c3", "coc_number": "1234"},
        CUSTOMER | {"customer_id": "c4", "coc_number": None, "oin": "00000001003214345000"},
        CUSTOMER | {"customer_id": "c5", "coc_number": None, "kind": "consumer"},
        CUSTOMER | {"customer_id": "c6", "coc_number": None, "country": "BE"},
        CUSTOMER | {"customer_id": "c7", "vat_number": "12345"},
    )
    assert not found.refused
    assert [remark.split(":")[0] for remark in found.remarks] == ["c2-2026-10", "c3-2026-10", "c7-2026-10"]
    assert "VAT number 12345 does not begin with its country. Fix: correct customers.vat_number" in found.remarks[-1]


@pytest.mark.parametrize("slip", [slip for slip, _ in SLIPS], ids=str)
def test_what_was_approved_with_a_slip_can_be_rendered(workspace: Path, slip: dict[str, Any]) -> None:
    # Fails if an invoice that has its number (of a release that did not ask) is never written: 0 of 43 were.
    partner = PARTNER | slip
    invoice = draft("c1", "reverse_charge") | {
        "invoice_number": f"N{'0' * min(abs(partner['invoice_number_length']), 300)}1",
        "issued_on": ISSUED,
        "due_on": date(2026, 10, 29),
    }
    logo = read_logo(Workspace(workspace), partner)
    basis = Basis(partner, logo, {invoice["invoice_id"]: [line("reverse_charge")]}, {"c1": CUSTOMER}, {})
    content = state.read_content(content_of(invoice, basis, None), invoice["invoice_number"])
    made = render_one(document_of(content, (), logo), workspace / "documents")
    assert made.pdf.read_bytes().startswith(b"%PDF")
    assert made.ubl.stat().st_size > 1000
