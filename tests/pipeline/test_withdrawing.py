"""Fails if what landed is forgotten, cannot be taken back, or decides about money by the name of its file."""

from __future__ import annotations

import gzip
import json
import os
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from orchestration import serving
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import call, land, open_trade

SECONDS = "select call_id, duration_s, billing_month, sale_eur from calls order by call_id"


@dataclass(frozen=True)
class Told:
    """What a step of the story said and left published."""

    code: int
    text: str
    calls: dict[str, tuple]
    check: int


def step(workspace: Workspace, *arguments: str, env: dict[str, str] | None = None) -> Told:
    before = dict(os.environ)
    os.environ.update(env or {})
    try:
        done = tikteller(workspace.root, *arguments, check=False)
    finally:
        os.environ.clear()
        os.environ.update(before)
    calls = {call_id: tuple(rest) for call_id, *rest in ask(workspace, "noord", SECONDS)}
    return Told(done.returncode, done.stdout + done.stderr, calls, tikteller(workspace.root, "status", "--check", check=False).returncode)


def bad_rows(workspace: Workspace, name: str) -> Path:
    return land(workspace, "cdrs/standard", name, [call(f"bad-{n}", "01-10-2026 08:15", 61) for n in range(400)])


def tables(workspace: Workspace, owner: str) -> dict[str, list[tuple]]:
    """All that is published, without the moments of the run."""
    left_out = {"published_at", "modified_at", "size_bytes", "ingested_at", "withdrawn_at"}
    names_the_run = {("partner_snapshots", "snapshot")}
    with serving.connect(serving.current_snapshot(workspace, owner)) as snapshot:
        found: dict[str, list[tuple]] = {}
        named = "select table_name from duckdb_tables() where schema_name = 'main' and table_name[1] <> '_'"
        for (table,) in snapshot.execute(named).fetchall():
            columns = [row[0] for row in snapshot.execute(f'describe "{table}"').fetchall()]
            chosen = ", ".join(f'"{column}"' for column in columns if column not in left_out and (table, column) not in names_the_run)
            found[table] = snapshot.execute(f'select {chosen} from "{table}" order by all').fetchall()
        return found


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, dict[str, Told], dict[str, dict]]:
    """Night after night in one workspace, in four whole runs; what each step said."""
    root = tmp_path_factory.mktemp("withdrawing")
    workspace = open_trade(root / "workspace")
    told: dict[str, Told] = {}
    published: dict[str, dict] = {}

    # a call and its correction in one night: the correction's name sorts first, it came a second later; then a landing by mistake, which
    # changes the call once more, and has calls of its own on that day and on another
    mistake = [
        call("twice", "2026-10-05T10:00:00", 3600),
        call("mistake", "2026-10-07T10:00:00", 61),
        call("mistake too", "2026-10-05T23:00:00", 61),
    ]
    nights = {"z": [call("twice", "2026-10-05T10:00:00", 600)], "a": [call("twice", "2026-10-05T10:00:00", 60)], "mistake": mistake}
    for second, (name, rows) in enumerate(nights.items()):
        os.utime(land(workspace, "cdrs/standard", name, rows), (0, 1_790_000_000 + second))
    path = workspace.landing / "cdrs/standard/mistake.csv"
    september = [call("billed", "2026-09-10T10:00:00", 61), call("end", "2026-10-01T10:00:00", 61)]
    first = land(workspace, "cdrs/standard", "september", september)
    told["first"] = step(workspace, "run")
    told["closed"] = step(workspace, "close", "2026-09", "--partner", "noord", "--no-run")

    # a landing that is refused, and taken out of sight
    bad = bad_rows(workspace, "bad")
    alarm = root / "alarm.json"
    told["refused"] = step(workspace, "run", env={"TIKTELLER_ON_FAILURE": f"cat > {alarm}"})
    bad.unlink()
    told["taken out"] = step(workspace, "run")

    # both are taken back; the file of the closed month is compressed, and the warehouse made anew
    step(workspace, "withdraw", "cdrs/standard/bad.csv", "--no-run")
    (first.parent / "september.csv.gz").write_bytes(gzip.compress(first.read_bytes()))
    first.unlink()
    told["withdrawn"] = step(workspace, "withdraw", str(path))
    told["nothing new"] = step(workspace, "run")
    published["before"] = {owner: tables(workspace, owner) for owner in ("noord", "west", PLATFORM)}
    told["rebuilt"] = step(workspace, "run", "--rebuild")
    published["after"] = {owner: tables(workspace, owner) for owner in ("noord", "west", PLATFORM)}

    # the file of the closed month is taken back too, and the mistake was none
    step(workspace, "withdraw", "cdrs/standard/september.csv.gz", "--no-run")
    (workspace.landing / "cdrs/standard/september.csv.gz").unlink()
    os.utime(path)
    told["mistake again"] = step(workspace, "run")
    return workspace, told, {"alarm": json.loads(alarm.read_text()), **published}


