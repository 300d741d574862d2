"""Fails if a faulty price list changes what calls cost, if it goes unseen, or if it keeps back what is right."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

from orchestration.landing import as_declared
from orchestration.workspace import PLATFORM, Workspace
from tests.conftest import tikteller
from tests.pipeline.readers import ask, totals
from tests.pipeline.trade import call, land, open_trade

FIXED_NETHERLANDS = """
    select count(*), max(abs(purchase_billed_s * {rate} - purchase_eur * 60))
    from calls where status = 'rated' and not is_onnet and deck_prefix = '31' and call_date >= '2026-10-20'
"""
HEADER = "deck_id,prefix,destination,connection_fee_eur,minute_rate_eur,valid_from,valid_to\n"
FIX = "rates are zero or more; then land the whole list again"
NEW_PRICE_OF_BOTH = HEADER + (
    "kustlijn-world,31,Nederland vast,0,0.0600,2026-10-20,\n"
    "binnenhaven-world,31,Nederland vast,0,0.0600,2026-10-20,\n"
)  # fmt: skip


def bought_at(workspace: Workspace, partner: str, rate: str) -> bool:
    """Whether every call to the fixed Netherlands from 20 October on was bought at this minute rate, but for rounding to 4 decimals."""
    calls, furthest = ask(workspace, partner, FIXED_NETHERLANDS.format(rate=f"{rate}::decimal(9, 4)"))[0]
    assert calls > 20
    return furthest <= 60 * Decimal("0.00005")


def test_a_faulty_price_list_is_held_back_and_its_deck_alone(demo_workspace: Workspace, tmp_path: Path) -> None:
    # Fails if half of a faulty list is billed by, if nobody is told of it, or if a fixed one is not taken.
    workspace = Workspace(tmp_path / "workspace")
    shutil.copytree(demo_workspace.root, workspace.root, symlinks=True)
    before = totals(workspace)
    assert bought_at(workspace, "kustlijn", "0.0055")
    assert bought_at(workspace, "binnenhaven", "0.0060")

    lists = workspace.feed("purchase_rates")
    (lists / "zz-1-both.csv").write_text(NEW_PRICE_OF_BOTH + "kustlijn-world,4930,Berlijn,0,-0.0100,2026-10-20,\n")
    tikteller(workspace.root, "run")
    assert totals(workspace)["kustlijn"] == before["kustlijn"]
    assert bought_at(workspace, "binnenhaven", "0.0600"), "another deck of the same file has no fault"
    assert ask(workspace, "kustlijn", "select line, reason from quarantine where file like '%zz-1-both.csv' order by line") == [
        (2, "deck_version_blocked"),
        (4, "negative_rate"),
    ]
    problems = "select line, prefix, problem, fix, is_blocking, is_overtaken from deck_problems where file like '%zz-1-both.csv'"
    assert ask(workspace, "kustlijn", problems) == [(4, "4930", "negative_rate", FIX, True, False)]
    assert ask(workspace, "binnenhaven", problems) == []
    assert ask(workspace, "kustlijn", "select * from deck_changes where file like '%zz-1-both.csv'") == []
    said = tikteller(workspace.root, "status").stdout
    assert any("zz-1-both.csv" in line and "negative_rate" in line and "held back" in line for line in said.splitlines())

    (lists / "zz-2-fixed.csv").write_text(NEW_PRICE_OF_BOTH + "kustlijn-world,4930,Berlijn,0,0.0100,2026-10-20,\n")
    tikteller(workspace.root, "run")
    assert bought_at(workspace, "kustlijn", "0.0600")
    assert ask(workspace, "kustlijn", problems) == [(4, "4930", "negative_rate", FIX, True, True)]
    assert ask(
        workspace,
        "kustlijn",
        "select prefix, change, valid_from::varchar, old_minute_rate_eur, new_minute_rate_eur, difference_eur, difference_percent"
        " from deck_changes where file like '%zz-2-fixed.csv' and prefix = '31'",
    ) == [("31", "dearer", "2026-10-20", Decimal("0.0055"), Decimal("0.06"), Decimal("0.0545"), Decimal("990.91"))]
    assert (
        ask(workspace, PLATFORM, "select file from ingested_files where rows_read <> rows_kept + rows_duplicate + rows_quarantined") == []
    )


DENMARK = {"deck_id": "world", "prefix": "4510", "connection_fee_eur": "0", "minute_rate_eur": "0.0400"}
SOLD = "select call_id, country, line_type, sale_eur from calls order by call_id"


def test_a_new_price_list_leaves_the_days_before_it_as_they_were(tmp_path: Path) -> None:
    # Fails if a list that holds from October changes how September's open calls are sold: a landline of that day would be paid as a mobile.
    workspace = open_trade(tmp_path / "workspace")
    land(workspace, "purchase_rates", "second", [DENMARK | {"destination": "Denmark", "valid_from": "2026-01-01"}])
    rate = {"call_plan_id": "noord-zakelijk", "country": "DK", "valid_from": "2026-01-01", "connection_fee_eur": "0"}
    rates = [rate | {"line_type": "FIX", "minute_rate_eur": "0.1"}, rate | {"line_type": "MOB", "minute_rate_eur": "0.3"}]
    land(workspace, "call_plan_rates", "second", rates)
    days = ("2026-09-01", "2026-09-29", "2026-10-02", "2026-10-03")
    land(workspace, "cdrs/standard", "calls", [call(day, f"{day}T12:00:00", 60, callee="004510123456") for day in days])
    tikteller(workspace.root, "run")
    fixed = [(day, "DK", "FIX", Decimal("0.1")) for day in days]
    assert ask(workspace, "noord", SOLD) == fixed

    named = DENMARK | {"destination": "Denmark - Mobile", "valid_from": "2026-10-02"}
    land(workspace, "purchase_rates", "third", [named | {"line_type": ""}, named | {"line_type": "FIX", "valid_from": "2026-10-03"}])
    tikteller(workspace.root, "run", "--rebuild")
    assert ask(workspace, "noord", SOLD) == [*fixed[:2], ("2026-10-02", "DK", "MOB", Decimal("0.3")), fixed[3]]
    told = "select destination, line_type, deck_line_type, plan_line_type, calls, duration_s from deck_disagreements"
    assert ask(workspace, "noord", told) == [("Denmark - Mobile", "MOB", "MOB", "FIX", 1, 60)]
    changed = "select valid_from::varchar, line_type, change from deck_changes where file like '%third.csv' order by all"
    assert ask(workspace, "noord", changed) == [("2026-10-02", "MOB", "changed"), ("2026-10-03", "FIX", "changed")]
    for day, why in (("2026-10-01", "numbering plans: unlisted"), ("2026-10-02", "as the deck says on 2026-10-02")):
        asked = ["--partner", "noord", "--plan", "noord-zakelijk", "--to", "+4510123456", "--seconds", "60", "--at", day]
        assert why in tikteller(workspace.root, "quote", *asked).stdout


COMMON = """
[sources."purchase_rates/lists"]
deck_id = "spare"
valid_from = "2026-01-01"
"""
OWN = """
[sources."purchase_rates/lists/world"]
deck_id = "world"
valid_from = "2026-01-01"
"""


def test_a_deck_that_an_older_release_left_empty_has_its_prices_after_the_next_run(tmp_path: Path) -> None:
    # Fails if the run after the update finds nothing to do: calls wait for a price until some other file happens to land.
    workspace = open_trade(tmp_path / "workspace")
    land(workspace, "cdrs/standard", "calls", [call("denmark", "2026-10-01T12:00:00", 60, callee="004510123456")])
    lists = workspace.feed("purchase_rates") / "lists"
    for folder in (lists, lists / "world"):
        folder.mkdir()
        (folder / "list.csv").write_text("Bestemming;Kengetal;Prijs per minuut\nDenemarken vast;45;0,04\n")
    sources = workspace.root / "sources.toml"
    sources.write_text(COMMON)
    tikteller(workspace.root, "run")
    bought = "select status, purchase_eur from calls"
    assert ask(workspace, "noord", bought) == [("unrated", None)]
    sources.write_text(COMMON + OWN)
    as_declared.remember_sources(workspace)  # as a release leaves it for which both are one list: read as declared, and published

    assert tikteller(workspace.root, "status", "--check", check=False).returncode == 1
    tikteller(workspace.root, "run")
    assert ask(workspace, "noord", bought) == [("rated", Decimal("0.04"))]
    ledger = "select duplicate_of, rows_kept from ingested_files where file like '%lists/%'"
    assert ask(workspace, PLATFORM, ledger) == [(None, 1), (None, 1)]
    assert tikteller(workspace.root, "status", "--check").returncode == 0
    assert "nothing new has landed" in tikteller(workspace.root, "run").stderr
