"""What came later counts: remembered beside the decisions, whatever becomes of landing/ and the warehouse, until it is taken back."""

from __future__ import annotations

import gzip
import io
import os
import shutil
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from orchestration import state, warehouse
from orchestration.errors import TiktellerError
from orchestration.landing import arrivals, as_declared, carried, fingerprints, register
from orchestration.landing.feeds import FEEDS
from orchestration.landing.ingest import ingest
from orchestration.state import store
from orchestration.workspace import Workspace

HEADER = "call_id,caller,callee,started_at,duration_s\n"
SECOND = 1_000_000_000
ASTERISK = "{account},101,0201234567,ctx,,SIP/1,SIP/2,Dial,,{start},{start},{start},65,{seconds},ANSWERED,3,u1,\n"


def calls(seconds: int, *ids: str) -> str:
    return HEADER + "".join(f"{each},31201234567,4930123456,2026-10-01T09:00:00+02:00,{seconds}\n" for each in ids or ("c1",))


@dataclass
class House:
    """A workspace whose clock of landing ticks by hand: each file that is put there came a second after the one before."""

    workspace: Workspace
    now_ns: int = 1_790_000_000 * SECOND
    out_of_turn: list[str] = field(default_factory=list)

    def put(self, file: str, content: str | bytes, came: int | None = None) -> Path:
        path = self.workspace.landing / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        self.now_ns += SECOND
        os.utime(path, ns=(0, self.now_ns if came is None else came * SECOND))
        return path

    def run(self) -> list[str]:
        """Ingest, and say that it was published; what the landing told."""
        told: list[str] = []
        with warehouse.connect(self.workspace) as connection:
            ingest(
                self.workspace, connection, "run", lambda step, *_: told.append(step), out_of_turn=lambda: self.out_of_turn.append("again")
            )
        with state.deciding(self.workspace) as decided:
            decided.execute(state.arrivals.update().where(state.arrivals.c.landed_at.is_not(None)).values(published_at="now"))
        return told

    def lose(self) -> list[str]:
        self.workspace.warehouse.unlink()
        return self.run()

    def rebuild(self) -> list[str]:
        carried.set_aside(self.workspace)
        return self.run()

    def raw(self) -> dict[str, list[tuple]]:
        """Every raw table, but for what each run makes anew."""
        tables = self.ask("select table_name from duckdb_tables() where schema_name = 'raw' and table_name not in ('clock', 'state')")
        return {
            table: self.ask(f"select columns(lambda each: each <> 'run_id') from raw.\"{table}\" order by all")
            for (table,) in sorted(tables)
        }

    def ask(self, sql: str) -> list[tuple]:
        with warehouse.connect(self.workspace, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def seconds(self) -> dict[str, str]:
        """What each call lasted by the record that came last: the rule of the models, on the raw rows."""
        return dict(
            self.ask(
                "select call_id, arg_max(duration_s, file_id * 1000000 + line) from raw.cdrs_standard group by call_id order by call_id"
            )
        )

    def ledger(self) -> list[tuple]:
        return self.ask("select file_id, file, ingested_at, rows_read, duplicate_of, withdrawn_at is null from raw.files order by file_id")


@pytest.fixture
def house(tmp_path: Path) -> House:
    return new_house(tmp_path / "workspace")


def new_house(root: Path) -> House:
    workspace = Workspace(root)
    workspace.create(tuple(feed.name for feed in FEEDS))
    return House(workspace)


# The order ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_a_correction_of_the_same_night_counts_whatever_its_name(house: House, names: tuple[str, str]) -> None:
    """A call of 600 s and its correction to 60 s in one night: 600 s were billed where the correction's name sorts first."""
    house.put(f"cdrs/standard/{names[0]}.csv", calls(600))
    house.put(f"cdrs/standard/{names[1]}.csv", calls(60))
    house.run()
    assert house.seconds() == {"c1": "60"}
    house.lose()
    assert house.seconds() == {"c1": "60"}


def test_a_rebuild_keeps_the_order_and_the_day_of_arrival(house: House) -> None:
    """A correction whose file name sorts first would be undone by `run --rebuild`: what was billed would depend on when somebody did."""
    house.put("cdrs/standard/2.csv", calls(600))
    house.run()
    house.put("cdrs/standard/1.csv", calls(60))
    house.put("cdrs/standard/3.csv", calls(600))  # the same text as the first: nothing new is said by it
    house.run()
    before = house.ledger()
    assert house.seconds() == {"c1": "60"}
    for file in house.workspace.landing.rglob("*.csv"):
        os.utime(file, ns=(0, SECOND))  # restored from a backup: the dates say nothing any more
    house.workspace.fingerprints.unlink()
    house.lose()
    assert house.ledger() == before
    assert house.seconds() == {"c1": "60"}


@pytest.mark.parametrize("what", ["compressed", "renamed"])
def test_a_file_that_was_archived_keeps_its_place(house: House, what: str) -> None:
    """Compressing last year's files and rebuilding would make them the newest: their corrections are undone, their months are late."""
    first = house.put("cdrs/standard/a.csv", calls(600))
    house.run()
    house.put("cdrs/standard/b.csv", calls(60))
    house.run()
    before = [row[0:1] + row[2:] for row in house.ledger()]
    if what == "compressed":
        house.put("cdrs/standard/a.csv.gz", gzip.compress(first.read_bytes()))
        first.unlink()
    else:
        first.rename(house.put("cdrs/standard/archive/2026/z.csv", ""))
    house.lose()
    assert [row[0:1] + row[2:] for row in house.ledger()] == before
    assert house.seconds() == {"c1": "60"}
    assert house.run() == []


def test_a_twin_that_came_later_does_not_make_its_original_later(house: House) -> None:
    """The old file sent again beside its correction takes the correction back; and it must not do so at the next rebuild either."""
    original = house.put("cdrs/standard/a.csv", calls(600))
    house.run()
    house.put("cdrs/standard/b.csv", calls(60))
    house.run()
    house.put("cdrs/standard/c.csv.gz", gzip.compress(calls(600).encode()))
    house.run()
    assert house.ledger()[2][4] == 1
    original.unlink()
    house.lose()
    assert house.seconds() == {"c1": "60"}


def test_a_file_that_comes_back_from_the_archive_takes_its_old_place(house: House) -> None:
    """Put back after a rebuild without it, it would count as news; and what was rated without it has to be rated again."""
    path = house.put("cdrs/standard/a.csv", calls(600, "c1", "c2"))
    house.run()
    house.put("cdrs/standard/b.csv", calls(60))
    house.run()
    kept = path.read_bytes()
    path.unlink()
    house.lose()
    assert house.seconds() == {"c1": "60"}
    house.out_of_turn.clear()
    house.put("cdrs/standard/a.csv", kept)
    house.run()
    assert house.seconds() == {"c1": "60", "c2": "600"}
    assert house.out_of_turn == ["again"]


def test_a_workspace_of_an_older_release_takes_its_order_along(house: House) -> None:
    """The first rebuild after an update would sort all files anew, by name."""
    for name, seconds in (("c", 600), ("a", 60)):
        house.put(f"cdrs/standard/{name}.csv", calls(seconds))
        house.run()
    before = house.ledger()
    house.workspace.state.unlink()
    house.workspace.fingerprints.unlink()
    store._engine.cache_clear()
    with warehouse.connect(house.workspace) as connection:
        connection.execute("alter table raw.files drop column content_sha256")
        connection.execute("alter table raw.files drop column withdrawn_at")
    house.run()
    house.lose()
    assert house.ledger() == before
    assert house.seconds() == {"c1": "60"}


def test_a_state_restored_from_an_older_backup_gives_no_number_twice(house: House, tmp_path: Path) -> None:
    """Two files under one number: the rows of one would be read as the other's, and billed twice or not at all."""
    house.put("cdrs/standard/a.csv", calls(600))
    house.run()
    shutil.copy(house.workspace.state, tmp_path / "backup")
    house.put("cdrs/standard/b.csv", calls(60))
    house.run()
    store._engine.cache_clear()
    shutil.copy(tmp_path / "backup", house.workspace.state)
    house.put("cdrs/standard/c.csv", calls(60, "c2"))
    house.run()
    assert [row[:2] for row in house.ledger()] == [(1, "cdrs/standard/a.csv"), (2, "cdrs/standard/b.csv"), (3, "cdrs/standard/c.csv")]
    house.lose()
    assert house.seconds() == {"c1": "60", "c2": "60"}


def test_a_state_of_another_workspace_is_not_believed(house: House, tmp_path: Path) -> None:
    """Its numbers are other files': what is later than what would be anybody's guess."""
    house.put("cdrs/standard/a.csv", calls(600))
    house.run()
    other = new_house(tmp_path / "other")
    other.put("cdrs/standard/x.csv", calls(60, "c9"))
    other.run()
    store._engine.cache_clear()
    shutil.copy(other.workspace.state, house.workspace.state)
    with pytest.raises(TiktellerError, match="run --rebuild"):
        house.run()


# Which file it is -----------------------------------------------------------------------------------------------------


def test_other_bytes_of_the_same_size_and_date_are_another_file(house: House) -> None:
    """A file that was corrected by a tool that keeps its date would never be read: the wrong calls stay billed."""
    path = house.put("cdrs/standard/a.csv", calls(600), came=1_790_000_000)
    house.run()
    size = path.stat().st_size
    house.put("cdrs/standard/a.csv", calls(601), came=1_790_000_000)
    assert path.stat().st_size == size
    house.run()
    assert house.seconds() == {"c1": "601"}


def test_a_new_date_or_a_new_compression_is_no_news(house: House) -> None:
    """A mirror that writes everything anew each night would have everything rated again."""
    house.put("cdrs/standard/a.csv.gz", gzip.compress(calls(600).encode(), 1))
    house.run()
    before = house.ledger()
    path = house.put("cdrs/standard/a.csv.gz", gzip.compress(calls(600).encode(), 9, mtime=1))
    house.run()
    assert house.ledger() == before
    assert house.ask("select size_bytes from raw.files") == [(path.stat().st_size,)]


def test_the_same_calls_in_the_folder_of_another_account_have_moved(house: House) -> None:
    """The exchange's file lay in the wrong folder: the wrong customer would go on paying, since its bytes are known."""
    line = ASTERISK.format(account="", start="2026-10-01 09:00:00", seconds=60)
    wrong = house.put("cdrs/asterisk/anna/Master.csv", line)
    house.run()
    house.put("cdrs/asterisk/bert/Master.csv", line)
    told = house.run()
    assert "moved: cdrs/asterisk/anna/Master.csv is now cdrs/asterisk/bert/Master.csv; its rows count where they stand now" in told
    stands = "select files.folder_account from raw.cdrs_asterisk inner join raw.files using (file_id)"
    assert house.ask(stands) == [("bert",)]
    assert house.out_of_turn
    house.lose()
    assert house.ask(stands) == [("bert",)]
    wrong.unlink()
    house.run()
    house.put("cdrs/asterisk/anna/Master.csv", line)  # taken away, and back again
    house.run()
    assert house.ask(stands) == [("anna",)]


def test_both_places_in_one_night_count_once(house: House) -> None:
    """A copy into the right folder, the wrong one not yet cleaned up: two customers would pay for the same calls."""
    line = ASTERISK.format(account="", start="2026-10-01 09:00:00", seconds=60)
    house.put("cdrs/asterisk/anna/Master.csv", line)
    house.put("cdrs/asterisk/bert/Master.csv", line)
    house.run()
    assert house.ask("select files.folder_account from raw.cdrs_asterisk inner join raw.files using (file_id)") == [("bert",)]
    with state.engine(house.workspace).connect() as decided:
        assert decided.execute(sa.select(state.audit.c.action, state.audit.c.subject, state.audit.c.detail)).fetchall() == [
            ("move", "cdrs/asterisk/anna/Master.csv", "to cdrs/asterisk/bert/Master.csv")
        ]


OWN = """
[formats.own]
header = "none"
delimiter = ","
columns = { call_id = 17, account = 1, caller = 2, callee = 3, started_at = 10, duration_s = 14 }
"""
LINE = ASTERISK.format(account="", start="2026-10-01 09:00:00", seconds=60)


def test_a_copy_in_the_right_folder_stays_right_when_the_other_is_touched(house: House) -> None:
    """A backup that renews a date would make the wrong customer pay again, and the next one the right one."""
    wrong = house.put("cdrs/asterisk/anna/Master.csv", LINE)
    house.run()
    right = house.put("cdrs/asterisk/bert/Master.csv", LINE)
    house.run()
    stands = "select files.folder_account from raw.cdrs_asterisk inner join raw.files using (file_id)"
    for came in (1, 2):
        os.utime(wrong, ns=(0, came * SECOND))
        assert not any("moved" in line for line in house.run())
        assert house.ask(stands) == [("bert",)]
    right.rename(wrong)  # and back again, over the one that was left
    assert any("moved" in line for line in house.run())
    assert house.ask(stands) == [("anna",)]


def declare(house: House, *folders: str, form: str = "own") -> None:
    sources = "".join(f'[sources."{folder}"]\nformat = "{form}"\n' for folder in folders)
    (house.workspace.root / "sources.toml").write_text(OWN + sources)


@pytest.mark.parametrize("folder", ["cdrs/asterisk/acme", "cdrs/asterisk"])
def test_a_folder_is_declared_after_its_files_have_landed(house: House, folder: str) -> None:
    """Every later run would stop; or a rebuild would take the oldest file for the newest, and undo what corrected it."""
    house.put("cdrs/asterisk/acme/b.csv", LINE)
    house.put("cdrs/asterisk/acme/a.csv", LINE.replace(",60,", ",30,"))
    house.run()
    before = house.ledger()
    declare(house, folder)
    for _ in range(2):
        house.run()
        assert house.ledger() == before
        assert house.ask("select file_id, c14 from raw.cdrs_declared order by 1") == [(1, "60"), (2, "30")]
        assert house.ask("select * from raw.cdrs_asterisk") == []
    house.lose()
    assert house.ledger() == before
    register.withdraw(house.workspace, "cdrs/asterisk/acme/a.csv")
    house.run()
    assert house.ask("select file_id, c14 from raw.cdrs_declared order by 1") == [(1, "60")]
    (house.workspace.root / "sources.toml").unlink()  # it was no good idea
    house.run()
    assert house.ask("select file_id, billsec from raw.cdrs_asterisk") == [(1, "60")]
    assert house.ask("select * from raw.cdrs_declared") == []


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("cdrs/standard/x", "cdrs/standard/y"),
        ("cdrs/standard", "cdrs/own-switch"),
        ("cdrs/own-switch", "cdrs/other-switch"),
        ("cdrs/asterisk/anna", "cdrs/own-switch"),
    ],
)
def test_the_same_calls_under_another_source_have_moved(house: House, first: str, then: str) -> None:
    """Put into the right folder, the calls would be billed twice, or still by the clock and to the account of the wrong one."""
    declare(house, *(each for each in (first, then) if each not in ("cdrs/standard", "cdrs/asterisk/anna")))
    text = LINE if "asterisk" in first else calls(60)
    house.put(f"{first}/a.csv", text * 2)
    house.run()
    house.put(f"{then}/a.csv", text * 2)
    told = house.run()
    assert f"moved: {first}/a.csv is now {then}/a.csv; its rows count where they stand now" in told
    assert [(row[1], row[4], row[5]) for row in house.ledger()] == [(f"{first}/a.csv", None, False), (f"{then}/a.csv", None, True)]
    tables = ("cdrs_standard", "cdrs_asterisk", "cdrs_declared")
    for _ in range(2):
        assert {file_id for table in tables for (file_id,) in house.ask(f"select file_id from raw.{table}")} <= {2}
        house.lose()