def test_a_refused_landing_is_not_forgotten(story: tuple) -> None:
    """A night of calls would never be billed: out of sight, the next run said that all is published."""
    _, told, more = story
    assert (told["first"].code, told["first"].check) == (0, 0)
    for moment in ("refused", "taken out"):
        assert (told[moment].code, told[moment].check) == (1, 1)
        assert "cdrs/standard/bad.csv (file " in told[moment].text
    assert "no longer in landing/: put it back, or tikteller withdraw" in told["taken out"].text
    assert more["alarm"]["pending"]
    assert not more["alarm"]["published"]
    assert "landed_as_expected" in more["alarm"]["problem"]
    assert (told["withdrawn"].code, told["withdrawn"].check) == (0, 0)
    assert "nothing new" in told["nothing new"].text


def test_a_landing_by_mistake_is_taken_back_and_the_correction_of_its_night_counts(story: tuple) -> None:
    """Calls that nobody made stay on the bill, also on a day without others; and 600 s are billed for 60 by the names of two files."""
    _, told, _ = story
    assert told["first"].calls["twice"][0] == 3600
    assert told["first"].calls.keys() == {"billed", "end", "twice", "mistake", "mistake too"}
    assert told["withdrawn"].calls["twice"] == (60, "2026-10", Decimal("0.0450"))
    assert told["withdrawn"].calls.keys() == {"billed", "end", "twice"}
    assert told["mistake again"].calls["twice"][0] == 3600  # it came last now
    assert {"mistake", "mistake too"} <= told["mistake again"].calls.keys()


def test_what_is_final_stays_when_its_file_is_compressed_rebuilt_or_taken_back(story: tuple) -> None:
    """An invoice that was sent would no longer be what the books say; or its calls would be late, and billed once more."""
    _, told, _ = story
    for moment in ("withdrawn", "rebuilt", "mistake again"):
        assert told[moment].code == 0, told[moment].text
        assert told[moment].calls["billed"] == (61, "2026-09", Decimal("0.0453"))
    assert "end" not in told["mistake again"].calls  # of an open month: it went with its file


def test_a_rebuild_changes_nothing_that_is_published(story: tuple) -> None:
    """What was billed would depend on when somebody rebuilt the warehouse."""
    _, _, more = story
    for owner, before in more["before"].items():
        after = more["after"][owner]
        assert before.keys() == after.keys()
        for table, rows in before.items():
            if table != "ingested_files":  # where the original is only there compressed now
                assert after[table] == rows, f"{owner}.{table}"


def test_what_was_withdrawn_is_told(story: tuple) -> None:
    """Rows that are gone without a trace are a question that nobody can answer a year later."""
    workspace, _, _ = story
    told = json.loads(tikteller(workspace.root, "status", "--format", "json").stdout)
    names = {f"cdrs/standard/{name}" for name in ("bad.csv", "mistake.csv", "september.csv.gz")}
    assert names <= {each["file"] for each in told["withdrawn"]}
    counts = ask(workspace, PLATFORM, "select rows_read, rows_kept, rows_quarantined from ingested_files where withdrawn_at is not null")
    assert set(counts) == {(0, 0, 0)}
    nothing = tikteller(workspace.root, "withdraw", "cdrs/standard/never.csv", check=False)
    assert nothing.returncode == 1
    assert "nothing that counts has landed" in nothing.stderr
