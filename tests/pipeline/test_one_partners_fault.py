"""What is wrong at one partner keeps that one's last good snapshot, and nobody else's: who did nothing wrong would go without figures."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration import serving
from orchestration.warehouse import builds
from orchestration.workspace import PLATFORM, PROJECT_ROOT, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask
from tests.pipeline.trade import call, land, open_trade

ENGINE_NAMES = ("SYSTEM", "Temp", "information_schema", "P1", "p1", "main", "x" * 64)
WEDNESDAY = "2026-09-02"
HELD = "select partner_id, held_because from partner_snapshots where held_because is not null order by 1"


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two partners, published with 20 calls each; west's exchange has a folder of its own, with 30 long calls in parts. Beside them
    partners that are called as the engine calls things of its own."""
    workspace = open_trade(tmp_path_factory.mktemp("traded") / "workspace")
    named = [{"partner_id": each, "name": each, "tier": "premium", "deck_id": "world"} for each in (*ENGINE_NAMES, "y" * 300, "current")]
    land(workspace, "partners", "named", named)
    land(
        workspace,
        "cdrs/standard",
        "west/parts",
        [
            call(f"long-{n}", f"{WEDNESDAY}T14:{n:02d}:00+02:00", 600 * part, customer="west-1", sequence=part)
            for n in range(30)
            for part in range(1, 7)
        ],
    )
    land_lawful_absurdities(workspace)
    for partner in ("noord", "west"):
        rows = [call(f"{partner}-{n}", f"{WEDNESDAY}T10:{n:02d}:00+02:00", 61, customer=f"{partner}-1") for n in range(20)]
        land(workspace, "cdrs/standard", f"{partner}/first", rows)
    tikteller(workspace.root, "run")
    return workspace


@pytest.fixture
def workspace(traded: Workspace, tmp_path: Path) -> Workspace:
    copy = Workspace(tmp_path / "workspace")
    shutil.copytree(traded.root, copy.root)
    return copy


def calls(workspace: Workspace, partner: str) -> int:
    ((count,),) = ask(workspace, partner, "select count(*) from calls where call_id not like 'long-%'")
    return count


def current(workspace: Workspace, partner: str) -> str:
    return serving.current_snapshot(workspace, partner).stem


def unreadable(rows: int, **more: object) -> list[dict[str, object]]:
    return [{**call(f"x-{n}", "last Tuesday", 61, customer="west-1"), **more} for n in range(rows)]


def test_an_exchange_that_is_wrong_in_bulk_holds_its_partner_and_no_other(workspace: Workspace) -> None:
    """Noord would go without figures because west's exchange writes its clock in words; or west's would come out too low, unseen."""
    before = current(workspace, "west")
    land(workspace, "cdrs/standard", "west/second", unreadable(150))
    (workspace.root / "sources.toml").write_text('[sources."cdrs/switch"]\nformat = "wholesaler"\npartner = "west"\n')
    switched = "".join(f"s-{n},trunk-west-1,0301234567,{WEDNESDAY}T11:00:00+02:00,0\n" for n in range(150))
    (workspace.landing / "cdrs" / "switch").mkdir()
    (workspace.landing / "cdrs" / "switch" / "night.csv").write_text(f"id,trunk,cld,start_time,seconds\n{switched}")
    land(workspace, "cdrs/standard", "noord/second", [call("n-new", f"{WEDNESDAY}T12:00:00+02:00", 61)])
    held = tikteller(workspace.root, "run", check=False)
    assert held.returncode == 1
    assert "NOT published for west" in held.stdout
    assert (held.stdout + held.stderr).count("landed_as_expected: cdrs/standard/west (west)") == 1, "told once"
    assert "west/second.csv" in held.stdout
    assert "landed_as_expected: cdrs/switch (west): some calls lasted" in held.stdout, "a source that is declared field by field"
    assert "published snapshot" in held.stdout
    assert calls(workspace, "noord") == 21
    assert (current(workspace, "west"), calls(workspace, "west")) == (before, 20)
    told = tikteller(workspace.root, "status").stdout
    assert "NOT for west" in told
    assert "landed_as_expected" in told

    land(workspace, "cdrs/standard", "noord/third", [call(f"n-{n}", f"{WEDNESDAY}T13:{n % 60:02d}:00+02:00", 61) for n in range(900)])
    again = tikteller(workspace.root, "run", check=False)
    assert again.returncode == 1, "what was not accepted is not outweighed by what landed since"
    assert (calls(workspace, "noord"), calls(workspace, "west")) == (921, 20)

    accepted = tikteller(workspace.root, "run", "--accept-landed")
    assert "published snapshot" in accepted.stdout
    assert "NOT" not in accepted.stdout
    assert current(workspace, "west") == current(workspace, "noord")
    assert ask(workspace, PLATFORM, HELD) == []
    assert "nothing new" in tikteller(workspace.root, "run").stderr


