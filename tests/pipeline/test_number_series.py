"""Fails if a number is given twice, left out or taken from another series: the tax office asks for every one of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration import state
from orchestration.billing.number_series import locked_numbers
from orchestration.state import contents
from orchestration.workspace import Workspace
from tests.pipeline.clerks import CLERKS, at_once
from tests.postgres import running_postgres

EACH = 25


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """Decisions in SQLite or in PostgreSQL; none yet."""
    if request.param == "sqlite":
        yield Workspace(tmp_path / "workspace")
        return
    with running_postgres() as url:
        monkeypatch.setenv("TIKTELLER_STATE_URL", url)
        yield Workspace(tmp_path / "workspace")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def settings(prefix: str, last: int, suffix: str = "", length: int = 0, partner: str = "P") -> dict[str, object]:
    return {
        "partner_id": partner,
        "invoice_prefix": prefix,
        "invoice_suffix": suffix,
        "invoice_number_length": length,
        "last_invoice_number": last,
    }


def give(workspace: Workspace, count: int, partner: dict[str, object]) -> tuple[list[str], list[str]]:
    """The numbers of so many invoices, approved in one transaction, and the remarks."""
    with state.deciding(workspace) as decided:
        numbers = locked_numbers(decided, partner)
        made = []
        for _ in range(count):
            made.append(numbers.following())
            store(decided, partner, made[-1])
    return made, numbers.remarks


def store(decided: sa.Connection, partner: dict[str, object], number: str) -> None:
    """An invoice with that number, as far as numbers go."""
    texts = dict.fromkeys(("kind", "customer_id", "month", "issued_on", "due_on", "content_sha256", "approved_by"), "")
    content = json.dumps(
        {
            "invoice": dict.fromkeys(contents.FIRST_INVOICE_KEYS, ""),
            "lines": [],
            "partner": partner | {"country": "NL", "time_zone": "Europe/Amsterdam"},
            "customer": {},
            "country_names": {},
        }
    )
    of_partner = {"partner_id": partner["partner_id"], "invoice_number": number, "invoice_id": f"{partner['partner_id']} {number}"}
    decided.execute(state.invoices.insert().values(**texts, **of_partner, content=content, approved_at=state.now()))


def _give_each(workspace: Workspace) -> list[str]:
    """Half of the clerks' work in one series and half in the other, whose texts are the same: F1 and 1 is F and 11."""
    return [number for turn in range(EACH) for number in give(workspace, 1, settings("F1", 0) if turn % 2 else settings("F", 10))[0]]


def test_clerks_who_approve_at_once_in_two_series_leave_no_gap_and_no_number_twice(anywhere: Workspace, tmp_path: Path) -> None:
    """Two customers would get one number, or a number would be missing in the books."""
    given = [number for numbers in at_once(anywhere, _give_each, tmp_path / "clerks") for number in numbers]
    assert len(given) == len(set(given)) == CLERKS * EACH
    assert all(number.startswith("F1") or int(number[1:]) > 10 for number in given)
    with state.engine(anywhere).connect() as decided:
        series = {row.prefix: row.last_number for row in decided.execute(sa.select(state.number_series))}
    # every number of a series up to its last was given, by it or by the other
    assert {f"F{each}" for each in range(11, series["F"] + 1)} <= set(given)
    assert {f"F1{each}" for each in range(1, series["F1"] + 1)} <= set(given)


def test_a_prefix_is_a_series_of_its_own_and_no_text_is_given_twice(workspace: Workspace) -> None:
    """Approval would end in an error of the database, with the customers' data in it, or F21 would be two invoices."""
    assert give(workspace, 5, settings("F2", 0))[0] == ["F21", "F22", "F23", "F24", "F25"]
    numbers, remarks = give(workspace, 3, settings("F", 20))
    assert numbers == ["F26", "F27", "F28"]
    assert remarks == ["first number of series F of P: F26", "F21 to F25 left out: given before, in another series of P"]
    numbers, remarks = give(workspace, 2, settings("F2", 0))
    assert numbers == ["F29", "F210"]
    assert remarks == ["F26 to F28 left out: given before, in another series of P"]
    assert give(workspace, 1, settings("f ", 25))[0] == ["f 30"], "who pays does not tell f 26 from F26"
    assert give(workspace, 1, settings("F", 20, partner="Q"))[0] == ["F21"], "another partner's numbers are its own"


def test_a_new_year_begins_at_one_and_says_so(workspace: Workspace) -> None:
    """The first invoice of 2027 would be 2027-4713, and nobody would know why."""
    assert give(workspace, 2, settings("2026-", 4710))[0] == ["2026-4711", "2026-4712"]
    assert give(workspace, 2, settings("2027-", 0, length=4)) == (
        ["2027-0001", "2027-0002"],
        ["first number of series 2027- of P: 2027-0001"],
    )
    assert give(workspace, 1, settings("2026-", 4710)) == (["2026-4713"], [])
    assert give(workspace, 1, settings("", 0, suffix="/27")) == (["1/27"], ["first number of series .../27 of P: 1/27"])


def test_a_series_moves_forward_and_never_back_and_not_in_silence(workspace: Workspace) -> None:
    """A number would be given twice, or a hundred would be missing and nobody could say why."""
    assert give(workspace, 2, settings("INV", 10)) == (["INV11", "INV12"], ["first number of series INV of P: INV11"])
    assert give(workspace, 1, settings("INV", 10)) == (["INV13"], [])
    moved = "series INV of P goes on at INV101; partners.last_invoice_number moves it on from INV13"
    assert give(workspace, 1, settings("INV", 100)) == (["INV101"], [moved])
    ignored = "series INV of P goes on at INV102; partners.last_invoice_number 50 is ignored: INV101 was given"
    assert give(workspace, 1, settings("INV", 50)) == (["INV102"], [ignored])
    assert give(workspace, 1, settings("INV", 50)) == (["INV103"], [])
    with state.engine(workspace).connect() as decided:
        audit = decided.execute(sa.select(state.audit.c.detail).where(state.audit.c.action == "number_series")).scalars().all()
    assert audit == ["first number of series INV of P: INV11", moved, ignored]


def test_a_series_that_was_counted_the_old_way_goes_on(workspace: Workspace) -> None:
    """After the update the numbers of the whole year would be given again."""
    with state.deciding(workspace) as decided:
        store(decided, settings("INV", 10), "INV11")
        decided.execute(state.invoice_sequences.insert().values(partner_id="P", last_number=15))  # moved on before, as it could be
    assert give(workspace, 2, settings("INV", 10)) == (["INV16", "INV17"], [])
    assert give(workspace, 1, settings("2027-", 0)) == (["2027-1"], ["first number of series 2027- of P: 2027-1"])
