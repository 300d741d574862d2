"""What was declared or paid out takes nothing more: in a wrong order, money would stand in a return to which it never belonged."""

from __future__ import annotations

import csv
from datetime import date
from pathlib import Path

import pytest

from orchestration import cli, state
from orchestration.billing import closing
from orchestration.billing.vat_returns import quarter_of
from orchestration.workspace import Workspace
from tests.unit.test_cli import publish

INVOICES = {  # month -> status; nothing was invoiced in the first quarter, nor in July
    "2025-11": "draft",
    "2025-12": "approved",
    "2026-05": "approved",
    "2026-08": "approved",
    "2026-09": "credited",
    "2026-10": "approved",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "w")
    made.create(("orders",))
    rows = ", ".join(f"('c-{month}', '{month}', '{status}')" for month, status in INVOICES.items())
    publish(
        made,
        "p1",
        "create table partner as select 'p1' as partner_id, 'Europe/Amsterdam' as time_zone",
        "create table _sums (table_name varchar, content varchar)",
        "create table daily_calls as select date '2026-11-26' as call_date",
        f"create table of_months as from (values {rows}) as rows (invoice_id, month, status)",
        "create table invoices as select *, 12.10::decimal(18, 2) as gross_eur from of_months",
        "create table invoice_vat as select invoice_id, month, 'standard' as vat_category, 21::decimal(5, 2) as vat_percent, "
        "10::decimal(18, 2) as net_eur, 2.10::decimal(18, 2) as vat_eur from of_months",
        "create table commission_lines as select 'r1' as reseller_id, month, invoice_id, 'calls' as kind, "
        "5::decimal(9, 4) as commission_percent, 10::decimal(18, 2) as sale_eur, status from of_months where month >= '2026-05'",
        "create table commissions as select 'r1' as reseller_id, month, 0.50::decimal(18, 2) as commission_eur, "
        "0 as open_invoices, true as is_final from of_months where month >= '2026-05'",
    )
    return made


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TIKTELLER_STATE_URL", raising=False)
    monkeypatch.setattr(closing, "local_today", lambda _snapshot: date(2026, 11, 27))


def tried(capsys: pytest.CaptureFixture[str], workspace: Workspace, *arguments: str) -> tuple[int, str]:
    """Exit code, and what was said beside the table."""
    code = cli.main(("--workspace", str(workspace.root), *arguments, "--partner", "p1", "--no-run"))
    return code, capsys.readouterr().err


def test_quarters_are_filed_in_order_and_when_they_are_over(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """The VAT of a quarter that was passed over would be declared months late, and that of one that goes on only in part."""

    def file(quarter: str) -> tuple[int, str]:
        return tried(capsys, workspace, "vat", "file", "--quarter", quarter)

    # a slip of the year, or what was filed elsewhere before the first invoice here
    code, said = file("2025-Q3")
    assert (code, "p1 has nothing in 2025-Q3, nor before it. Fix: the first quarter with invoices is 2025-Q4" in said) == (1, True), said
    for going_on in ("2026-Q4", "2031-Q1"):
        code, said = file(going_on)
        assert (code, f"{going_on} of p1 is not over" in said) == (1, True), said
    code, said = file("2026-Q3")
    assert code == 1
    assert "2025-Q4 of p1 has invoices and was not filed" in said
    code, said = file("2025-Q4")
    assert "1 invoices of 2025-Q4 of p1 are not approved yet, such as c-2025-11" in said
    with state.deciding(workspace) as decided:  # it was filed all the same, before this was asked
        decided.execute(state.vat_returns.insert().values(partner_id="p1", quarter="2025-Q4", filed_at="", filed_by=""))
    code, said = file("2026-Q1")  # a return of nothing is a return
    assert (code, said.splitlines()[0]) == (0, "2026-Q1 of p1 was filed with nothing in it")
    assert "2025-11 still has 1 draft, 12.10 EUR" in said
    assert "2026-Q2 of p1 has invoices and was not filed" in file("2026-Q3")[1]
    assert file("2026-Q2")[0] == 0
    assert file("2026-Q3")[0] == 0
    code, said = file("2026-Q3")
    assert (code, "the VAT of 2026-Q3 of p1 was filed before" in said) == (1, True), said
    assert "the VAT of 2026-Q2 of p1 was filed before. Fix" in file("2026-Q2")[1]


def test_a_quarter_behind_one_that_was_filed_is_not_filed_any_more(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """What there is of it stands in the later return already: noted for the earlier one as well, it would be declared twice."""
    with state.deciding(workspace) as decided:
        decided.execute(state.vat_returns.insert().values(partner_id="p1", quarter="2026-Q3", filed_at="", filed_by=""))
    code, said = tried(capsys, workspace, "vat", "file", "--quarter", "2026-Q2")
    assert code == 1
    assert "the VAT of 2026-Q3 of p1 was filed before, and with it what there was of 2026-Q2" in said


def test_statements_are_settled_in_order_and_when_their_month_is_over(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """A reseller would be paid for October, and for May months later or never, with nobody knowing why."""

    def settle(month: str, *resellers: str) -> tuple[int, str]:
        return tried(capsys, workspace, "commissions", "settle", *resellers, "--month", month)

    for month in ("2026-11", "2027-01"):
        assert f"{month} of p1 is not over" in settle(month)[1]
    code, said = settle("2026-08")
    assert (code, "2026-05 of r1 has invoices and was not settled" in said) == (1, True), said
    assert "commissions settle --partner p1 --month 2026-05" in said
    for month in ("2026-05", "2026-08", "2026-09"):
        assert settle(month, "r1", "r1")[0] == 0
    assert "no statement of p1 for 2026-05 is left to settle" in settle("2026-05")[1]
    with state.deciding(workspace) as decided:
        decided.execute(state.commission_statements.delete().where(state.commission_statements.c.month == "2026-08"))
    code, said = settle("2026-08")
    assert (code, "2026-09 of r1 was settled before, and with it what there was of 2026-08" in said) == (1, True), said


@pytest.mark.parametrize("command", [("vat", "file", "--quarter", "2025-Q4"), ("commissions", "settle", "--month", "2026-05")])
def test_what_was_decided_since_is_published_first(
    workspace: Workspace, command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A credit note of a minute ago would not stand in the return that is declared, nor be taken off the commission that is paid."""
    with state.deciding(workspace) as decided:
        state.note(decided, "credit", "p2", "W1")
        state.note(decided, "credit", "p1", "N1")
    code, said = tried(capsys, workspace, *command)
    assert code == 1
    assert "1 invoice or credit note was made since p1 was published. Fix: tikteller run, then again" in said


def test_a_return_says_how_many_of_its_invoices_are_drafts(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """Amounts that nobody has approved yet would be declared as if they were final."""
    found = {}
    for quarter in ("2025-Q4", "2026-Q3"):
        asked = ("vat", "list", "--partner", "p1", "--quarter", quarter, "--format", "csv")
        assert cli.main(("--workspace", str(workspace.root), *asked)) == 0
        (row,) = csv.DictReader(capsys.readouterr().out.splitlines())
        found[quarter] = (row["invoices"], row["drafts"], row["net_eur"], row["vat_eur"])
    assert found == {"2025-Q4": ("2", "1", "20.00", "4.20"), "2026-Q3": ("2", "0", "20.00", "4.20")}


def test_a_quarter_is_that_of_its_months() -> None:
    """An invoice of March in the return of April."""
    assert [quarter_of(f"2026-{month:02d}") for month in (1, 3, 4, 6, 7, 9, 10, 12)] == [f"2026-Q{n}" for n in (1, 1, 2, 2, 3, 3, 4, 4)]