def test_a_file_that_has_grown_is_read_anew_in_all_its_lengths(house: House) -> None:
    """Its first calls would stand there twice: by the old format, which nobody knows again, and by the new one."""
    path = house.put("cdrs/asterisk/acme/Master.csv", LINE)
    house.run()
    house.put("cdrs/asterisk/acme/Master.csv", path.read_text() + LINE.replace("u1", "u2"))
    house.run()
    before = house.ledger()
    declare(house, "cdrs/asterisk/acme")
    house.run()
    assert house.ledger() == before
    assert house.ask("select * from raw.cdrs_asterisk") == []
    assert house.ask("select file_id, c17 from raw.cdrs_declared order by all") == [(1, "u1"), (2, "u1"), (2, "u2")]
    house.put("cdrs/asterisk/acme/Master.csv", LINE.replace("u1", "u3"))  # overwritten: what it was cannot be had any more
    house.run()
    declare(house, "cdrs/asterisk/acme", form="asterisk")
    told = house.run()
    assert [line for line in told if "stays as it was read" in line] != []
    assert house.ask("select file_id from raw.cdrs_declared order by all") == [(1,), (2,), (2,)]


def test_a_file_that_cannot_be_read_anew_stops_nobody_and_is_read_when_it_can(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """One file on a bad disk, and a new line in sources.toml: nobody would be published; or it would stay misread for ever, in silence."""
    for name in ("a", "b"):
        house.put(f"cdrs/asterisk/acme/{name}.csv", LINE.replace("u1", name))
    house.run()
    declare(house, "cdrs/asterisk/acme")
    opened = Path.open

    def refusing(path: Path, *arguments: Any, **more: Any) -> Any:
        if path.name == "a.csv":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **more)

    with monkeypatch.context() as broken:
        broken.setattr(Path, "open", refusing)
        told = house.run()
    assert any("not read anew: cdrs/asterisk/acme/a.csv: it cannot be read" in line for line in told)
    assert house.ask("select c17 from raw.cdrs_declared") == [("b",)]
    assert house.ask("select uniqueid from raw.cdrs_asterisk") == [("a",)]
    assert not as_declared.reads_as_declared(house.workspace), "else the next run would say that nothing is new"
    house.run()
    assert house.ask("select c17 from raw.cdrs_declared order by 1") == [("a",), ("b",)]
    assert as_declared.reads_as_declared(house.workspace)


