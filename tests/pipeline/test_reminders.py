"""Fails if somebody is dunned who paid, twice, for another amount than he owes or not at all; or if the letter cannot be shown again."""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from pypdf import PdfReader

from orchestration import state
from orchestration.billing.approving import approve
from orchestration.billing.crediting import credit
from orchestration.errors import TiktellerError
from orchestration.receivables import dunning
from orchestration.receivables.collecting import direct_debits
from orchestration.receivables.dunning import Notice, file_letters, notices, send, told
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.altering import pay, publish
from tests.pipeline.clerks import at_once
from tests.pipeline.conftest import published_copy
from tests.pipeline.readers import ask

PARTNER, MONTH, NEXT_MONTH = "kustlijn", "2026-09", "2026-10"
ISSUED = date(2026, 10, 1)
DUE = date(2026, 10, 15)
REMINDED = date(2026, 10, 16)
NOTICED = REMINDED + timedelta(days=15)
FIRST = "INV15901583"
"""Of kl-001; the demo pays 3.31 and 1.88 of it."""
CONSUMER = "kl-057"


@pytest.fixture(scope="module")
def approved_once(demo_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = published_copy(demo_workspace, tmp_path_factory.mktemp("approved") / "workspace")
    approve(workspace, PARTNER, MONTH, issued_on=ISSUED)
    return workspace


@pytest.fixture
def month_end(approved_once: Workspace, tmp_path: Path) -> Workspace:
    """September approved on October 1, to be paid by October 15."""
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(approved_once.root, workspace.root, symlinks=True)
    return workspace


def by_customer(found: list[Notice], status: str) -> dict[str, Notice]:
    return {each.customer_id: each for each in found if each.status == status}


def numbers(found: list[Notice], status: str) -> list[str]:
    return sorted(number for each in found if each.status == status for number in each.invoice_numbers)


def text(path: Path) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(path.read_bytes())).pages).split())


def _send(workspace: Workspace) -> list[tuple[str, str]]:
    sent = send(workspace, PARTNER, REMINDED)
    return [(each.kind, number) for each in sent if each.status == "written" for number in each.invoice_numbers]


def test_a_letter_makes_no_run_necessary(month_end: Workspace) -> None:
    """Half a minute of everything built again, for letters that no table shows; the approval did ask for a run."""
    approved = state.version(month_end)
    assert approved > 0
    assert numbers(send(month_end, PARTNER, REMINDED), "written")
    assert state.version(month_end) == approved


def test_clerks_who_send_at_once_write_to_nobody_twice(decisive: Workspace, tmp_path: Path) -> None:
    """A customer with two letters of one day believes neither."""
    approved = approve(decisive, PARTNER, MONTH, issued_on=ISSUED).approved
    written = [each for letters in at_once(decisive, _send, tmp_path / "clerks") for each in letters]
    assert sorted(written) == [("reminder", each.invoice_number) for each in approved]
    with state.engine(decisive).connect() as decided:
        kept = decided.execute(sa.select(state.letters.c.path, state.letters.c.pdf_sha256)).fetchall()
    assert {
        path.relative_to(decisive.documents).as_posix(): state.sha256(path.read_bytes()) for path in decisive.documents.rglob("*.pdf")
    } == dict(kept)
    assert len(kept) == len(approved)


def test_each_letter_has_its_day_and_comes_once(month_end: Workspace) -> None:
    """Who has time left is dunned, or who was dunned is dunned again."""
    assert not send(month_end, PARTNER, DUE), "the last day to pay is in time"
    assert notices(month_end, PARTNER, REMINDED) == notices(month_end, PARTNER, REMINDED)
    reminded = send(month_end, PARTNER, REMINDED)
    assert {(each.kind, each.status) for each in reminded} == {("reminder", "written")}
    assert {each.pay_by for each in reminded} == {date(2026, 10, 30)}
    for day in (REMINDED, NOTICED - timedelta(days=1)):
        assert {(each.kind, each.status) for each in send(month_end, PARTNER, day)} == {("formal_notice", "waiting")}
    noticed = send(month_end, PARTNER, NOTICED)
    assert {(each.kind, each.status) for each in noticed} == {("formal_notice", "written")}
    assert numbers(noticed, "written") == numbers(reminded, "written")
    assert {each.status for each in send(month_end, PARTNER, date(2027, 6, 1))} == {"done"}


