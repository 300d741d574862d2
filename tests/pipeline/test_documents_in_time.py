"""Fails if an invoice gets its number and can then not be printed, sent or booked, or if the parts of one are not the whole."""

from __future__ import annotations

import json
import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import etree
from pypdf import PdfReader

from orchestration import state
from orchestration.billing import drafts
from orchestration.billing.approving import approve
from orchestration.billing.crediting import credit
from orchestration.billing.drafts import draft_documents
from orchestration.errors import TiktellerError
from orchestration.pipeline.status import status
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.test_settlements import SELLER
from tests.pipeline.trade import CUSTOMERS, PARTNERS, land, open_trade
from tests.unit.documents import LOGO
from tests.unit.ubl_rules import arithmetic_violations, en16931_violations, profile_violations, schema_violations

MONTH = "2026-08"
CENT = Decimal("0.01")
COMPLETE = CUSTOMERS[0] | {"coc_number": "00000202", "buyer_reference": "afdeling 7"}
SERVICES = {  # code: one-off, monthly; all sold at one and a half times
    "sip": ("0", "4.29"),
    "vdsl": ("0", "20"),
    "a": ("25", "0"),
    "b": ("8.333334", "0"),
    "c": ("6.68", "0"),
    "d": ("6.68", "0"),
}
TRADE = {
    "partners": [PARTNERS[0] | SELLER | {"logo_file": "logo.svg", "brand_color": "#0b7285"}],
    "customers": [
        COMPLETE,
        COMPLETE | {"customer_id": "noord-2", "name": "Verlegd B.V.", "vat_category": "reverse_charge"},
        COMPLETE | {"customer_id": "noord-3", "name": "Zonder KvK", "coc_number": ""},
        COMPLETE | {"customer_id": "noord-4", "name": "Twee keer tien"},
        COMPLETE | {"customer_id": "noord-5", "name": "Particulier", "coc_number": "", "kind": "consumer"},
    ],
    "services": [
        {
            "service_code": code,
            "category": "Diensten",
            "name": f"Dienst {code}",
            "metering": "quantity",
            "charged": "arrears",
            "nrc_purchase_eur": once,
            "mrc_purchase_eur": monthly,
            "valid_from": "2026-01-01",
        }
        for code, (once, monthly) in SERVICES.items()
    ],
    "service_plans": [{"service_plan_id": "diensten", "partner_id": "noord", "name": "Diensten"}],
    "service_plan_markups": [
        {
            "service_plan_id": "diensten",
            "category": "Diensten",
            "valid_from": "2026-01-01",
            "nrc_percent": "150",
            "mrc_percent": "150",
        }
    ],
    "customer_plans": [
        {"customer_id": f"noord-{number}", "service_plan_id": "diensten", "valid_from": "2026-01-01"} for number in range(1, 6)
    ],
}


def order(order_id: str, customer: str, service: str, quantity: int = 1, delivered_on: str = "2026-08-01", ended_on: str = "") -> dict:
    return {
        "order_id": order_id,
        "line_number": 1,
        "customer_id": customer,
        "service_code": service,
        "quantity": quantity,
        "ordered_on": "2026-07-15",
        "delivered_on": delivered_on,
        "ended_on": ended_on,
    }


ORDERS = [
    order("trunks", "noord-1", "sip", 25),
    order("before", "noord-1", "vdsl", ended_on="2026-08-13"),
    order("again", "noord-1", "vdsl", delivered_on="2026-08-13"),
    order("reversed", "noord-2", "sip"),
    *(order(f"3{code}", "noord-3", code) for code in "ab"),
    *(order(f"4{code}", "noord-4", code) for code in "cd"),
    order("private", "noord-5", "sip"),
]


@pytest.fixture(scope="module")
def approved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, str]:
    """August of five customers approved, of whom one must not be; and what was said of it."""
    workspace = open_trade(tmp_path_factory.mktemp("in-time") / "workspace")
    for feed, rows in TRADE.items():
        land(workspace, feed, "services", rows)
    land(workspace, "orders", "august", ORDERS)
    (workspace.root / "logo.svg").write_bytes(LOGO)
    tikteller(workspace.root, "run")
    command = ("invoices", "approve", "--partner", "noord", "--month", MONTH, "--date", "2026-09-01", "--no-run")
    done = tikteller(workspace.root, *command)
    return workspace, done.stderr


def numbers(workspace: Workspace) -> dict[str, str]:
    with state.engine(workspace).connect() as decided:
        of_month = sa.select(state.invoices.c.customer_id, state.invoices.c.invoice_number).where(state.invoices.c.kind == "invoice")
        return dict(decided.execute(of_month).fetchall())