def test_rows_of_nobody_are_told_and_hold_nobody(workspace: Workspace) -> None:
    """All would wait for a file of which nobody knows whose it is; or nobody would hear of it."""
    share_one_pointer(workspace)
    assert calls(workspace, "west") == 20
    land(workspace, "cdrs/standard", "stray", unreadable(150, account="nobody"))
    land(workspace, "cdrs/standard", "noord/second", [call("n-new", f"{WEDNESDAY}T12:00:00+02:00", 61)])
    told = tikteller(workspace.root, "run", check=False)
    assert told.returncode == 1
    assert (told.stdout + told.stderr).count("nobody knows whose") == 1, "told once"
    assert "stray.csv" in told.stdout
    assert calls(workspace, "noord") == 21
    assert current(workspace, "west") == current(workspace, "noord")
    assert not (workspace.serving / "current").exists(), "each partner has a pointer of its own now"


ABSURD_CALLS = 8_000


def land_lawful_absurdities(workspace: Workspace) -> None:
    """A partner whose deck costs all that a deck may, with calls as long as a record may say: a day of them costs over 10^12 euros."""
    deck = {"deck_id": "dear", "prefix": "49", "destination": "Duitsland", "connection_fee_eur": "100000", "minute_rate_eur": "100000"}
    land(workspace, "purchase_rates", "dear", [deck | {"valid_from": "2026-01-01"}])
    land(workspace, "partners", "dear", [{"partner_id": "oost", "name": "Oost", "tier": "premium", "deck_id": "dear", "country": "NL"}])
    land(
        workspace,
        "customers",
        "dear",
        [{"customer_id": "oost-1", "partner_id": "oost", "name": "Klant van oost", "ids_range_eur": "40-80"}],
    )
    land(workspace, "accounts", "dear", [{"account": "trunk-oost-1", "customer_id": "oost-1"}])
    land(workspace, "call_plans", "dear", [{"call_plan_id": "oost-plan", "partner_id": "oost", "name": "Duur"}])
    rate = {"call_plan_id": "oost-plan", "country": "*", "line_type": "*", "connection_fee_eur": "0", "minute_rate_percent": "999"}
    land(workspace, "call_plan_rates", "dear", [rate | {"valid_from": "2026-01-01"}])
    land(workspace, "customer_plans", "dear", [{"customer_id": "oost-1", "call_plan_id": "oost-plan", "valid_from": "2026-01-01"}])
    long = [call(f"dear-{n}", f"{WEDNESDAY}T09:00:00+02:00", 86_400, "0049301234567", customer="oost-1") for n in range(ABSURD_CALLS)]
    short = [call(f"missed-{n}", f"{WEDNESDAY}T09:00:00+02:00", 0, "0049301234567", customer="oost-1") for n in range(ABSURD_CALLS + 1)]
    land(workspace, "cdrs/standard", "oost/dear", [*long, *short])