# Taking back ----------------------------------------------------------------------------------------------------------


def test_a_withdrawn_file_counts_no_more_until_it_lands_again(house: House) -> None:
    """Calls that were landed by mistake are billed: there was no way to take them back."""
    path = house.put("cdrs/standard/a.csv", calls(600, "c1", "c2"))
    house.run()
    house.put("cdrs/standard/b.csv", calls(60))
    house.run()
    assert [row.file for row in register.withdraw(house.workspace, "cdrs/standard/a.csv")] == ["cdrs/standard/a.csv"]
    for _ in range(2):
        house.run()
        assert house.seconds() == {"c1": "60"}
        assert [(row[0], row[3], row[5]) for row in house.ledger()] == [(1, 0, False), (2, 1, True)]
    assert house.out_of_turn == ["again"]
    house.lose()
    assert house.seconds() == {"c1": "60"}
    assert [(row[0], row[3], row[5]) for row in house.ledger()] == [(1, 0, False), (2, 1, True)]
    os.utime(path)  # landed again: it came last now
    house.run()
    assert house.seconds() == {"c1": "600", "c2": "600"}
    with state.engine(house.workspace).connect() as decided:
        assert decided.execute(sa.select(state.audit.c.action, state.audit.c.subject)).fetchall() == [("withdraw", "cdrs/standard/a.csv")]