def test_what_a_document_lacks_is_told_before_the_number_and_keeps_no_other_back(approved: tuple[Workspace, str]) -> None:
    """Reverse charge without the buyer's VAT number would be approved, numbered, and never to be rendered."""
    workspace, told = approved
    assert sorted(numbers(workspace).items()) == [("noord-1", "N1"), ("noord-3", "N2"), ("noord-4", "N3"), ("noord-5", "N4")]
    assert "noord-2-2026-08 is blocked: incomplete_invoice" in told
    assert "customer noord-2: the customer's VAT number, which reverse charge needs, is missing. Fix: fill in customers.vat_number" in told
    with state.engine(workspace).connect() as decided:
        frozen = set(decided.execute(sa.select(state.frozen_months.c.customer_id)).scalars())
    assert frozen == {"noord-1", "noord-3", "noord-4", "noord-5"}  # nothing of the one that waits is final


def test_an_e_invoice_without_a_kvk_number_is_remarked(approved: tuple[Workspace, str]) -> None:
    """Finance would send an e-invoice that no Dutch receiver takes; a consumer has no number, and needs none."""
    _, told = approved
    remarks = [line for line in told.splitlines() if line.startswith("remark: ") and "KvK" in line]
    assert len(remarks) == 1
    assert remarks[0].startswith("remark: noord-3-2026-08: Zonder KvK has no KvK number or OIN")


def rendered(workspace: Workspace, *more: str) -> dict[str, dict[str, str]]:
    made = json.loads(tikteller(workspace.root, "invoices", "render", "--partner", "noord", "--format", "json", *more).stdout)
    return {each["invoice_number"]: each for each in made}


def test_rendered_again_without_its_logo_it_is_the_same(approved: tuple[Workspace, str], tmp_path: Path) -> None:
    """An invoice printed again for the tax office would be another than the customer got, or could not be printed at all."""
    workspace, _ = approved
    before = {each["pdf"]: Path(each["pdf"]).read_bytes() for each in rendered(workspace).values()}
    assert len(before) == 4
    shutil.move(workspace.root / "logo.svg", tmp_path / "logo.svg")
    try:
        rendered(workspace)
        assert {path: Path(path).read_bytes() for path in before} == before
        (workspace.root / "logo.svg").write_bytes(b"x" * 5_000_000)
        rendered(workspace)
        assert {path: Path(path).read_bytes() for path in before} == before
    finally:
        shutil.move(tmp_path / "logo.svg", workspace.root / "logo.svg")


def test_the_price_is_the_agreed_one_and_pieces_are_not_added_up_over_time(approved: tuple[Workspace, str]) -> None:
    """25 x 6.435 would print 6.4352, and one line cancelled and ordered again on one day two pieces at 15.00 for one of 30.00."""
    workspace, _ = approved
    lines = ask(
        workspace,
        "noord",
        "select service_code, quantity, unit_price_eur, days, days_in_month, amount_eur from invoice_lines "
        "where invoice_id = 'noord-1-2026-08' and amount_eur <> 0 order by service_code, days desc",
    )
    assert [(code, quantity, f"{price.normalize():f}", days, of, f"{amount}") for code, quantity, price, days, of, amount in lines] == [
        ("sip", 25, "6.435", 31, 31, "160.88"),
        ("vdsl", 1, "30", 19, 31, "18.39"),
        ("vdsl", 1, "30", 12, 31, "11.61"),
    ]
    page = " ".join(" ".join(each.extract_text().split()) for each in PdfReader(rendered(workspace, "N1")["N1"]["pdf"]).pages)
    assert "Dienst sip 25 € 6,435 € 160,88" in page
    assert "Dienst vdsl, 19 van 31 dagen 1 € 30,00 € 18,39" in page


def test_a_draft_can_be_seen_before_it_is_approved(approved: tuple[Workspace, str]) -> None:
    """Who approves would see the document only when nothing can be changed any more."""
    workspace, _ = approved
    (made,) = json.loads(
        tikteller(
            workspace.root, "invoices", "render", "noord-2-2026-08", "--draft", "--partner", "noord", "--month", MONTH, "--format", "json"
        ).stdout
    )
    assert made["pdf"] == str(workspace.documents / "noord" / MONTH / "drafts" / "noord-2.pdf")
    page = " ".join(each.extract_text() for each in PdfReader(made["pdf"]).pages)
    assert "CONCEPT" in page
    assert "Dienst sip" in page
    assert "noord-2" not in numbers(workspace)


def test_a_draft_that_will_be_refused_is_told_before_anybody_approves(approved: tuple[Workspace, str]) -> None:
    """It stands in the list as a draft, and is refused on the day on which the invoices should go out."""
    workspace, _ = approved
    section = status(workspace).sections["incomplete"]
    (told,) = (dict(zip(section.columns, row, strict=True)) for row in section.rows)
    assert (told["partner_id"], told["drafts"], told["example"]) == ("noord", 1, "noord-2-2026-08")
    assert told["fix"] == "fill in customers.vat_number"


