"""A backup is the state as it was at one moment, whole; damage is found; what is restored is the same state, in either database."""

from __future__ import annotations

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from orchestration import cli, state
from orchestration.billing.number_series import locked_numbers
from orchestration.billing.storing import keep_logo, store
from orchestration.errors import TiktellerError
from orchestration.state import backup, migrations
from orchestration.state import store as opening
from orchestration.state.checking import check
from orchestration.state.series import begun, missing_numbers, moved_on
from orchestration.workspace import Workspace
from tests.unit.documents import LOGO
from tests.unit.test_contents import INVOICE, of_today
from tests.unit.test_invoices_judged import PARTNER
from tests.unit.test_migrations import as_released, make_as_released

LEAF_OF_INDEX = 0x0A  # the first byte of such a page, as SQLite documents it
CALLS = b"PAR1 the calls " + bytes(range(256)) * 200


def decide(workspace: Workspace, turn: int) -> None:
    """One approval: its number, its freeze, its invoice and a line in the audit, in one transaction."""
    with state.deciding(workspace) as decided:
        number = locked_numbers(decided, PARTNER).following()
        calls = CALLS + str(turn).encode()
        freeze = state.freezes.insert().values(
            partner_id="noord", month="2026-10", occasion="approval", snapshot="s", made_at=state.now(), made_by="finance",
            calls=calls, calls_sha256=state.sha256(calls), charges=b"charges", charges_sha256=state.sha256(b"charges"),
        )  # fmt: skip
        freeze_id = decided.execute(freeze).inserted_primary_key[0]
        customer = f"c{turn}"
        month = {"partner_id": "noord", "customer_id": customer, "month": "2026-10", "freeze_id": freeze_id}
        decided.execute(state.frozen_months.insert().values(**month))
        content = of_today()
        content["invoice"] |= {"invoice_number": number, "invoice_id": f"{customer}-2026-10", "customer_id": customer}
        content["logo_sha256"] = keep_logo(decided, LOGO)
        store(
            decided, INVOICE | {"invoice_number": number, "invoice_id": f"{customer}-2026-10", "customer_id": customer}, json.dumps(content)
        )
        state.note(decided, "approve", "noord", number)


def write_letter(workspace: Workspace) -> None:
    with state.deciding(workspace) as decided:
        pdf = b"%PDF a letter"
        letter = dict.fromkeys((column.name for column in state.letters.columns if column.name != "letter_id"), "")
        letter |= {"partner_id": "noord", "customer_id": "c1", "kind": "reminder", "written_on": "2026-12-01", "filed_at": None}
        decided.execute(state.letters.insert().values(letter | {"pdf": pdf, "pdf_sha256": state.sha256(pdf)}))
        debits = dict.fromkeys((column.name for column in state.collection_files.columns), "")
        debits |= {"partner_id": "noord", "message_id": "M1", "content": b"<Document/>", "content_sha256": state.sha256(b"<Document/>")}
        decided.execute(state.collection_files.insert().values(debits))
        state.note(decided, "remind", "noord", "c1")


@pytest.fixture
def decisive(anywhere: Workspace) -> Workspace:
    """Three invoices, a letter and a file for the bank."""
    for turn in range(3):
        decide(anywhere, turn)
    write_letter(anywhere)
    return anywhere


def rows_of(engine: sa.Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]
            for table in state.metadata.sorted_tables
        }


def said(capsys: pytest.CaptureFixture[str], workspace: Workspace, *words: str | Path) -> tuple[int, str, str]:
    opening._engine.cache_clear()
    code = cli.main(["--workspace", str(workspace.root), "state", *map(str, words)])
    shown = capsys.readouterr()
    return code, shown.out, shown.err


def damaged(workspace: Workspace) -> list[str]:
    return [each for kind in backup.check_state(workspace) for each in kind.damaged]


