"""The rated calls stand in a file for each partner: in the right one, all of them, and once."""

from __future__ import annotations

import duckdb

from orchestration import warehouse
from orchestration.landing import ledger
from orchestration.landing.ingest import ingest
from orchestration.workspace import Workspace
from tests.models.conftest import failures, run_dbt


def test_partners_whose_names_are_nearly_the_same_have_a_file_each(new_workspace: Workspace) -> None:
    """A partner would see the calls of another: databases do not tell A from a, and a file's name ends at its last point."""
    _land(
        new_workspace, "partners", "partner_id,name,tier,deck_id", "Ab.c,One,premium,deck", "ab.C,Two,premium,deck", "ab,Three,premium,deck"
    )
    _land(new_workspace, "customers", "customer_id,partner_id,name", "C,Ab.c,C", "D,ab.C,D")
    _land(new_workspace, "accounts", "account,customer_id", "c,C", "d,D")
    header = "call_id,account,caller,callee,started_at,duration_s"
    _land(
        new_workspace,
        "cdrs/standard",
        header,
        *(f"{call},{call[0]},1,0301234567,2026-10-05T23:50:00+02:00,60" for call in ("c1", "d1", "d2")),
    )
    _build(new_workspace)
    assert _calls_by_file(new_workspace) == {"Ab.c": [("Ab.c", "c1")], "ab.C": [("ab.C", "d1"), ("ab.C", "d2")], "ab": []}

    _land(
        new_workspace,
        "cdrs/standard",
        header,
        "c2,c,1,0301234567,2026-10-05T23:51:00+02:00,60",
        "d2,d,1,0301234567,2026-10-07T10:00:00+02:00,60",
    )
    _build(new_workspace)
    assert _calls_by_file(new_workspace) == {"Ab.c": [("Ab.c", "c1"), ("Ab.c", "c2")], "ab.C": [("ab.C", "d1"), ("ab.C", "d2")], "ab": []}
    with warehouse.connect(new_workspace, read_only=True) as connection:
        assert connection.execute("select call_id from marts.calls order by 1").fetchall() == [("c1",), ("c2",), ("d1",), ("d2",)]


def test_without_a_partner_there_are_no_calls_and_no_error(new_workspace: Workspace) -> None:
    """A new platform could not run before its first partner has landed."""
    _build(new_workspace)
    with warehouse.connect(new_workspace, read_only=True) as connection:
        assert connection.execute("select count(*), sum(sale_eur) from marts.calls").fetchone() == (0, None)


def _land(workspace: Workspace, feed: str, header: str, *rows: str) -> None:
    folder = workspace.feed(feed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{len(list(folder.iterdir()))}.csv").write_text("\n".join((header, *rows)) + "\n")


def _build(workspace: Workspace) -> None:
    with warehouse.connect(workspace) as connection:
        ledger.create_raw(connection)
        workspace.landing.mkdir(exist_ok=True)
        ingest(workspace, connection, "now")
    results = run_dbt(workspace, "build", "--select", "+calls", "--resource-type", "model", "--resource-type", "seed")
    assert not failures(results), "\n".join(failures(results))


def _calls_by_file(workspace: Workspace) -> dict[str, list[tuple[str, str]]]:
    found = {}
    for file in workspace.rated.glob("*.duckdb"):
        with duckdb.connect(str(file), read_only=True) as partner:
            found[file.stem] = partner.execute("select partner_id, call_id from calls order by 2").fetchall()
    return found