def test_who_paid_is_asked_for_nothing_and_who_paid_a_part_for_the_rest(month_end: Workspace) -> None:
    """The customer shows the bank statement, and is right: whatever day stands beside the payment, and whatever was credited."""
    gross = {each.invoice_number: each.open_eur for each in (row for one in notices(month_end, PARTNER, REMINDED) for row in one.invoices)}
    first, second, third, fourth, fifth = [number for number, open_eur in gross.items() if open_eur > 10][1:6]
    pay(month_end, PARTNER, first, gross[first], DUE)
    pay(month_end, PARTNER, second, gross[second], date(2026, 12, 24))  # the bank's day lies ahead
    pay(month_end, PARTNER, third, gross[third] - 5, DUE)
    pay(month_end, PARTNER, fifth, gross[fifth] - Decimal("4.99"), DUE)
    credit(month_end, PARTNER, fourth, "never delivered", issued_on=date(2026, 10, 2))
    sent = {number: each for each in send(month_end, PARTNER, REMINDED) for number in each.invoice_numbers}
    assert sent.keys() == gross.keys() - {first, second, fourth}
    assert (sent[third].open_eur, sent[third].status) == (5, "written")
    assert (sent[fifth].open_eur, sent[fifth].status, sent[fifth].reason) == (Decimal("4.99"), "waiting", "too_little")
    ((invoiced,),) = ask(month_end, PARTNER, "select gross_eur from invoices where invoice_id = 'kl-001-2026-09'")
    assert sent[FIRST].open_eur == invoiced - Decimal("3.31") - Decimal("1.88")
    # paid after the reminder: no formal notice
    pay(month_end, PARTNER, third, Decimal(5), NOTICED)
    assert third not in numbers(send(month_end, PARTNER, NOTICED), "written")


def test_no_letter_goes_out_for_less_than_the_partner_says(month_end: Workspace) -> None:
    """A formal notice asks 40.01 for a cent, and costs more than it brings."""
    publish(month_end, PARTNER, "update partner set least_letter_eur = 1000000")
    assert {(each.status, each.reason) for each in send(month_end, PARTNER, REMINDED)} == {("waiting", "too_little")}
    publish(month_end, PARTNER, "update partner set least_letter_eur = 0")
    asked = {number: each for each in send(month_end, PARTNER, REMINDED) for number in each.invoice_numbers}
    assert {each.status for each in asked.values()} == {"written"}
    publish(month_end, PARTNER, "update partner set least_letter_eur = 5")
    pay(month_end, PARTNER, FIRST, asked[FIRST].open_eur - Decimal("0.01"), NOTICED)
    noticed = {number: each for each in send(month_end, PARTNER, NOTICED) for number in each.invoice_numbers}
    assert (noticed[FIRST].kind, noticed[FIRST].status) == ("formal_notice", "waiting")


def test_a_business_is_asked_for_costs_and_a_consumer_is_not(month_end: Workspace) -> None:
    """Costs that the law does not allow are struck out by a court, all of them."""
    send(month_end, PARTNER, REMINDED)
    written = by_customer(send(month_end, PARTNER, NOTICED), "written")
    business, consumer = written["kl-001"], written[CONSUMER]
    costs = max(Decimal(40), (business.open_eur * 15 / 100).quantize(Decimal("0.01")))  # below 2,500
    assert (business.costs_eur, business.asked_eur) == (costs, business.open_eur + costs)
    assert business.pay_by == NOTICED + timedelta(days=14)
    page = text(month_end.documents / (business.path or ""))
    assert f"{business.asked_eur:,.2f}".replace(",", "_").replace(".", ",").replace("_", ".") in page
    assert "aanmaningen@kustlijn.example" in page
    assert (consumer.asked_eur, consumer.costs_eur) == (consumer.open_eur, Decimal(40))
    assert consumer.pay_by == NOTICED + timedelta(days=18), "fourteen days from the day after it is delivered at the latest"
    page = text(month_end.documents / (consumer.path or ""))
    assert "Mevrouw T. Duinstra Demo" in page
    assert "veertien dagen" in page
    assert "incassokosten betalen: € 40,00" in page