@pytest.mark.parametrize("how", ["copied", "taken out and put back", "compressed"])
def test_every_way_of_landing_brings_a_withdrawn_file_back(house: House, how: str) -> None:
    """A file that its sender sends again, and that is passed over in silence, is a night that nobody bills."""
    path = house.put("cdrs/standard/a.csv", calls(600))
    house.run()
    register.withdraw(house.workspace, str(path))
    house.run()
    assert house.seconds() == {}
    if how == "copied":
        house.put("cdrs/standard/copy.csv", path.read_bytes())
    elif how == "compressed":
        house.put("cdrs/standard/a.csv.gz", gzip.compress(path.read_bytes()))
    else:
        aside = path.rename(house.workspace.root / "aside.csv")
        house.run()
        aside.rename(path)
    house.run()
    assert house.seconds() == {"c1": "600"}


def test_a_withdrawn_file_is_gone_under_all_its_names(house: House) -> None:
    """A copy that nobody remembers would keep alive what was taken back; or, at a rebuild, bring it back to life."""
    house.put("cdrs/standard/a.csv", calls(600))
    house.put("cdrs/standard/b.csv.gz", gzip.compress(calls(600).encode()))
    house.run()
    assert [row.file for row in register.withdraw(house.workspace, "cdrs/standard/b.csv.gz")] == [
        "cdrs/standard/a.csv",
        "cdrs/standard/b.csv.gz",
    ]
    house.run()
    assert house.seconds() == {}
    house.lose()
    assert house.seconds() == {}
    assert [row[3] for row in house.ledger()] == [0, 0]


def test_one_content_of_a_name_can_be_withdrawn_by_its_number(house: House) -> None:
    """A file that was overwritten with the right rows: taking back what was wrong must not take back what is right."""
    house.put("cdrs/standard/a.csv", calls(600, "c1", "c9"))
    house.run()
    house.put("cdrs/standard/a.csv", calls(60))
    house.run()
    register.withdraw(house.workspace, "1")
    house.run()
    assert house.seconds() == {"c1": "60"}
    with pytest.raises(TiktellerError, match="nothing that counts has landed as 1"):
        register.withdraw(house.workspace, "1")


def test_a_withdrawal_survives_a_state_restored_from_before_it(house: House, tmp_path: Path) -> None:
    """The rows are gone from the warehouse: a state that says otherwise would have them missing in silence, then back at a rebuild."""
    house.put("cdrs/standard/a.csv", calls(600))
    house.run()
    shutil.copy(house.workspace.state, tmp_path / "backup")
    register.withdraw(house.workspace, "cdrs/standard/a.csv")
    house.run()
    store._engine.cache_clear()
    shutil.copy(tmp_path / "backup", house.workspace.state)
    (house.workspace.root / "state.seen.json").unlink(missing_ok=True)  # what would refuse it is gone too
    house.run()
    house.lose()
    assert house.seconds() == {}


# gzip, and what cannot be read ------------------------------------------------------------------------------------------


def gzip_with(flags: int, text: bytes) -> bytes:
    """A gzip member with the header fields that the flags ask for (RFC 1952)."""
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff"
    if flags & 4:
        header += b"\x04\0abcd"
    if flags & 8:
        header += b"name.csv\0"
    if flags & 16:
        header += b"a comment\0"
    if flags & 2:
        header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return header + packer.compress(text) + packer.flush() + zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little")


