"""A customer, an account or a number is released to a row that waits for it: a slip would give away another one, or nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from orchestration import cli, state
from orchestration.errors import TiktellerError
from orchestration.landing.key_releases import release
from orchestration.workspace import PLATFORM, Workspace
from tests.unit.test_cli import publish

ROWS = [
    ("p2", "customers", "customer_of_another_partner", '{"customer_id":"c1","valid_from":"2026-11-01"}'),
    ("p2", "customers", "customer_of_another_partner", '{"customer_id":"c2","valid_from":null}'),
    ("p2", "customers", "missing_name", '{"customer_id":"c3","valid_from":"2026-11-01"}'),
    ("p1", "customers", "customer_of_another_partner", '{"customer_id":"c4","valid_from":"2026-11-01"}'),
    (None, "numbers", "number_of_another_partner", '{"first_number":"+31202000000","valid_from":null}'),
]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.delenv("TIKTELLER_STATE_URL", raising=False)
    made = Workspace(tmp_path / "w")
    made.create(("customers",))
    rows = ", ".join(str(tuple("" if value is None else value for value in row)) for row in ROWS)
    for partner in ("p1", "p2"):
        publish(made, partner, "create table customers as select 1 as customer_id")
    publish(
        made,
        PLATFORM,
        f"create table quarantine as select nullif(partner_id, '') as partner_id, feed, reason, raw "
        f"from (values {rows}) as rows (partner_id, feed, reason, raw)",
    )
    return made


@pytest.mark.parametrize(
    ("feed", "key", "day", "told"),
    [
        ("customers", "c9", date(2026, 11, 1), "no row of p2 waits for customer_id 'c9'. Fix: what of customers waits for it: c1, c2 "),
        ("customers", "c3", date(2026, 11, 1), "no row of p2 waits for customer_id 'c3'"),
        ("customers", "c4", date(2026, 11, 1), "no row of p2 waits for customer_id 'c4'"),
        ("accounts", "c1", date(2026, 11, 1), "no row of p2 waits for account 'c1'. Fix: what of accounts waits for it: none"),
        ("customers", "c1", date(2026, 11, 2), "is valid from 2026-11-01: released from 2026-11-02 on, it would wait as before"),
        ("customers", "c2", date(2026, 11, 1), "has no valid_from"),
        ("customers", "c1", date(1, 1, 1), "0001-01-01 is no day on which it can begin"),
    ],
)
def test_what_does_not_wait_is_not_released(workspace: Workspace, feed: str, key: str, day: date, told: str) -> None:
    """A slip in an id is noted as done; the customer stays where it is, and the next row of that id is taken without a question."""
    with pytest.raises(TiktellerError) as refused:
        release(workspace, feed, key, "p2", day)
    assert told in str(refused.value)
    with state.engine(workspace).connect() as decided:
        assert not decided.execute(sa.select(state.key_releases)).fetchall()


def test_what_waits_is_released_and_its_day_may_be_fixed(workspace: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    """A customer could never move."""
    command = ("--workspace", str(workspace.root), "release", "customers", "c1", "--to", "p2", "--no-run", "--from")
    assert cli.main((*command, "2026-11-01")) == 0
    assert cli.main((*command, "0001-01-01")) == 1
    assert "Fix: give --from the valid_from of the row that waits" in capsys.readouterr().err
    release(workspace, "customers", "c1", "p2", date(2026, 10, 1))
    release(workspace, "numbers", "+31202000000", "p2", date(2026, 11, 1))
    with state.engine(workspace).connect() as decided:
        released = decided.execute(sa.select(state.key_releases.c.key, state.key_releases.c.released_from).order_by("key")).fetchall()
    assert [tuple(row) for row in released] == [("+31202000000", "2026-11-01"), ("c1", "2026-10-01")]
