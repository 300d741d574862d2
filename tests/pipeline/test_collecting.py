"""Fails if money leaves an account that is not owed, or twice, or the wrong account; or if nobody is told from whom none is taken."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest
import sqlalchemy as sa
from lxml import etree

from orchestration import state
from orchestration.billing.approving import approve
from orchestration.billing.crediting import credit
from orchestration.documents.direct_debit import SCHEMA
from orchestration.errors import TiktellerError
from orchestration.receivables.collecting import DirectDebits, direct_debits, filed
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.altering import pay, publish
from tests.pipeline.clerks import at_once
from tests.pipeline.conftest import published_copy
from tests.pipeline.readers import ask

PARTNER, MONTH, NEXT_MONTH = "kustlijn", "2026-09", "2026-10"
COLLECT_ON, LATER = date(2026, 12, 1), date(2026, 12, 15)
MADE_AT = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
MANDATED = "select customer_id, iban, mandate_id from mandates where mandate_problem is null order by customer_id"


@pytest.fixture(scope="module")
def approved_once(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = published_copy(demo_workspace, tmp_path_factory.mktemp("approved") / "workspace")
    approve(workspace, PARTNER, MONTH, issued_on=date(2026, 10, 1))
    return workspace


@pytest.fixture
def month_end(approved_once: Workspace, tmp_path: Path) -> Workspace:
    """September approved, to be collected."""
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(approved_once.root, workspace.root, symlinks=True)
    return workspace


def collect(workspace: Workspace, month: str = MONTH, on: date = COLLECT_ON, **options: object) -> DirectDebits:
    """Make a file, and have it."""
    made = direct_debits(workspace, PARTNER, month, on, made_at=MADE_AT, **options)  # type: ignore[arg-type]
    filed(workspace, PARTNER, made.message_id)
    return made


def values(content: bytes, name: str) -> list[str]:
    return [element.text for element in etree.fromstring(content).iter(f"{{*}}{name}")]


def _collect(workspace: Workspace) -> tuple[str, bytes]:
    made = collect(workspace)
    return made.message_id, made.content


def test_clerks_who_collect_at_once_debit_nobody_twice(decisive: Workspace, tmp_path: Path) -> None:
    """Two files of one month go to the bank, and every customer pays twice."""
    approve(decisive, PARTNER, MONTH, issued_on=date(2026, 10, 1))
    made = set(at_once(decisive, _collect, tmp_path / "clerks"))
    ((message_id, content),) = made  # all have the same file: a bank refuses it the second time
    assert message_id == "kustlijn-2026-09-0001"
    with state.engine(decisive).connect() as decided:
        kept = decided.execute(sa.select(state.collections.c.invoice_number).order_by(state.collections.c.invoice_number)).scalars().all()
    assert sorted(values(content, "EndToEndId")) == kept
    assert len(set(kept)) == len(kept) > 10


def test_what_is_open_is_what_is_collected_from_whom_signed(month_end: Workspace) -> None:
    """Another amount than is owed leaves the account, or another account pays. Checked by the schema of ISO 20022, and to the cent."""
    mandates = {customer: (iban, mandate) for customer, iban, mandate in ask(month_end, PARTNER, MANDATED)}
    open_eur = {number: gross for number, gross in _gross(month_end).items() if _customer(month_end, number) in mandates}
    paid, part, credited, *_ = open_eur
    pay(month_end, PARTNER, paid, open_eur[paid], date(2026, 10, 20))
    already = {number: -amount for number, amount in ask(month_end, PLATFORM, PAID)}
    pay(month_end, PARTNER, part, Decimal("1.23"), date(2026, 10, 20))
    credit(month_end, PARTNER, credited, "never delivered")
    made = collect(month_end)
    expected = {
        number: gross - already.get(number, 0) - (Decimal("1.23") if number == part else 0)
        for number, gross in open_eur.items()
        if number not in (paid, credited)
    }
    assert {each.invoice_number: each.amount_eur for each in made.debits} == expected
    assert all((each.iban, each.mandate_id) == mandates[each.customer_id] for each in made.debits)
    schema = etree.XMLSchema(etree.fromstring(files("sepaxml").joinpath("schemas", f"{SCHEMA}.xsd").read_bytes()))
    schema.assertValid(etree.fromstring(made.content))
    assert dict(zip(values(made.content, "EndToEndId"), map(Decimal, values(made.content, "InstdAmt")), strict=True)) == expected
    assert {Decimal(total) for total in values(made.content, "CtrlSum")} == {sum(expected.values())}
    assert set(values(made.content, "SeqTp")) == {"FRST"}
    assert set(values(made.content, "ReqdColltnDt")) == {"2026-12-01"}
    assert made.creditor_id == "NL20ZZZ000001010000", "of KvK number 00000101"


PAID = "select invoice_number, sum(amount_eur) from receivables where kind = 'payment' group by invoice_number"


def _gross(workspace: Workspace) -> dict[str, Decimal]:
    with state.engine(workspace).connect() as decided:
        rows = decided.execute(sa.select(state.invoices.c.invoice_number, state.invoices.c.content).order_by(sa.text("1"))).fetchall()
    return {number: Decimal(json.loads(content)["invoice"]["gross_eur"]) for number, content in rows}


def _customer(workspace: Workspace, number: str) -> str:
    with state.engine(workspace).connect() as decided:
        query = sa.select(state.invoices.c.customer_id).where(state.invoices.c.invoice_number == number)
        return decided.execute(query).scalar_one()


def test_an_invoice_is_collected_once_and_a_mandate_begins_once(month_end: Workspace) -> None:
    """A bank refuses a first collection of a mandate that it knows, and a customer the second of an invoice."""
    first = collect(month_end)
    with pytest.raises(TiktellerError, match=f"nothing to collect of 2026-09: {len(first.debits)} collected before"):
        collect(month_end, on=LATER)
    again = collect(month_end)
    assert (again.message_id, again.content, again.debits) == (
        first.message_id,
        first.content,
        sorted(first.debits, key=lambda d: d.invoice_number),
    )
    assert again.made_before
    assert again.collected_before == 0
    approve(month_end, PARTNER, NEXT_MONTH, issued_on=date(2026, 11, 1))
    following = collect(month_end, NEXT_MONTH)
    known = {each.mandate_id for each in first.debits}
    assert {(each.mandate_id in known, each.sequence) for each in following.debits} == {(True, "RCUR")}
    assert following.message_id == "kustlijn-2026-10-0002"


def test_what_came_back_is_collected_again_when_somebody_says_so(month_end: Workspace) -> None:
    """Money that came back is never asked for again; or a slip of the pen asks twice for what did not come back."""
    first = collect(month_end)
    came_back = first.debits[0]
    again = collect(month_end, on=LATER, again=[came_back.invoice_number])
    assert [(each.invoice_number, each.amount_eur, each.sequence) for each in again.debits] == [
        (came_back.invoice_number, came_back.amount_eur, "FRST")
    ]
    assert again.collected_before == len(first.debits) - 1
    with pytest.raises(TiktellerError, match="INV1 of kustlijn was not collected before"):
        collect(month_end, on=LATER, again=["INV1"])
    settled = first.debits[1]
    pay(month_end, PARTNER, settled.invoice_number, settled.amount_eur, COLLECT_ON)
    with pytest.raises(TiktellerError, match=f"nothing of {settled.invoice_number} is open"):
        collect(month_end, on=LATER, again=[settled.invoice_number])
    with state.engine(month_end).connect() as decided:
        returned = decided.execute(sa.select(state.collections.c.invoice_number).where(state.collections.c.returned_at.is_not(None)))
        assert returned.scalars().all() == [came_back.invoice_number], "a refused question notes nothing"


def test_a_file_that_nobody_got_is_there_again(month_end: Workspace) -> None:
    """The state says that the month was collected, the disk was full, and the partner never gets its money."""
    interrupted = direct_debits(month_end, PARTNER, MONTH, COLLECT_ON, made_at=MADE_AT)
    publish(month_end, PARTNER, "update mandates set mandate_problem = null, mandate_date = '2026-01-01' where customer_id = 'kl-011'")
    again = collect(month_end)
    assert (again.message_id, again.content) == (interrupted.message_id, interrupted.content)
    rest = collect(month_end)
    assert [each.customer_id for each in rest.debits] == ["kl-011"]
    assert rest.message_id == "kustlijn-2026-09-0002"


def test_who_cannot_be_debited_is_named_with_the_fix(month_end: Workspace) -> None:
    """The bank refuses the whole file for one customer, or a customer is never collected from and nobody knows."""
    signed = [row[0] for row in ask(month_end, PARTNER, MANDATED)]
    later, nameless, refused_id, misspelled = signed[:4]
    publish(month_end, PARTNER, "update mandates set mandate_date = '2026-12-02' where customer_id = ?", later)
    publish(month_end, PARTNER, "update customers set name = '***' where customer_id = ?", nameless)
    publish(month_end, PARTNER, "update mandates set mandate_id = '/M' where customer_id = ?", refused_id)
    publish(month_end, PARTNER, "update mandates set iban = 'NL82TEST1' where customer_id = ?", misspelled)
    made = collect(month_end)
    assert {(each.customer_id, each.reason) for each in made.refused} == {
        ("kl-006", "invalid_iban"),
        ("kl-011", "no_mandate_date"),
        (later, "signed_later"),
        (nameless, "invalid_name"),
        (refused_id, "invalid_mandate_id"),
        (misspelled, "invalid_iban"),
    }
    assert all(each.fix for each in made.refused)
    assert len(made.debits) == len(signed) - 4
    assert made.without_mandate == len(_gross(month_end)) - len(signed) - 2


def test_who_has_money_to_come_is_not_debited(month_end: Workspace) -> None:
    """The customer is debited for one invoice while we owe it more on another; letters to it are held for that, by the same rule."""
    following = {each.customer_id for each in approve(month_end, PARTNER, NEXT_MONTH, issued_on=date(2026, 11, 1)).approved}
    first, second, *_ = (each for each in collect(month_end).debits if each.customer_id in following)
    pay(month_end, PARTNER, first.invoice_number, first.amount_eur + Decimal("0.01"), COLLECT_ON)
    pay(month_end, PARTNER, second.invoice_number, second.amount_eur, COLLECT_ON)
    made = collect(month_end, NEXT_MONTH)
    assert [(each.customer_id, each.fix[:16]) for each in made.refused if each.reason == "credit"] == [
        (first.customer_id, "pay it back or s")
    ]
    debited = {each.customer_id for each in made.debits}
    assert first.customer_id not in debited
    assert second.customer_id in debited


def test_another_account_needs_another_mandate(month_end: Workspace) -> None:
    """The bank takes a mandate with another account for a forgery."""
    following = {each.customer_id for each in approve(month_end, PARTNER, NEXT_MONTH, issued_on=date(2026, 11, 1)).approved}
    customer = next(each.customer_id for each in collect(month_end).debits if each.customer_id in following)
    publish(month_end, PARTNER, "update mandates set iban = 'NL91ABNA0417164300' where customer_id = ?", customer)
    made = direct_debits(month_end, PARTNER, NEXT_MONTH, COLLECT_ON, made_at=MADE_AT)
    assert [each.reason for each in made.refused if each.customer_id == customer] == ["account_changed"]
    assert customer not in {each.customer_id for each in made.debits}


def test_the_partner_can_collect_or_hears_why_not(month_end: Workspace) -> None:
    """The money of a month goes to nobody, or under another's name."""
    publish(month_end, PARTNER, "update partner set creditor_id = 'NL69ZZZ123456780000'")
    assert collect(month_end).creditor_id == "NL69ZZZ123456780000"
    publish(month_end, PARTNER, "update partner set creditor_id = null, coc_number = '1'")
    with pytest.raises(TiktellerError, match="kustlijn has no creditor id"):
        collect(month_end, on=LATER)
    with pytest.raises(TiktellerError, match="NL1 is no creditor id"):
        collect(month_end, on=LATER, again=[_first(month_end)], creditor_id="NL1")
    publish(month_end, PARTNER, "update partner set iban = null")
    with pytest.raises(TiktellerError, match="no account to collect on"):
        collect(month_end, on=LATER)