@pytest.mark.parametrize("flags", [0, 1, 2, 4, 8, 16, 31])
@pytest.mark.parametrize("padding", [b"", b"\0" * 700])
def test_every_valid_gzip_lands(house: House, flags: int, padding: bytes) -> None:
    """One such file from one partner kept all partners from being published, and was not even named."""
    members = gzip_with(flags, calls(600, "c1").encode()) + padding + gzip_with(flags, calls(600, "c2").encode()[len(HEADER) :]) + padding
    house.put("cdrs/standard/odd.csv.gz", members)
    house.put("cdrs/standard/plain.csv.gz", gzip.compress(calls(60, "c3").encode()))
    assert not [line for line in house.run() if "not read" in line]
    assert house.seconds() == {"c1": "600", "c2": "600", "c3": "60"}
    assert house.ask("select count(*) from raw.files where reject_reason is not null") == [(0,)]


@pytest.mark.parametrize("moment", ["scan", "load"])
def test_a_file_that_cannot_be_read_is_refused_by_name_and_stops_nobody(house: House, moment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without the right to read it, or on a bad sector: no partner would be published, or nobody would hear of it."""
    house.put("cdrs/standard/bad.csv", calls(600, "c1") + '"c7" ,1,2,3,4\n')  # not for the fast reader
    house.put("cdrs/standard/good.csv", calls(60, "c2"))
    opens = Path.open

    def refusing(path: Path, mode: str = "r", *arguments: object, **more: object) -> object:
        if path.name == "bad.csv" and (moment == "scan" or "b" not in mode):
            raise PermissionError(13, "Permission denied", str(path))
        return opens(path, mode, *arguments, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", refusing)
        told = house.run()
    assert house.seconds() == {"c2": "60"}
    refused = house.ask("select file from raw.files where reject_reason = 'unreadable'")
    assert refused == ([("cdrs/standard/bad.csv",)] if moment == "scan" else [])
    assert moment == "scan" or [line for line in told if "not read: cdrs/standard/bad.csv: it cannot be read" in line]
    monkeypatch.setattr(fingerprints, "SETTLED_NS", 0)  # nothing about the file has changed since
    house.run()  # it can be read, and lands
    assert house.seconds() == {"c1": "600", "c2": "60"}


# What lies in landing/ no longer --------------------------------------------------------------------------------------


SWITCH = """
[formats.switch]
header = "none"
columns = { call_id = 1, caller = 2, callee = 3, started_at = 4, duration_s = 5, direction = 6 }
directions = { outbound = ["OUT"] }
[sources."cdrs/ours"]
format = "switch"
time_zone = "UTC"
"""


@pytest.fixture
def lived_in(house: House) -> House:
    """A house whose files were overwritten, archived, compressed, refused, sent twice and taken back since they landed."""
    (house.workspace.root / "sources.toml").write_text(SWITCH)
    house.put("customers/of-p1.csv", "customer_id,partner_id,name\nc1,p1,One\nc2,p1,Two\n")
    house.put("cdrs/standard/archived.csv", calls(600, "c1"))
    house.put("cdrs/standard/copy-of-archived.csv.gz", gzip.compress(calls(600, "c1").encode()))
    house.put("cdrs/standard/Master.csv", calls(60, "c2") + "one,field\n")
    house.put("cdrs/ours/archived.csv", "1,101,0612345678,2026-10-01 08:00:00,60,OUT\n")
    house.put("cdrs/standard/wrong.csv", "who,knows\n1,2\n")
    taken_back = house.put("cdrs/standard/taken-back.csv", calls(61, "c3"))
    house.run()
    house.put("customers/of-p2.csv", "customer_id,partner_id,name\nc1,p2,Ours\n")
    register.withdraw(house.workspace, "cdrs/standard/taken-back.csv")
    house.run()
    house.put("customers/of-p1.csv", "customer_id,partner_id,name\nc1,p1,One and only\n")  # overwritten, and without c2
    house.put("cdrs/standard/Master.csv", calls(61, "c4"))
    house.run()
    for file in (
        "cdrs/standard/archived.csv",
        "cdrs/standard/copy-of-archived.csv.gz",
        "cdrs/ours/archived.csv",
        "cdrs/standard/wrong.csv",
    ):
        (house.workspace.landing / file).unlink()
    taken_back.unlink()
    (house.workspace.root / "sources.toml").unlink()
    return house


def test_a_rebuild_loses_nothing_that_landed(lived_in: House) -> None:
    """An export that is overwritten every night: a rebuild would lose its calls, and give a customer to whoever claimed it in between."""
    lived_in.run()
    before = lived_in.raw()
    assert {table: len(before[table]) for table in ("customers", "cdrs_standard", "cdrs_declared")} == {
        "customers": 4,
        "cdrs_standard": 3,
        "cdrs_declared": 1,
    }
    told = lived_in.rebuild()
    assert lived_in.raw() == before
    assert "kept from the warehouse of before: 6 files that lie in landing/ no longer" in told
    assert not list(lived_in.workspace.root.glob("warehouse.before*"))


def test_a_rebuild_that_was_killed_loses_nothing_either(lived_in: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever ends a rebuild that takes long, and begins it again, would have thrown away what only the old warehouse has."""
    lived_in.run()
    before = lived_in.raw()
    carried.set_aside(lived_in.workspace)
    with monkeypatch.context() as killed:
        killed.setattr("orchestration.landing.ingest.carry_over", _break_off)
        with pytest.raises(KeyboardInterrupt):
            lived_in.run()
    carried.set_aside(lived_in.workspace)
    lived_in.run()
    assert lived_in.raw() == before


def test_a_disk_that_is_full_loses_nothing_either(lived_in: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old warehouse would be thrown away before what only it has stands in the new one: calls gone for want of a gigabyte."""
    lived_in.run()
    before = lived_in.raw()
    with monkeypatch.context() as full:
        full.setattr(carried, "_carry", _without_room)
        with pytest.raises(TiktellerError, match=r"warehouse\.before\.duckdb: IO Error: No space left on device.*Fix: "):
            lived_in.rebuild()
    lived_in.run()
    assert lived_in.raw() == before


def _without_room(*_: object) -> int:
    raise duckdb.IOException("IO Error: No space left on device")


def _break_off(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("how", ["lost", "damaged"])
def test_what_a_lost_warehouse_takes_with_it_is_named(lived_in: House, how: str) -> None:
    """Calls would be missing from the next invoice, and nobody could know which files to put back."""
    lived_in.run()
    if how == "damaged":
        lived_in.workspace.warehouse.write_bytes(b"damaged")
        told = lived_in.rebuild()
        assert any("which is damaged and stays as warehouse.damaged.duckdb: " in line for line in told)
        assert (lived_in.workspace.root / "warehouse.damaged.duckdb").read_bytes() == b"damaged"
    else:
        told = lived_in.lose()
    (lost,) = [line for line in told if line.startswith("lost with the warehouse")]
    for file in (
        "customers/of-p1.csv (file ",
        "cdrs/standard/archived.csv (file ",
        "cdrs/standard/Master.csv (file ",
        "cdrs/ours/archived.csv (file ",
    ):
        assert file in lost
    assert "of-p2" not in lost
    assert "taken-back" not in lost
    assert not list(lived_in.workspace.root.glob("warehouse.before*"))


# One price list for several decks ------------------------------------------------------------------------------------------

DECKS = """
[sources."purchase_rates/acme"]
deck_id = "acme"
valid_from = "2026-10-01"
[sources."purchase_rates/best"]
deck_id = "best"
valid_from = "2026-10-01"
"""
LIST = "Bestemming;Kengetal;Prijs per minuut\nNederland mobiel;316;0,03\n"
CORRECTION = "deck_id,prefix,destination,connection_fee_eur,minute_rate_eur,valid_from\nacme,316,Nederland mobiel,0,0.02,2026-10-01\n"
PRICES = "select deck_id, prefix, file_id from raw.purchase_rates order by file_id"
BOTH = [("acme", "316", 1), ("best", "316", 2)]


def workbook() -> bytes:
    book = Workbook()
    for row in (["Destination", "Prefix", "Rate"], ["Nederland mobiel", 316, 0.03]):
        book.active.append(row)
    written = io.BytesIO()
    book.save(written)
    return written.getvalue()


@pytest.fixture
def decks(house: House) -> House:
    (house.workspace.root / "sources.toml").write_text(DECKS)
    return house


@pytest.mark.parametrize("nights", [1, 2])
@pytest.mark.parametrize("ending", ["csv", "xlsx"])
def test_one_list_in_the_folders_of_two_decks_prices_both(decks: House, ending: str, nights: int) -> None:
    """The second deck would have no price at all, or the first lose its own: every call bought by it waits, or is bought too cheap."""
    content = workbook() if ending == "xlsx" else LIST
    decks.put(f"purchase_rates/acme/list.{ending}", content)
    told = decks.run() if nights == 2 else []
    decks.put(f"purchase_rates/best/list.{ending}", content)
    told += decks.run()
    for _ in range(2):
        assert decks.ask(PRICES) == BOTH
        assert [(row[4], row[5]) for row in decks.ledger()] == [(None, True)] * 2
        decks.lose()
    assert not any("moved" in line for line in told)
    register.withdraw(decks.workspace, f"purchase_rates/best/list.{ending}")
    decks.run()
    assert decks.ask(PRICES) == BOTH[:1]


def test_a_list_is_a_duplicate_wherever_its_folder_says_the_same(decks: House) -> None:
    """A copy that becomes a list of its own is the newest one, and takes back what corrected the first."""
    same = '[sources."purchase_rates/acme-too"]\ndeck_id = "acme"\nvalid_from = "2026-10-01"\n'
    later = '[sources."purchase_rates/acme-later"]\ndeck_id = "acme"\nvalid_from = "2026-11-01"\n'
    (decks.workspace.root / "sources.toml").write_text(DECKS + same + later)
    for file in ("acme/list.csv", "acme/copy.txt", "acme-too/list.csv", "acme-later/list.csv"):
        decks.put(f"purchase_rates/{file}", LIST)
    decks.put("purchase_rates/acme/list.csv.gz", gzip.compress(LIST.encode()))
    decks.run()
    assert [row[4] for row in decks.ledger()] == [None, 1, 1, None, 1]
    assert decks.ask("select file_id, valid_from from raw.purchase_rates order by 1") == [(1, "2026-10-01"), (4, "2026-11-01")]


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_a_list_that_went_from_one_deck_to_another_has_moved(decks: House, is_rebuilt: bool) -> None:
    """Put into the wrong folder and then into the right one: the wrong deck would keep prices that nobody agreed with that wholesaler."""
    content = workbook()
    wrong = decks.put("purchase_rates/acme/list.xlsx", content)
    decks.run()
    wrong.unlink()
    decks.put("purchase_rates/best/list.xlsx", content)
    told = decks.run()
    assert "moved: purchase_rates/acme/list.xlsx is now purchase_rates/best/list.xlsx; its rows count where they stand now" in told
    assert decks.ask(PRICES) == BOTH[1:]
    if is_rebuilt:
        decks.lose()
        assert decks.ask(PRICES) == BOTH[1:]
    decks.put("purchase_rates/acme/list.xlsx", content, came=1_790_000_001)  # it was right there too: a copy with its old date
    told = decks.run()
    assert not any("moved" in line for line in told)
    assert decks.ask("select deck_id, file_id from raw.purchase_rates order by 2") == [("best", 2), ("acme", 3)]


def test_a_list_has_not_moved_while_its_folder_has_it_under_any_name(decks: House) -> None:
    """Renamed, or overwritten by November's, it would lose October's prices as soon as another deck gets the same list."""
    named = decks.put("purchase_rates/acme/list.csv", LIST)
    decks.put("purchase_rates/acme/other.csv", LIST.replace("316", "31"))
    decks.run()
    named.rename(named.with_name("october.csv"))
    decks.run()
    decks.put("purchase_rates/best/list.csv", LIST)
    decks.put("purchase_rates/acme/other.csv", LIST.replace("316", "49"))
    decks.put("purchase_rates/best/other.csv", LIST.replace("316", "31"))
    assert not any("moved" in line for line in decks.run())
    assert sorted(row[:2] for row in decks.ask(PRICES)) == [
        ("acme", "31"),
        ("acme", "316"),
        ("acme", "49"),
        ("best", "31"),
        ("best", "316"),
    ]


def test_an_archived_list_keeps_its_prices_when_another_deck_gets_the_same(decks: House) -> None:
    """A second wholesaler sends the list of a year ago, long archived: the first one's calls would have no price any more."""
    archived = decks.put("purchase_rates/acme/list.csv", LIST)
    decks.run()
    archived.unlink()
    decks.put("cdrs/standard/1.csv", calls(60))
    decks.run()
    decks.put("purchase_rates/best/list.csv", LIST)
    assert not any("moved" in line for line in decks.run())
    assert decks.ask("select deck_id from raw.purchase_rates order by 1") == [("acme",), ("best",)]
    decks.put("purchase_rates/acme/list.csv", LIST)  # back, and withdrawn where it lies
    decks.run()
    register.withdraw(decks.workspace, "purchase_rates/acme/list.csv")
    for _ in range(2):
        decks.run()
        assert decks.ask("select deck_id from raw.purchase_rates") == [("best",)]


def test_a_folder_that_is_renamed_with_its_declaration_moves_no_list(decks: House) -> None:
    """Its lists would be the newest, and take back what corrected them since."""
    decks.put("purchase_rates/acme/list.csv", LIST)
    decks.run()
    decks.put("purchase_rates/cheap.csv", CORRECTION)
    decks.run()
    landing = decks.workspace.landing / "purchase_rates"
    (landing / "acme").rename(landing / "acme carrier")
    (decks.workspace.root / "sources.toml").write_text(DECKS.replace("purchase_rates/acme", "purchase_rates/acme carrier"))
    told = decks.run()
    assert not any("moved" in line for line in told)
    assert [row[4] for row in decks.ledger()] == [None, None, 1]
    assert decks.ask(PRICES) == [("acme", "316", 1), ("acme", "316", 2)]
    decks.lose()
    assert decks.ask(PRICES) == [("acme", "316", 1), ("acme", "316", 2)]


def test_a_list_in_a_folder_that_is_declared_no_more_lands_where_it_is(decks: House) -> None:
    """What cannot be read in the old folder would be the original of what can be read in the new one: the deck has no price."""
    for is_archived in (False, True):
        text = LIST.replace("316", "31") if is_archived else LIST
        (decks.workspace.root / "sources.toml").write_text(DECKS)
        left = decks.put("purchase_rates/acme/list.csv", text)
        decks.run()
        (decks.workspace.root / "sources.toml").write_text(DECKS.replace("purchase_rates/acme", "purchase_rates/new"))
        decks.run()
        if is_archived:
            left.unlink()
        decks.put("purchase_rates/new/list.csv", text)
        decks.run()
    assert decks.ask("select deck_id, prefix from raw.purchase_rates order by 2") == [("acme", "31"), ("acme", "316")]


def as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a folder say nothing of price lists, as in releases before."""
    ours = arrivals.place_of
    for module in (arrivals, register):
        monkeypatch.setattr(module, "place_of", lambda file, source: ours(file, source) if file.startswith("cdrs/") else "")


@pytest.mark.parametrize("is_rebuilt", [False, True])
def test_a_list_that_an_older_release_took_for_a_duplicate_lands_after_the_update(
    decks: House, is_rebuilt: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deck would stay empty for ever in the workspaces that have it empty today; or every list of theirs would land once more."""
    with monkeypatch.context() as older:
        as_before(older)
        for file in ("acme/list.csv", "best/list.csv", "best/copy.csv"):
            decks.put(f"purchase_rates/{file}", LIST)
        decks.put("purchase_rates/acme/next.csv", LIST.replace("0,03", "0,04"))
        decks.run()
        assert [row[4] for row in decks.ledger()] == [None, 1, 1, None]
    with state.engine(decks.workspace).connect() as decided:
        assert {place for (place,) in decided.execute(sa.select(state.arrivals.c.place))} == {""}
    before = decks.ledger()
    if is_rebuilt:
        decks.workspace.warehouse.unlink()
    decks.run()
    assert [each.file_id for each in register.read(decks.workspace) if each.duplicate_of == 2] == [3]
    assert decks.ask(PRICES) == [*BOTH, ("acme", "316", 4)]
    assert [row[:4] for row in decks.ledger()] == [row[:4] for row in before], "under their own numbers, as they came"
    assert [row[4] for row in decks.ledger()] == [None, None, 2, None]
    if not is_rebuilt:
        assert decks.out_of_turn
    decks.out_of_turn.clear()
    after = decks.ledger()
    for _ in range(2):
        assert not any("landing" in line for line in decks.run())
        assert decks.ledger() == after
    assert decks.out_of_turn == []


def test_a_workspace_without_twins_has_nothing_to_do_after_the_update(decks: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists that land once more come last: what corrected them is undone, and every open day is rated by old prices."""
    with monkeypatch.context() as older:
        as_before(older)
        decks.put("purchase_rates/acme/list.csv", LIST)
        decks.put("purchase_rates/acme/list.csv.gz", gzip.compress(LIST.encode()))
        decks.put("purchase_rates/best/list.csv", LIST.replace("316", "49"))
        decks.put("purchase_rates/own.csv", CORRECTION)
        decks.run()
    before, prices = decks.ledger(), decks.ask(PRICES)
    decks.run()
    assert (decks.ledger(), decks.ask(PRICES), decks.out_of_turn) == (before, prices, [])
    decks.lose()
    assert (decks.ledger(), decks.ask(PRICES)) == (before, prices)


def test_a_list_taken_for_a_duplicate_is_judged_as_news_when_it_lands(decks: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """A deck of prices that nobody ever looked at would be published without the checks that every new list has to pass."""
    with monkeypatch.context() as older:
        as_before(older)
        for deck in ("acme", "best"):
            decks.put(f"purchase_rates/{deck}/list.csv", LIST)
        decks.run()
    with warehouse.connect(decks.workspace) as connection:
        ingest(decks.workspace, connection, "run")
    assert [each.file_id for each in register.pending(decks.workspace)] == [2]


def test_a_folder_gets_a_deck_of_its_own_after_its_twin_has_landed(decks: House) -> None:
    """The new deck would stay empty until somebody thought of sending the same list under another name."""
    decks.put("purchase_rates/acme/list.csv", LIST)
    decks.put("purchase_rates/acme/mobile/list.csv", LIST)
    decks.run()
    assert decks.ask("select deck_id from raw.purchase_rates") == [("acme",)]
    own = '[sources."purchase_rates/acme/mobile"]\ndeck_id = "best"\nvalid_from = "2026-10-01"\n'
    (decks.workspace.root / "sources.toml").write_text(DECKS + own)
    for _ in range(2):
        decks.run()
        assert decks.ask(PRICES) == BOTH
        decks.lose()
    (decks.workspace.root / "sources.toml").write_text(DECKS)  # it was no good idea
    decks.run()
    assert decks.ask("select distinct deck_id from raw.purchase_rates") == [("acme",)]


# Any sequence ---------------------------------------------------------------------------------------------------------

TEXTS = [calls(seconds, *ids) for seconds in (60, 600, 61) for ids in (("c1",), ("c1", "c2"), ("c2", "c3"))]
NAMES = ("e", "d", "c", "b", "a")
names, texts = st.sampled_from(NAMES), st.sampled_from(TEXTS)
steps = st.lists(
    st.one_of(
        st.tuples(st.just("land"), names, texts, st.booleans()),
        st.tuples(st.sampled_from(["withdraw", "compress", "touch", "archive"]), names),
        st.tuples(st.sampled_from(["run", "rebuild", "lose", "forget"])),
    ),
    max_size=16,
)


class Player:
    """Acts on a house, and keeps apart from its code what a person would expect: which texts count, in the order in which they came."""

    def __init__(self, root: Path) -> None:
        self.house = new_house(root)
        self.lying: dict[str, str] = {}
        self.waiting: set[str] = set()
        self.names: dict[str, set[str]] = {}  # text -> the names under which it landed
        self.order: list[str] = []
        self.present: set[str] = set()

    def path(self, name: str) -> Path | None:
        return next(iter((self.house.workspace.landing / "cdrs/standard").glob(f"{name}.csv*")), None)

    def land(self, name: str, text: str, is_gzip: bool) -> None:
        if path := self.path(name):
            path.unlink()
        self.house.put(f"cdrs/standard/{name}.csv" + (".gz" if is_gzip else ""), gzip.compress(text.encode()) if is_gzip else text)
        self.lying[name] = text
        self.waiting.add(name)

    def compress(self, name: str) -> None:
        if name in self.lying:
            self.land(name, self.lying[name], True)

    def touch(self, name: str) -> None:
        if path := self.path(name):
            self.house.now_ns += SECOND
            os.utime(path, ns=(0, self.house.now_ns))
            self.waiting.add(name)

    def archive(self, name: str) -> None:
        if path := self.path(name):
            path.unlink()
            del self.lying[name]
            self.waiting.discard(name)

    def withdraw(self, name: str) -> None:
        path = self.path(name)
        if path is None:
            return
        file = f"cdrs/standard/{path.name}"
        taken = [text for text in self.order if file in self.names[text]]
        if not taken:
            with pytest.raises(TiktellerError, match="nothing that counts"):
                register.withdraw(self.house.workspace, file)
            return
        register.withdraw(self.house.workspace, file)
        for text in taken:
            self.order.remove(text)
            self.present.discard(text)
            del self.names[text]

    def forget(self) -> None:
        self.house.workspace.fingerprints.unlink(missing_ok=True)

    def rebuild(self) -> None:
        """Nothing is lost that landed, wherever it is now."""
        if self.house.workspace.warehouse.exists():
            carried.set_aside(self.house.workspace)
            self.run()

    def lose(self) -> None:
        """The disk is gone: what lies in landing/ no longer is too."""
        if self.house.workspace.warehouse.exists():
            self.present = {text for text in self.order if text in self.lying.values()}
            self.house.workspace.warehouse.unlink()
            self.run()

    def run(self) -> None:
        for name in sorted(self.waiting, key=lambda name: self.path(name).stat().st_mtime_ns):
            text = self.lying[name]
            if text not in self.order:
                self.order.append(text)
        self.waiting.clear()
        for name, text in self.lying.items():
            if text in self.order:
                self.present.add(text)
                self.names.setdefault(text, set()).add(f"cdrs/standard/{self.path(name).name}")
        self.house.run()
        assert self.house.seconds() == self.seconds()

    def seconds(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for text in self.order:
            if text in self.present:
                found |= {line.split(",")[0]: line.split(",")[-1] for line in text.splitlines()[1:]}
        return dict(sorted(found.items()))


def test_any_sequence_of_landings_and_rebuilds_says_what_came_last(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """An order that nobody gave decides about money: a correction is undone by a rebuild, by a name, by the archive."""

    @settings(
        max_examples=500 if request.config.getoption("--faults-long") else 15, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
    @given(steps)
    def play(sequence: list[tuple]) -> None:
        player = Player(tmp_path_factory.mktemp("sequence") / "workspace")
        for act, *arguments in [*sequence, ("run",), ("rebuild",), ("lose",)]:
            getattr(player, act)(*arguments)

    play()