def test_a_backup_says_what_is_in_it(decisive: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if an empty file, or one of another workspace, is kept for years as the backup.
    file = tmp_path / "2026-12-01.db"
    code, out, err = said(capsys, decisive, "backup", file)
    assert (code, err) == (0, "")
    decisions = len(rows_of(state.engine(decisive))["audit"])
    assert out.startswith(f"{file}: {decisions} decisions, the last at 20")
    assert out.endswith(f", 3 invoices, {file.stat().st_size:,} bytes; all that is final is whole\n")
    with backup.opened(file) as kept:
        assert rows_of(kept) == rows_of(state.engine(decisive))
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == [file.name]
    code, out, err = said(capsys, decisive, "check", file, "--format", "csv")
    assert (code, err) == (0, "")
    assert out.splitlines()[1:] == [
        "freezes,3,0", "final months,3,0", "logos,1,0", "invoices,3,0", "number series,1,0", "letters,1,0", "direct debits,1,0",
    ]  # fmt: skip


def test_a_backup_is_of_one_moment_while_others_decide(decisive: Workspace, tmp_path: Path) -> None:
    # Fails if an invoice is in the backup and its freeze is not: restored, every run would stop, or the number would be given twice.
    done, turns, failed = threading.Event(), iter(range(100, 100_000)), []

    def go_on_deciding() -> None:
        try:
            while not done.is_set():
                decide(decisive, next(turns))
        except Exception as error:
            failed.append(error)

    clerk = threading.Thread(target=go_on_deciding)
    clerk.start()
    try:
        held = [backup.back_up(decisive, tmp_path / f"{number}.db") for number in range(6)]
    finally:
        done.set()
        clerk.join()
    assert not failed
    assert held[0].invoices < held[-1].invoices, "they went on deciding"
    for number, each in enumerate(held):
        file = tmp_path / f"{number}.db"
        assert not [wrong for kind in backup.check_file(file) for wrong in kind.damaged]
        with backup.opened(file) as kept:
            rows = rows_of(kept)
        approvals = [row for row in rows["audit"] if row[3] == "approve"]
        assert len(rows["freezes"]) == len(rows["frozen_months"]) == len(rows["invoices"]) == len(approvals) == each.invoices
        assert rows["number_series"][0][3] == PARTNER["last_invoice_number"] + each.invoices


def test_a_backup_replaces_nothing(decisive: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if tonight's backup takes the place of the only one that is whole.
    file = tmp_path / "kept.db"
    file.write_text("the backup of yesterday")
    code, out, err = said(capsys, decisive, "backup", file)
    assert (code, out) == (1, "")
    assert err == f"tikteller: {file} is there already, and a backup replaces nothing. Fix: name another, such as one with the day in it\n"
    assert file.read_text() == "the backup of yesterday"
    code, _, err = said(capsys, decisive, "backup", tmp_path / "no" / "folder.db")
    assert code == 1
    assert "there is no folder" in err


def test_where_nothing_was_decided_nothing_is_backed_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if a slip in --workspace gives a good-looking backup of nothing each night.
    code, _, err = said(capsys, Workspace(tmp_path / "slip"), "backup", tmp_path / "b.db")
    assert code == 1
    assert "nothing was ever decided in" in err
    assert not list(tmp_path.iterdir())


def test_a_state_that_was_lost_is_not_backed_up(decisive: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if the backups of a state that was begun anew push out, night by night, those that know the numbers.
    seen = json.loads(decisive.state_seen.read_text())
    decisive.state_seen.write_text(json.dumps(seen | {"last_audit_id": seen["last_audit_id"] + 1}))
    code, _, err = said(capsys, decisive, "backup", tmp_path / "b.db")
    assert code == 1
    assert "is not the one that was decided in last" in err
    assert not (tmp_path / "b.db").exists()


def flipped(content: bytes) -> bytes:
    return content[:20] + bytes([content[20] ^ 1]) + content[21:] if len(content) > 20 else content[:-1] + bytes([content[-1] ^ 1])


def spoil(column: sa.Column) -> Callable[[sa.Connection], object]:
    """Flip a bit in the first row."""

    def act(connection: sa.Connection) -> None:
        key = list(column.table.primary_key.columns)
        *place, content = connection.execute(sa.select(*key, column).order_by(*key)).first()
        spoilt = flipped(content.encode()).decode() if isinstance(content, str) else flipped(content)
        here = [of == value for of, value in zip(key, place, strict=True)]
        connection.execute(column.table.update().where(*here).values({column: spoilt}))

    return act


def take_another_ones_content(connection: sa.Connection) -> None:
    table = state.invoices
    other = connection.execute(sa.select(table.c.content, table.c.content_sha256).where(table.c.invoice_number == "N15901584")).one()
    connection.execute(table.update().where(table.c.invoice_number == "N15901583").values(**other._mapping))


def lose(table: sa.Table, **where: object) -> Callable[[sa.Connection], object]:
    return lambda connection: connection.execute(table.delete().where(*(table.c[name] == value for name, value in where.items())))


N1 = "invoice N15901583 of noord"
DAMAGES: dict[str, tuple[Callable[[sa.Connection], object], str]] = {
    "calls": (spoil(state.freezes.c.calls), "freeze 1 (noord, 2026-10): its calls are not what was made final"),
    "charges": (spoil(state.freezes.c.charges), "freeze 1 (noord, 2026-10): its charges are not what was made final"),
    "invoice": (spoil(state.invoices.c.content), f"{N1}: its content is not what was approved"),
    "another's": (take_another_ones_content, f"{N1}: its content is of invoice N15901584 of noord"),
    "logo": (spoil(state.logos.c.content), f"logo {state.sha256(LOGO)}: it is not the one that was on invoices"),
    "letter": (spoil(state.letters.c.pdf), "letter 1 (reminder of noord to c1, 2026-12-01): its PDF is not what was written"),
    "debits": (spoil(state.collection_files.c.content), "direct debits M1 of noord: the file is not what was made"),
    "freeze gone": (
        lose(state.freezes, freeze_id=2),
        "final month 2026-10 of noord, c1: freeze 2, which has its calls and charges, is gone",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_what_was_made_final_is_found(
    decisive: Workspace, tmp_path: Path, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Fails if a bit that fell over on a disk is noticed by the tax office, when no backup of before is left.
    act, sentence = DAMAGES[damage]
    whole, spoilt = tmp_path / "whole.db", tmp_path / "spoilt.db"
    backup.back_up(decisive, whole)
    shutil.copy(whole, spoilt)
    copy = sa.create_engine(f"sqlite:///{spoilt}")
    for engine in (state.engine(decisive), copy):
        with engine.begin() as connection:
            act(connection)
    copy.dispose()
    for words in (("check",), ("check", spoilt)):
        code, out, err = said(capsys, decisive, *words, "--format", "csv")
        assert code == 1
        assert err == f"{sentence}\n"
        assert sum(int(line.split(",")[2]) for line in out.splitlines()[1:]) == 1
    code, _, err = said(capsys, decisive, "backup", tmp_path / "b.db")
    assert code == 1
    assert f"is damaged: {sentence}. Fix: tikteller state check says all" in err
    assert not list(tmp_path.glob("*b.db*"))
    assert said(capsys, decisive, "check", whole)[0] == 0


@pytest.mark.parametrize(
    "content", [CALLS, b'"closing_name"', b"%PDF a letter", b"<Document/>"], ids=["calls", "invoice", "letter", "debits"]
)
def test_a_byte_that_falls_over_in_a_backup_is_found(decisive: Workspace, tmp_path: Path, content: bytes) -> None:
    # Fails if a backup on a worn disk is believed until the day on which it is needed.
    file = tmp_path / "b.db"
    backup.back_up(decisive, file)
    whole = file.read_bytes()
    at = whole.index(content[:14])
    file.write_bytes(whole[: at + 3] + bytes([whole[at + 3] ^ 1]) + whole[at + 4 :])
    assert len([each for kind in backup.check_file(file) for each in kind.damaged]) == 1
    with pytest.raises(TiktellerError, match=r"b\.db is damaged: .*"):
        backup.restore(Workspace(tmp_path / "other"), file)


def test_a_logo_that_is_gone_is_found(decisive: Workspace) -> None:
    # Fails if an invoice is printed without the logo that it had, and nobody is told.
    with state.engine(decisive).begin() as connection:
        connection.execute(state.logos.delete())
    assert damaged(decisive) == [f"invoice N1590158{n} of noord: its logo {state.sha256(LOGO)} is gone" for n in (3, 4, 5)]


def test_a_number_that_no_invoice_bears_is_told(decisive: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if an invoice is taken out of the state and its number is simply not there; a gap of before must keep no backup back.
    with state.engine(decisive).begin() as connection:
        connection.execute(state.invoices.delete().where(state.invoices.c.invoice_number == "N15901584"))
    told = "series N of noord: no invoice bears N15901584"
    assert damaged(decisive) == [told]
    code, out, err = said(capsys, decisive, "backup", tmp_path / "b.db")
    assert (code, err) == (0, f"{told}\n")
    assert "2 invoices" in out


FIRST, ON = begun("N", "p", "N11"), moved_on("N", "p", "N100", "N12")


@pytest.mark.parametrize(
    ("last", "numbers", "remarks", "missing"),
    [
        (13, ["N11", "N12", "N13"], [FIRST], []),
        (13, ["N11", "N13"], [FIRST], ["N12"]),
        (15, ["N12"], [FIRST], ["N11", "N13 to N15"]),
        (101, ["N11", "N12", "N100", "N101"], [FIRST, ON], []),
        (101, ["N11", "N12", "N101"], [FIRST, ON], ["N13 to N100"]),
        (13, ["n 11", "N0012", "N13"], [FIRST], []),
        (13, ["N11", "N1x2", "M12", "N13"], [FIRST], ["N12"]),
        (13, ["N5", "N11", "N12", "N13"], [FIRST], []),
        (13, ["N5", "N8", "N9", "N10", "N11", "N12", "N13"], [], []),
        (13, ["N5", "N8", "N10", "N11", "N12", "N13"], [], ["N9"]),
        (13, ["N5"], [], []),
    ],
)
def test_which_numbers_of_a_series_are_missing(last: int, numbers: list[str], remarks: list[str], missing: list[str]) -> None:
    # Fails if a gap is not seen, or one is told where somebody moved the series on, or where nobody can know.
    since = [number for number in numbers if number != "N5"]  # N5 is of before it was counted as a series
    assert list(missing_numbers("p", "N", "", last, numbers, since, remarks)) == missing


def test_what_is_restored_is_the_same_state(
    decisive: Workspace, tmp_path: Path, postgres: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Fails if a move to PostgreSQL, or back, loses a row or makes it another state, which every snapshot would then refuse.
    before, identity = rows_of(state.engine(decisive)), state.identity(decisive)
    backup.back_up(decisive, tmp_path / "first.db")
    monkeypatch.setenv("TIKTELLER_STATE_URL", postgres())
    there = Workspace(tmp_path / "there")
    held = backup.restore(there, tmp_path / "first.db")
    assert held.invoices == 3
    assert rows_of(state.engine(there)) == before
    backup.back_up(there, tmp_path / "second.db")
    decide(there, 50)  # the next rows get the next numbers
    assert [row[0] for row in rows_of(state.engine(there))["freezes"]] == [1, 2, 3, 4]
    audit_ids = [row[0] for row in rows_of(state.engine(there))["audit"]]
    assert audit_ids == list(range(1, len(before["audit"]) + 2))
    monkeypatch.delenv("TIKTELLER_STATE_URL")
    back = Workspace(tmp_path / "back")
    backup.restore(back, tmp_path / "second.db")
    assert rows_of(state.engine(back)) == before
    assert state.identity(back) == identity
    decide(back, 50)
    assert damaged(back) == []


def test_a_state_in_which_anything_stands_is_not_restored_into(
    decisive: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Fails if decisions of today are mixed with those of the backup, or replaced by them.
    file = tmp_path / "b.db"
    backup.back_up(decisive, file)
    decide(decisive, 7)
    before = rows_of(state.engine(decisive))
    code, out, err = said(capsys, decisive, "restore", file)
    assert (code, out) == (1, "")
    assert "is not empty, it has" in err
    assert err.count("\n") == 1
    assert rows_of(state.engine(decisive)) == before


def test_a_restore_that_lacks_the_last_decisions_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if a backup of last night is taken for all: the numbers that were given this morning would be given twice.
    workspace, file = Workspace(tmp_path / "workspace"), tmp_path / "b.db"
    for turn in range(2):
        decide(workspace, turn)
    backup.back_up(workspace, file)
    decide(workspace, 2)
    workspace.state.unlink()
    code, out, err = said(capsys, workspace, "restore", file)
    assert code == 1
    assert "2 invoices" in out
    assert err.startswith("what was decided since is not in it; docs/operator.md says how to go on. the state (")
    workspace.state.unlink()
    workspace.state_seen.unlink()
    assert said(capsys, workspace, "restore", file)[0] == 0


def test_a_restore_that_fails_leaves_the_state_empty(decisive: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails if half a backup stands in the state, and neither deciding nor restoring goes on.
    file = tmp_path / "b.db"
    backup.back_up(decisive, file)
    with state.engine(decisive).begin() as connection:
        for table in state.metadata.sorted_tables:
            connection.execute(table.delete())
    monkeypatch.setattr(backup, "_set_sequences_on", lambda _decided: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        backup.restore(decisive, file)
    assert not any(rows_of(state.engine(decisive)).values())
    monkeypatch.undo()


def test_a_state_of_an_older_release_is_a_backup_too(anywhere: Workspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if the copies of state.db that operators have kept until now are worth nothing after an update.
    file = tmp_path / "state.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        as_released().create_all(connection)
        connection.execute(state.identities.insert().values(state_id="of before", made_at=""))
        connection.execute(state.rerate_requests.insert().values(first_date="2026-10-01", last_date="2026-10-02", reason="r"))
        connection.exec_driver_sql("alter table letters drop column filed_at")
    engine.dispose()
    before = file.read_bytes()
    assert said(capsys, anywhere, "check", file)[0] == 0
    assert said(capsys, anywhere, "restore", file)[0] == 0
    assert state.identity(anywhere) == "of before"
    assert rows_of(state.engine(anywhere))["rerate_requests"] == [(1, "2026-10-01", "2026-10-02", "r")]
    assert file.read_bytes() == before


def newer(file: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{file}")
    make_as_released(engine)
    with engine.begin() as connection:
        migrations.upgrade(connection)
        connection.exec_driver_sql(f"update {migrations.VERSION_TABLE} set version_num = '9999'")
    engine.dispose()


def another_database(file: Path) -> None:
    with sqlite3.connect(file) as other:
        other.execute("create table anything (x)")


NO_BACKUPS: dict[str, tuple[Callable[[Path], object], str]] = {
    "gone": (lambda _file: None, "there is no file"),
    "no database": (lambda file: file.write_bytes(b"no database" * 500), "the state is damaged"),
    "empty": (lambda file: file.touch(), "is no backup of a state"),
    "another's": (another_database, "is no backup of a state"),
    "newer": (newer, "the state is of a newer Tikteller (step 9999"),
}


@pytest.mark.parametrize("what", NO_BACKUPS)
def test_what_is_no_backup_is_named_in_one_line(tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    # Fails if a wrong file is restored in part, or ends in a traceback on the worst day of the year.
    make, sentence = NO_BACKUPS[what]
    file, workspace = tmp_path / "b.db", Workspace(tmp_path / "workspace")
    make(file)
    for verb in ("check", "restore"):
        code, out, err = said(capsys, workspace, verb, file)
        assert (code, out) == (1, "")
        assert sentence in err
        assert err.count("\n") == 1
    assert not workspace.state.exists()


def test_pages_cut_off_are_found(decisive: Workspace, tmp_path: Path) -> None:
    # Fails if a copy that broke off on its way to the other disk is taken for a backup.
    file = tmp_path / "b.db"
    backup.back_up(decisive, file)
    with file.open("r+b") as cut:
        cut.truncate(file.stat().st_size // 2)
    with pytest.raises(TiktellerError, match="the state is damaged"):
        backup.check_file(file)


def test_a_damaged_index_is_found(decisive: Workspace, tmp_path: Path) -> None:
    # Fails if all rows have their hash, and the same question gets another answer by another way.
    file = tmp_path / "b.db"
    backup.back_up(decisive, file)
    content = bytearray(file.read_bytes())
    (page,) = (at for at in range(0, len(content), 4096) if content[at] == LEAF_OF_INDEX and b"c1-2026-10" in content[at : at + 4096])
    content[content.index(b"c1-2026-10", page)] ^= 1
    file.write_bytes(content)
    with pytest.raises(TiktellerError, match=r"the state is damaged: .* missing from index"):
        backup.check_file(file)


def test_check_reads_all_rows_however_many_at_a_time(decisive: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    # Fails if only the first rows of a large state are looked at.
    monkeypatch.setattr(
        "orchestration.state.checking.AT_ONCE", dict.fromkeys(("freezes", "invoices", "logos", "letters", "collection_files"), 1)
    )
    assert {kind.kind: kind.rows for kind in check(state.engine(decisive))}["invoices"] == 3
