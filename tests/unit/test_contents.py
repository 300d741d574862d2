"""What an approved invoice says is read by the reader of its version: it prints as it was, or somebody is told why not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.approved import document_of, renderable_invoices
from orchestration.billing.basis import Basis
from orchestration.billing.storing import content_of, store
from orchestration.documents.invoice import Invoice, InvoiceLine, Party, usable_branding
from orchestration.documents.rendering import FailedInvoice, RenderedInvoice, render_one
from orchestration.errors import TiktellerError
from orchestration.landing.decisions import land_decisions
from orchestration.state import contents
from orchestration.workspace import Workspace
from tests.unit.documents import LOGO
from tests.unit.test_invoices_judged import CUSTOMER, ISSUED, PARTNER, draft, line

SETTLED = {"settled_month": "2026-09", "service_name": "SIP trunk", "service_code": "sip"}
INVOICE = draft("c1") | {"invoice_number": "N1", "issued_on": ISSUED, "due_on": date(2026, 11, 17)}
INVOICE |= {"net_eur": Decimal("20.00"), "vat_eur": Decimal("4.20"), "gross_eur": Decimal("24.20")}

FIRST = json.dumps(
    {
        "invoice": {
            "partner_id": "noord",
            "customer_id": "c1",
            "month": "2026-10",
            "invoice_id": "c1-2026-10",
            "kind": "invoice",
            "invoice_number": "N1",
            "net_eur": "23.00",
            "vat_eur": "4.83",
            "gross_eur": "27.83",
            "issued_on": "2026-11-03",
            "due_on": "2026-11-17",
        },
        "lines": [
            {
                "line_number": 1, "kind": "mrc", "description": "SIP trunk", "quantity": 2, "amount_eur": "20.00",
                "vat_category": "standard", "vat_percent": "21", "service_code": "sip", "settled_month": "2026-09",
                "service_name": "SIP trunk",
            },
            {
                "line_number": 2, "kind": "calls", "description": "België FIX", "quantity": 3, "amount_eur": "3.00",
                "vat_category": "standard", "vat_percent": "21", "country": "BE", "line_type": "FIX", "duration_s": 305,
            },
        ],
        "partner": {
            "partner_id": "noord", "name": "Noord Telecom", "country": "NL", "time_zone": "Europe/Amsterdam", "street": "Kade 2",
            "postal_code": "1000 AA", "city": "Amsterdam", "vat_number": "NL000099998B57", "coc_number": "00000101",
            "email": "facturen@noord.example", "iban": "NL13TEST0123456789", "bic": "TESTNL2A", "invoice_prefix": "N", "invoice_suffix": "",
            "logo_file": "logo.svg",
        },
        "customer": {"customer_id": "c1", "name": "Klant", "street": "Kade 1", "postal_code": "1000 AA", "city": "Edam"},
        "country_names": {"BE": "België"},
    }
)  # fmt: skip
"""As the first release stored one: no version, no logo, no price of a line, no brand."""

AS_FIRST_PRINTED = Invoice(
    partner_id="noord",
    customer_id="c1",
    invoice_number="N1",
    month="2026-10",
    issued_on=date(2026, 11, 3),
    due_on=date(2026, 11, 17),
    seller=Party(
        "Noord Telecom", "Kade 2", "1000 AA", "Amsterdam", vat_number="NL000099998B57", coc_number="00000101",
        email="facturen@noord.example", iban="NL13TEST0123456789", bic="TESTNL2A",
    ),
    buyer=Party("Klant", "Kade 1", "1000 AA", "Edam"),
    lines=(
        InvoiceLine(
            1, "mrc", "SIP trunk", 2, Decimal("20.00"), service_code="sip", service_name="SIP trunk", settled_month="2026-09",
            is_of_several_prices=False,
        ),
        InvoiceLine(2, "calls", "België FIX", 3, Decimal("3.00"), country="BE", country_name="België", line_type="FIX", duration_s=305),
    ),
    net_eur=Decimal("23.00"),
    vat_eur=Decimal("4.83"),
    gross_eur=Decimal("27.83"),
    kind="invoice",
    branding=usable_branding(LOGO, None, None, None),
    time_zone="Europe/Amsterdam",
)  # fmt: skip


def of_today() -> dict[str, Any]:
    rows = {INVOICE["invoice_id"]: [line(), line() | SETTLED | {"line_number": 2}]}
    basis = Basis(PARTNER, LOGO, rows, {"c1": CUSTOMER}, {"NL": "Nederland"})
    return json.loads(content_of(INVOICE, basis, state.sha256(LOGO)))


def of_release_before() -> dict[str, Any]:
    """The same invoice as the release stored it that wrote no version."""
    content = of_today()
    del content["version"], content["reason"]
    for each in content["lines"]:
        del each["credited_line"]
    return content


def keep(workspace: Workspace, *stored: str) -> None:
    """Invoices N1, N2 and so on, with such contents."""
    with state.engine(workspace).begin() as decided:
        decided.execute(state.insert_or_ignore(decided, state.logos), [{"sha256": state.sha256(LOGO), "content": LOGO}])
        for number, content in enumerate(stored, start=1):
            store(decided, INVOICE | {"invoice_number": f"N{number}", "invoice_id": f"c{number}-2026-10"}, content)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    root.mkdir()
    (root / "logo.svg").write_bytes(LOGO)
    return Workspace(root)


def bytes_of(made: RenderedInvoice) -> tuple[bytes, bytes, bytes]:
    return made.pdf.read_bytes(), made.ubl.read_bytes(), made.calls.read_bytes()


def test_what_the_first_release_approved_prints_as_it_did(workspace: Workspace) -> None:
    # Fails if an invoice that a customer has on paper is another one when it is rendered again.
    keep(workspace, FIRST)
    (found,) = renderable_invoices(workspace)
    assert found == AS_FIRST_PRINTED
    assert isinstance(found, Invoice)
    read, printed = (render_one(each, workspace.root / name) for each, name in ((found, "read"), (AS_FIRST_PRINTED, "printed")))
    assert bytes_of(read) == bytes_of(printed)


def test_a_version_changes_nothing_on_paper(workspace: Workspace) -> None:
    # Fails if what was approved the day before the update differs from what is approved the day after.
    before, after = (document_of(state.read_content(json.dumps(each), "N1"), (), LOGO) for each in (of_release_before(), of_today()))
    assert [each.is_of_several_prices for each in before.lines] == [False, True]
    made = [render_one(each, workspace.root / name) for each, name in ((before, "before"), (after, "after"))]
    assert bytes_of(made[0]) == bytes_of(made[1])


def test_what_is_approved_today_bears_its_version() -> None:
    # Fails if a later release takes it for one of those whose keys may lack.
    assert of_today()["version"] == contents.VERSION == 2
    assert of_today()["reason"] is None


def test_a_version_that_is_not_known_keeps_no_other_back(workspace: Workspace) -> None:
    # Fails if an older release prints what it does not understand, or prints nothing at all because of one.
    keep(workspace, json.dumps(of_today() | {"version": 3}), json.dumps(of_today()))
    refused, made = renderable_invoices(workspace)
    assert refused == FailedInvoice(
        "N1",
        "invoice N1 is stored in version 3, which this Tikteller cannot read (it knows up to 2). Fix: run the newer release",
    )
    assert isinstance(made, Invoice)


LACKING: dict[str, Callable[[dict[str, Any]], object]] = {
    "reason": lambda content: content.pop("reason"),
    "logo_sha256": lambda content: content.pop("logo_sha256"),
    "invoice.credited_invoice_number": lambda content: content["invoice"].pop("credited_invoice_number"),
    "partner.footer": lambda content: content["partner"].pop("footer"),
    "customer.buyer_reference": lambda content: content["customer"].pop("buyer_reference"),
    "lines.unit_price_eur": lambda content: content["lines"][1].pop("unit_price_eur"),
}


@pytest.mark.parametrize("key", LACKING)
def test_a_key_that_is_gone_is_not_taken_for_empty(key: str) -> None:
    # Fails if a line loses its price, or an invoice the one that it credits, and is printed without.
    content = of_today()
    LACKING[key](content)
    with pytest.raises(TiktellerError, match=rf"what is stored of invoice N1 \(version 2\) lacks {key}\. Fix: restore the state"):
        state.read_content(json.dumps(content), "N1")


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2', "null"])
def test_what_is_no_content_is_named(text: str) -> None:
    # Fails if finance reads "JSONDecodeError" and nobody knows of which invoice.
    with pytest.raises(TiktellerError, match="what is stored of invoice N1 is no content"):
        state.read_content(text, "N1")


def test_a_snapshot_of_before_the_update_can_be_approved() -> None:
    # Fails if nothing can be approved between an update and the next run: its snapshots lack the newest columns.
    older = {name: value for name, value in PARTNER.items() if name != "closing_name"}
    basis = Basis(older, None, {INVOICE["invoice_id"]: [line()]}, {"c1": CUSTOMER}, {})
    assert state.read_content(content_of(INVOICE, basis, None), "N1").partner["closing_name"] is None


def test_a_version_that_is_not_known_is_not_landed(workspace: Workspace) -> None:
    # Fails if every figure of the month is made of rows that nobody understood.
    keep(workspace, json.dumps(of_today() | {"version": 3}))
    with state.deciding(workspace) as decided:
        state.note(decided, "approve", "noord", "N1")
    warehouse = duckdb.connect()
    warehouse.execute("create schema raw")
    with pytest.raises(TiktellerError, match="invoice N1 is stored in version 3"):
        land_decisions(workspace, warehouse)
    with state.engine(workspace).begin() as decided:
        content = json.dumps(of_today())
        decided.execute(sa.update(state.invoices).values(content=content, content_sha256=state.sha256(content.encode())))
    land_decisions(workspace, warehouse)
    assert warehouse.execute("select invoice_number, gross_eur from raw.approved_invoices").fetchall() == [("N1", Decimal("24.20"))]