def test_a_letter_that_was_decided_is_written_though_somebody_pulls_the_plug(month_end: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state says that a letter went out, and there is none: the customer never hears of it."""

    def unplugged(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(dunning.letters, "letter_pdf", unplugged)
        with pytest.raises(KeyboardInterrupt):
            send(month_end, PARTNER, REMINDED)
    assert {each.status for each in notices(month_end, PARTNER, REMINDED)} == {"due"}, "nothing was decided, nothing is lost"
    expected = send_elsewhere(month_end, REMINDED)
    with monkeypatch.context() as broken:
        broken.setattr(dunning, "write_whole", unplugged)
        with pytest.raises(KeyboardInterrupt):
            send(month_end, PARTNER, REMINDED)
    assert not list(month_end.documents.rglob("*.pdf"))
    publish(month_end, PARTNER, "update customers set street = 'Nieuwe kade 1'")
    assert {each.status for each in send(month_end, PARTNER, REMINDED + timedelta(days=3))} == {"waiting"}
    written = {path.relative_to(month_end.documents): path.read_bytes() for path in month_end.documents.rglob("*.pdf")}
    assert written == expected, "the same bytes, also days later and to the address of then"
    gone = next(month_end.documents.rglob("*.pdf"))
    gone.unlink()
    send(month_end, PARTNER, REMINDED + timedelta(days=3))
    assert not gone.exists(), "who put letters away does not find them again"
    assert file_letters(month_end, PARTNER, missing=True) == 1
    assert gone.read_bytes() == expected[gone.relative_to(month_end.documents)]


def send_elsewhere(workspace: Workspace, day: date) -> dict[Path, bytes]:
    """What sending writes, on a copy."""
    copy = Workspace(workspace.root.with_name("copy"))
    shutil.copytree(workspace.root, copy.root, symlinks=True)
    send(copy, PARTNER, day)
    return {path.relative_to(copy.documents): path.read_bytes() for path in copy.documents.rglob("*.pdf")}


@pytest.mark.parametrize(
    ("reminders", "formal_notices", "first", "then"),
    [
        (True, False, ("reminder", "written"), ("formal_notice", "off")),
        (False, True, ("formal_notice", "waiting"), ("formal_notice", "written")),
        (False, False, ("reminder", "off"), ("reminder", "off")),
    ],
)
def test_a_partner_sends_only_the_letters_that_it_wants(
    month_end: Workspace, reminders: bool, formal_notices: bool, first: tuple[str, str], then: tuple[str, str]
) -> None:
    """Letters go out in the name of a partner who calls its customers instead; or nobody is told that none go out."""
    publish(month_end, PARTNER, "update partner set send_reminders = ?, send_formal_notices = ?", reminders, formal_notices)
    found = send(month_end, PARTNER, REMINDED)
    assert {(each.kind, each.status) for each in found} == {first}
    found = send(month_end, PARTNER, NOTICED)
    assert {(each.kind, each.status) for each in found} == {then}
    lines = list(told(PARTNER, found))
    if then[1] == "off":
        total = sum((each.open_eur for each in found), Decimal(0))
        what, count = then[0].replace("_", " "), len(found)
        assert lines == [
            f"kustlijn sends no {what}s (partners.send_{then[0]}s): {count} customers would get one, {count} invoices, {total} EUR"
        ]
    else:
        assert not lines


def test_terms_are_the_partner_s(month_end: Workspace) -> None:
    """A partner who gives a month is made to look as if it gave a fortnight."""
    publish(month_end, PARTNER, "update partner set reminder_days = 30, formal_notice_days = 8")
    assert {each.pay_by for each in send(month_end, PARTNER, REMINDED)} == {date(2026, 11, 15)}
    assert not numbers(send(month_end, PARTNER, date(2026, 11, 15)), "written")
    written = by_customer(send(month_end, PARTNER, date(2026, 11, 16)), "written")
    assert written["kl-001"].pay_by == date(2026, 11, 24)
    assert written[CONSUMER].pay_by == date(2026, 12, 4), "a consumer's fourteen days are the law's"
    publish(month_end, PARTNER, "update partner set reminder_days = 0")
    with pytest.raises(TiktellerError, match=r"partners\.reminder_days of kustlijn is 0"):
        send(month_end, PARTNER, NOTICED)


def test_what_cannot_be_sent_is_held_and_told(month_end: Workspace) -> None:
    """A letter without an address comes back, and the clerk believes that it went; who has money to come is asked for money."""
    approve(month_end, PARTNER, NEXT_MONTH, issued_on=date(2026, 10, 2), before_month_end=True)
    open_eur = {each.customer_id: each for each in notices(month_end, PARTNER, date(2026, 10, 17))}
    publish(month_end, PARTNER, "update customers set postal_code = null where customer_id = 'kl-002'")
    pay(month_end, PARTNER, _number_of(month_end, "kl-003", MONTH), Decimal(5000), DUE)
    found = send(month_end, PARTNER, date(2026, 10, 17))
    held = by_customer(found, "held")
    assert {customer: each.reason for customer, each in held.items()} == {"kl-002": "no_address", "kl-003": "credit"}
    assert held["kl-002"].open_eur == open_eur["kl-002"].open_eur
    assert not {"kl-002", "kl-003"} & by_customer(found, "written").keys()
    lines = "\n".join(told(PARTNER, found))
    assert "kl-002 gets no reminder for INV" in lines
    assert "no_address. Fix: land street, postal_code and city in feed customers" in lines
    publish(month_end, PARTNER, "update customers set postal_code = '1234 AB' where customer_id = 'kl-002'")
    assert set(by_customer(send(month_end, PARTNER, date(2026, 10, 17)), "written")) == {"kl-002"}


def _number_of(workspace: Workspace, customer_id: str, month: str) -> str:
    with state.engine(workspace).connect() as decided:
        table = state.invoices
        query = sa.select(table.c.invoice_number).where(table.c.customer_id == customer_id, table.c.month == month)
        return decided.execute(query).scalar_one()


def test_who_is_being_debited_is_not_asked_to_transfer(month_end: Workspace) -> None:
    """The customer pays twice: once by debit and once because a letter asks it."""
    made = direct_debits(month_end, PARTNER, MONTH, date(2027, 1, 4))
    debited = {each.invoice_number for each in made.debits}
    assert debited
    found = notices(month_end, PARTNER, date(2027, 1, 11))
    assert set(numbers(found, "waiting")) == debited
    assert {each.reason for each in found if each.status == "waiting"} == {"collected"}
    assert debited <= set(numbers(notices(month_end, PARTNER, date(2027, 1, 12)), "due"))


def test_nothing_is_sent_while_payments_wait(month_end: Workspace) -> None:
    """Who paid yesterday is dunned today, because nobody ran the pipeline in between."""
    file = month_end.landing / "payments" / "today.csv"
    file.parent.mkdir()
    file.write_text(f"invoice_number,paid_on,amount_eur\n{FIRST},2026-10-16,1.00\n")
    with pytest.raises(TiktellerError, match=r"payments wait in landing \(payments/today.csv\)"):
        send(month_end, PARTNER, REMINDED)
    with pytest.raises(TiktellerError, match="payments wait in landing"):
        direct_debits(month_end, PARTNER, MONTH, date(2027, 1, 4))
    assert notices(month_end, PARTNER, REMINDED)
    said = tikteller(month_end.root, "reminders", "--partner", PARTNER, "--as-of", f"{REMINDED}")
    assert "payments wait in landing" in said.stderr
    assert "nothing is written yet: add --send" in said.stderr


def test_the_state_says_who_wrote(month_end: Workspace) -> None:
    """Nobody could say afterwards who threatened a customer with costs."""
    sent = by_customer(send(month_end, PARTNER, REMINDED), "written")
    with state.engine(month_end).connect() as decided:
        rows = decided.execute(sa.select(state.audit).where(state.audit.c.action == "reminder")).fetchall()
    assert Counter(row.subject for row in rows) == Counter(sent.keys())
    assert all(row.who and row.partner_id == PARTNER for row in rows)
    assert {row.detail for row in rows if row.subject == "kl-001"} == {f"{FIRST}: {sent['kl-001'].open_eur} EUR"}


def test_what_landed_and_ran_is_what_is_asked_and_what_finance_exports(demo_workspace: Workspace, tmp_path: Path) -> None:
    """Finance and the letters would name two amounts for one debt. From the file of payments to the letter, by the command line."""
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root, symlinks=True)
    tikteller(workspace.root, "invoices", "approve", "--partner", PARTNER, "--month", MONTH, "--date", f"{ISSUED}", "--no-run")
    number = "INV15901584"
    ((gross,),) = ask(workspace, PARTNER, "select gross_eur from invoices where invoice_id = 'kl-002-2026-09'")
    paid = workspace.landing / "payments" / "bank.csv"
    paid.write_text(f"invoice_number,paid_on,amount_eur\n{number},2026-10-30,{gross - 6}\nINV15901585,2026-10-30,9999.00\n")
    tikteller(workspace.root, "run")
    day = "2026-10-31"
    exported = tmp_path / "ageing.csv"
    tikteller(workspace.root, "export", "ageing", "--partner", PARTNER, "--as-of", day, "--out", str(exported))
    with exported.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["customer_id"]]
    overdue = {row["customer_id"]: sum(Decimal(row[f"days_{part}_eur"]) for part in ("1_30", "31_60", "61_90", "over_90")) for row in rows}
    asked = ("reminders", "--partner", PARTNER, "--as-of", day, "--format", "json")
    listed = json.loads(tikteller(workspace.root, *asked, "--all").stdout)
    assert {row["customer_id"]: Decimal(row["open_eur"]) for row in listed} == {
        customer: open_eur for customer, open_eur in overdue.items() if open_eur
    }
    assert [row["open_eur"] for row in listed if row["invoices"] == number] == ["6.00"]
    assert "INV15901585" not in {row["invoices"] for row in listed}
    sent = json.loads(tikteller(workspace.root, *asked, "--send").stdout)
    asked_for = [row for row in listed if row["reason"] != "too_little"]
    assert [(row["invoices"], row["open_eur"]) for row in sent] == [(row["invoices"], row["open_eur"]) for row in asked_for]
    assert all((workspace.documents / row["path"]).is_file() for row in sent)
    assert json.loads(tikteller(workspace.root, *asked, "--send").stdout) == []
    status = json.loads(tikteller(workspace.root, "status", "--format", "json").stdout)
    (told_by_status,) = (row for row in status["overdue"] if row["partner_id"] == PARTNER)
    assert Decimal(told_by_status["overdue_eur"]) == sum(overdue.values())


def test_nobody_is_written_to_from_the_future(approved_once: Workspace) -> None:
    """Who pays in time would be dunned all the same, by a letter that cannot be taken back."""
    tomorrow = f"{date.today() + timedelta(days=1)}"
    done = tikteller(approved_once.root, "reminders", "--partner", PARTNER, "--as-of", tomorrow, "--send", check=False)
    assert done.returncode == 2
    assert "still to come" in done.stderr
    assert not list(approved_once.root.rglob("letters/*.pdf"))