def test_an_id_that_another_partner_s_invoice_bears_is_told(approved: tuple[Workspace, str]) -> None:
    """Approval of the whole month would end in an error of the database, with the customers' data in it."""
    workspace, _ = approved
    theirs = dict.fromkeys(("kind", "customer_id", "issued_on", "due_on", "content", "content_sha256", "approved_at", "approved_by"), "")
    theirs |= {"partner_id": "west", "invoice_number": "W1", "invoice_id": "noord-2-2026-08", "month": MONTH}
    with state.engine(workspace).begin() as decided:
        decided.execute(state.invoices.insert().values(**theirs))
    try:
        done = approve(workspace, "noord", MONTH, issued_on=date(2026, 9, 1))
        assert "another partner approved an invoice of that customer and month" in done.blocked["noord-2-2026-08"]
    finally:
        with state.engine(workspace).begin() as decided:
            decided.execute(state.invoices.delete().where(state.invoices.c.partner_id == "west"))


def test_a_draft_that_was_approved_since_is_no_draft(approved: tuple[Workspace, str]) -> None:
    """A document without number would be made of an invoice that has one, and the customer would get both."""
    workspace, _ = approved
    assert [each.customer_id for each in draft_documents(workspace, "noord", MONTH)] == ["noord-2"]
    with pytest.raises(TiktellerError, match=r"noord-1-2026-08 was approved since, as N1. Fix: tikteller invoices render N1"):
        list(draft_documents(workspace, "noord", MONTH, ["noord-1-2026-08"]))


def test_the_list_has_names_and_a_total(approved: tuple[Workspace, str]) -> None:
    """Finance would look up every customer, and add the month up by hand."""
    workspace, _ = approved
    table = tikteller(workspace.root, "invoices", "list", "--partner", "noord", "--month", MONTH).stdout.splitlines()
    assert "customer_name" in table[0]
    assert "Zonder KvK" in "\n".join(table)
    rows = json.loads(tikteller(workspace.root, "invoices", "list", "--partner", "noord", "--month", MONTH, "--format", "json").stdout)
    assert len(rows) == 5
    assert [(row["customer_id"], row["block_reason"]) for row in rows if row["status"] == "blocked"] == [("noord-2", "incomplete_invoice")]
    assert "customer_name" not in rows[0]
    assert table[-1].split()[0] == "total"
    assert f"{sum(Decimal(row['gross_eur']) for row in rows)}" in table[-1]


def test_notes_line_by_line_add_up_to_the_invoice(approved: tuple[Workspace, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """37.50 and 12.50 credited one by one gave back 60.51 of 60.50, 10.02 twice 24.24 of 24.25; a notice went out over a cent."""
    workspace, _ = approved
    monkeypatch.setattr(drafts, "local_today", lambda _snapshot: date(2026, 8, 31))
    of = numbers(workspace)
    given_back: dict[str, list[Decimal]] = {}
    for customer in ("noord-3", "noord-4"):
        with state.engine(workspace).connect() as decided:
            content = json.loads(
                decided.execute(sa.select(state.invoices.c.content).where(state.invoices.c.invoice_number == of[customer])).scalar_one()
            )
        lines = [line["line_number"] for line in content["lines"]]
        notes = [credit(workspace, "noord", of[customer], "line by line", [line]) for line in lines]
        assert {note.issued_on for note in notes} == {date(2026, 9, 1)}, "that of the invoice, where the clock is behind it"
        assert sum(note.gross_eur for note in notes) == -Decimal(content["invoice"]["gross_eur"])
        given_back[customer] = [note.gross_eur for note in notes if note.gross_eur]
    assert given_back == {"noord-3": [Decimal("-45.38"), Decimal("-15.12")], "noord-4": [Decimal("-12.12"), Decimal("-12.13")]}
    tikteller(workspace.root, "run")  # its checks hold: invoices add up, and so does the VAT that is declared
    credited = ask(workspace, "noord", "select customer_id from invoices where status = 'credited' order by 1")
    assert credited == [("noord-3",), ("noord-4",)]
    vat = ask(workspace, "noord", "select sum(vat_eur), sum(gross_eur) from invoice_vat where customer_id in ('noord-3', 'noord-4')")
    assert vat == [(0, 0)]
    for each in rendered(workspace).values():
        xml = Path(each["ubl"]).read_bytes()
        root = etree.fromstring(xml)
        assert schema_violations(xml) == []
        assert en16931_violations(xml) == []
        assert list(arithmetic_violations(xml, vat_slack=CENT)) == []
        is_nlcius = "nlcius" in root.findtext("{*}CustomizationID")
        assert profile_violations(xml, "nlcius" if is_nlcius else "en16931") == []


def test_closing_tells_which_drafts_cannot_be_approved(approved: tuple[Workspace, str]) -> None:
    """The month is final, and its last draft is never asked for: nobody knows that it waits for a VAT number."""
    workspace, _ = approved
    told = tikteller(workspace.root, "close", MONTH, "--partner", "noord", "--no-run").stderr
    assert f"1 draft of {MONTH} cannot be approved yet:" in told
    assert "customer noord-2: the customer's VAT number, which reverse charge needs, is missing" in told