def _first(workspace: Workspace) -> str:
    with state.engine(workspace).connect() as decided:
        return decided.execute(sa.select(sa.func.min(state.collections.c.invoice_number))).scalar_one()


def test_the_command_line_writes_the_file_and_says_what_it_left_out(month_end: Workspace, tmp_path: Path) -> None:
    """A file that the bank never got, or a list of customers that nobody saw."""
    out = tmp_path / "debits.xml"
    asked = ("direct-debit", "--partner", PARTNER, "--month", MONTH, "--collect-on", "2036-12-06", "--out", str(out), "--format", "json")
    said = tikteller(month_end.root, *asked)
    debits = json.loads(said.stdout)
    assert values(out.read_bytes(), "EndToEndId") == [each["invoice_number"] for each in debits]
    total = sum(Decimal(each["amount_eur"]) for each in debits)
    assert f"{len(debits)} invoices, {total} EUR, creditor id NL20ZZZ000001010000" in said.stderr
    assert "kl-006 cannot be debited for INV15901588: invalid_iban. Fix: fix iban" in said.stderr
    assert "2036-12-06 is a Saturday: banks collect on business days, the next is 2036-12-08" in said.stderr
    before = out.read_bytes()
    said = tikteller(month_end.root, *asked)
    assert "this file was made before" in said.stderr
    assert out.read_bytes() == before
    refused = tikteller(month_end.root, *asked[:5], "--collect-on", "2020-01-01", "--out", str(out), check=False)
    assert refused.returncode == 1
    assert out.read_bytes() == before