def test_absurd_but_lawful_prices_stop_nobody(traded: Workspace) -> None:
    """Sums beyond 10^12 euros of one partner would keep everybody's figures back."""
    cost = 100_000 * 1_440 + 100_000
    expected = [(2 * ABSURD_CALLS + 1, ABSURD_CALLS * cost)]
    assert ask(traded, "oost", "select sum(calls), sum(purchase_eur) from daily_calls") == expected
    assert ask(traded, "oost", "select sum(sale_eur) from margins") == [(ABSURD_CALLS * 100_000 * 1_440 * 999 // 100,)]
    assert serving.current_snapshot(traded, "noord").stem == serving.current_snapshot(traded, "oost").stem


def share_one_pointer(workspace: Workspace) -> None:
    """As the version before left it: after the upgrade nothing would be published."""
    (workspace.serving / "current").write_text((workspace.serving / "west" / "current").read_text())
    for folder in [each for each in workspace.serving.iterdir() if each.is_dir()]:
        (folder / "current").unlink()
        (folder / "current").symlink_to("../current")


def test_long_calls_in_parts_are_no_broken_ids(traded: Workspace) -> None:
    """Thirty long calls in six lawful parts each would hold a partner back: one id is not one record."""
    assert ask(traded, "west", "select count(*), sum(records) from calls where call_id like 'long-%'") == [(30, 180)]


def other_rules(folder: Path, test: str) -> list[str]:
    """The command line with one more test among the rules."""
    shutil.copytree(builds.DBT_PROJECT_DIR, folder / "dbt_project", ignore=shutil.ignore_patterns("target", "logs"))
    (folder / "seeds").symlink_to(builds.SEEDS_DIR)
    (folder / "dbt_project" / "tests" / "nobody_calls_for_777_seconds.sql").write_text(test)
    program = (
        f"import sys, pathlib, orchestration.workspace as w; w.DBT_PROJECT_DIR = pathlib.Path({str(folder / 'dbt_project')!r}); "
        "from orchestration import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    return [sys.executable, "-c", program]


def test_a_check_that_fails_says_whose_and_holds_only_that_one(workspace: Workspace, tmp_path: Path) -> None:
    """A row of west that contradicts its history would keep noord's figures back, and the message would name dbt's test and no customer."""
    rules = (
        "-- Fails if somebody calls for 777 seconds: they would be billed for luck. It is a test.\n"
        "select partner_id, customer_id, duration_s from {{ ref('calls') }} where duration_s = 777"
    )
    command = [*other_rules(tmp_path, rules), "--workspace", str(workspace.root), "run"]
    land(workspace, "cdrs/standard", "west/lucky", [call("lucky", f"{WEDNESDAY}T15:00:00+02:00", 777, customer="west-2")])
    land(workspace, "cdrs/standard", "noord/second", [call("n-new", f"{WEDNESDAY}T12:00:00+02:00", 61)])
    before = current(workspace, "west")
    for _ in range(2):  # the second run does not let it pass because it was seen before
        done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT_ROOT, env=os.environ | {"PYTHONPATH": str(PROJECT_ROOT)})
        assert done.returncode == 1, done.stdout + done.stderr
        assert "west, customer west-2: Fails if somebody calls for 777 seconds: they would be billed for luck (nobody_calls" in done.stdout
        assert "1 row, such as customer_id west-2 duration_s 777" in done.stdout
        assert (current(workspace, "west"), calls(workspace, "west")) == (before, 20)
        assert calls(workspace, "noord") == 21
    tikteller(workspace.root, "run")  # by the rules without that test
    assert (calls(workspace, "west"), calls(workspace, "noord")) == (21, 21)


def test_ids_of_partners_are_no_names_of_the_engine(traded: Workspace, tmp_path: Path) -> None:
    """A partner that is called as the engine calls something of its own would break the questions and reports over all."""
    ids = (*ENGINE_NAMES, "noord", "oost", "west")
    assert sorted(serving.published_partners(traded)) == sorted(ids)
    told = tikteller(traded.root, "sql", "select partner_id from partner order by 1", "--format", "csv").stdout.split()
    assert told == ["partner_id", *sorted(ids)]
    assert tikteller(traded.root, "sql", "select partner_id from partner", "--partner", "P1", "--format", "csv").stdout.split()[1:] == [
        "P1"
    ]
    assert ask(traded, PLATFORM, "select count(*) from quarantine where reason = 'invalid_partner_id'") == [(2,)]
    tikteller(traded.root, "export", "margins", "--out", str(tmp_path / "margins.csv"))
