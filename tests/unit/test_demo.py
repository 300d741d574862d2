"""The demo data: what is told about it must be true, because every other test of the pipeline is held against it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import subprocess
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Set
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestration.demo import generate
from orchestration.demo.branches import TICKETS, lottery
from orchestration.demo.exchanges import ASTERISK_COLUMNS, EXCHANGES, FREESWITCH_COLUMNS
from orchestration.demo.partners import PARTNERS, customers_of, dutch_vat_number, iban
from orchestration.demo.period import AMSTERDAM, offsets_s, period_of
from orchestration.demo.traffic import Crowd, calls_of, crowd_of
from orchestration.errors import TiktellerError
from orchestration.landing.feeds import FEEDS
from orchestration.workspace import PROJECT_ROOT, SEEDS_DIR, Workspace

CALLS = 20_000
HEADERLESS = {
    "cdrs/asterisk": (*ASTERISK_COLUMNS, "peeraccount", "linkedid", "sequence"),
    "cdrs/freeswitch": (*FREESWITCH_COLUMNS, "read_codec", "write_codec"),
}
WHOLE_FILE = {"wrong_header", "wrong_encoding", "truncated", "empty_file"}


def text_of(path: Path) -> str:
    """A file's text, read without the code under test; of an archive that ends early, all that can be had."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = zlib.decompressobj(31).decompress(content)
    return content.decode("utf-8-sig", "replace")


def rows_of(path: Path, feed: str) -> list[dict[str, str]]:
    """The rows of a file by column; missing fields are left out, fields too many are under None."""
    text = text_of(path)
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    return list(csv.DictReader(io.StringIO(text), fieldnames=HEADERLESS.get(feed), delimiter=delimiter))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("demo"))
    generate(workspace, calls=CALLS, months=3, seed=1)
    return workspace


LEGS_WITH_KEYS_OF_THEIR_OWN = ("queue_no_answer", "leg_within_another", "bridged_other_leg")


@pytest.fixture(scope="module")
def known(demo: Workspace) -> dict[str, Any]:
    """What the generator says of its files."""
    return json.loads(demo.demo_answers.read_text())


@pytest.fixture(scope="module")
def good_rows(demo: Workspace, known: dict[str, Any]) -> dict[str, list[tuple[str, dict[str, str]]]]:
    """Per feed (file, row) of the files without any quarantined row."""
    found = defaultdict(list)
    for file, counts in known["files"].items():
        if not counts["quarantined"]:
            found[counts["feed"]] += [(file, row) for row in rows_of(demo.landing / file, counts["feed"])]
    return found


def tree(workspace: Workspace) -> dict[str, str]:
    return {
        path.relative_to(workspace.root).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in workspace.root.rglob("*")
        if path.is_file()
    }


def test_one_seed_always_gives_the_same_bytes(tmp_path: Path) -> None:
    """Else a failure that somebody saw cannot be seen again by anybody."""
    once, again, other = (Workspace(tmp_path / name) for name in ("once", "again", "other"))
    for workspace, seed in ((once, 7), (again, 7), (other, 8)):
        generate(workspace, calls=300, months=1, seed=seed)
    assert tree(once) == tree(again)
    differing = {file for file, fingerprint in tree(once).items() if tree(other).get(file) != fingerprint}
    assert {file.split("/")[2] for file in differing if file.startswith("landing/cdrs/")} == {"standard", "3cx", "asterisk", "freeswitch"}


@pytest.mark.parametrize(("calls", "months"), [(1, 1), (777, 1), (3001, 5)])
def test_the_number_of_calls_is_exact_and_dirt_comes_on_top(tmp_path: Path, calls: int, months: int) -> None:
    """Else no count downstream can be checked, and dirt would grow with the calls."""
    workspace = Workspace(tmp_path)
    summary = generate(workspace, calls=calls, months=months, seed=3)
    told = json.loads(workspace.demo_answers.read_text())
    written = sum(
        len(rows_of(workspace.landing / file, counts["feed"]))
        for file, counts in told["files"].items()
        if counts["feed"].startswith("cdrs/")
    )
    dirt = sum(row["rows"] for row in told["dirt"] if row["feed"].startswith("cdrs/"))
    assert written == calls + dirt
    assert dirt == 400
    assert summary.first_day == date(2026, 11 - months, 1)
    assert summary.last_day == date(2026, 10, 31)


def test_what_is_told_of_every_file_is_what_is_in_it(demo: Workspace, known: dict[str, Any]) -> None:
    """Else the acceptance of the pipeline measures against a lie."""
    present = {path.relative_to(demo.landing).as_posix() for path in demo.landing.rglob("*") if path.is_file()}
    assert present == set(known["files"])
    feeds: dict[str, Counter[str]] = defaultdict(Counter)
    for file, counts in known["files"].items():
        assert len(rows_of(demo.landing / file, counts["feed"])) == counts["rows"], file
        assert counts["kept"] + counts["duplicate"] + counts["quarantined"] == counts["rows"], file
        feeds[counts["feed"]].update({name: counts[name] for name in ("rows", "kept", "duplicate", "quarantined")}, files=1)
    dirt = Counter((row["feed"], row["reason"]) for row in known["dirt"] for _ in range(row["rows"]) if row["reason"])
    for feed, counted in feeds.items():
        told = known["feeds"][feed]
        assert told["rows"] == counted["rows"]
        assert told["files"] == counted["files"]
        assert [told[f"expected_{end}"] for end in ("kept", "duplicate", "quarantined")] == [
            counted[end] for end in ("kept", "duplicate", "quarantined")
        ]
        assert {reason: rows for reason, rows in told["expected_reasons"].items() if rows} == {
            reason: rows for (of_feed, reason), rows in dirt.items() if of_feed == feed
        }


def test_every_feed_and_every_way_to_write_a_file_is_there(demo: Workspace, known: dict[str, Any]) -> None:
    """Else a dialect breaks and the demo shows nothing of it."""
    assert set(known["feeds"]) == {feed.name for feed in FEEDS}
    heads = {file: text_of(demo.landing / file)[:300] for file in known["files"]}
    raw = {file: (demo.landing / file).read_bytes() for file in known["files"]}
    assert {file.endswith(".gz") for file in heads} == {True, False}
    assert {";" in head.partition("\n")[0] for head in heads.values()} == {True, False}
    assert {"\r\n" in head for head in heads.values()} == {True, False}
    assert {content.startswith(b"\xef\xbb\xbf") for content in raw.values()} == {True, False}
    rates = {
        row["minute_rate_eur"]
        for file in heads
        if "purchase_rates/demo-1" in file
        for row in rows_of(demo.landing / file, "purchase_rates")
    }
    assert any("," in rate for rate in rates)
    assert any("." in rate for rate in rates)
    headers = {
        tuple(rows[0])
        for file, counts in known["files"].items()
        if counts["feed"] == "cdrs/3cx" and (rows := rows_of(demo.landing / file, "cdrs/3cx"))
    }
    assert len({header for header in headers if "to-no" in header}) >= 2


def test_calls_that_come_twice_are_as_many_as_told(demo: Workspace, known: dict[str, Any]) -> None:
    """Else a customer pays a call twice and the demo calls that right."""
    keys = {
        "cdrs/standard": ("call_id", "leg", "sequence"),
        "cdrs/3cx": ("callid",),
        "cdrs/asterisk": ("uniqueid",),
        "cdrs/freeswitch": ("uuid",),
    }
    broken = {row["file"] for row in known["dirt"] if row["reason"] in WHOLE_FILE}
    for feed, key in keys.items():
        files = [file for file, counts in known["files"].items() if counts["feed"] == feed and file not in broken]
        seen = Counter(
            tuple(row.get(column) for column in key)
            for file in files
            for row in rows_of(demo.landing / file, feed)
            if row.get(key[0]) and all(column is not None for column in row)
        )
        legs = sum(row["rows"] for row in known["dirt"] if row["feed"] == feed and row["kind"] in LEGS_WITH_KEYS_OF_THEIR_OWN)
        assert sum(seen.values()) - len(seen) == known["feeds"][feed]["expected_duplicate"] - legs, feed


def test_nobody_real_can_be_billed_or_called(demo: Workspace, known: dict[str, Any]) -> None:
    """Else a demo puts a real bank account, VAT number or telephone number on an invoice."""
    text = "\n".join(text_of(demo.landing / file) for file, counts in known["files"].items() if not counts["feed"].startswith("cdrs/"))
    accounts = set(re.findall(r"\b[A-Z]{2}\d{2}[A-Z]{4}\d{10}\b", text))
    assert len(accounts) > len(PARTNERS), "mandates of customers too"
    for account in accounts:
        assert account[4:8] == "TEST"
        assert _mod_97(account[4:] + account[:4]) == 1
    vat_numbers = set(re.findall(r"\bNL\d{9}B\d{2}\b", text))
    assert len(vat_numbers) >= len(PARTNERS)
    for number in vat_numbers:
        assert number.startswith("NL0000999")
        assert _mod_97(number) == 1
    assert all(address.endswith(".example") for address in re.findall(r"@[\w.-]+", text))
    own = [int(row["first_number"]) for row in rows_of(demo.landing / "numbers/demo-1.csv.gz", "numbers")]
    assert all(re.match(r"31(\d\d0|970)", str(number)) for number in own)


def _mod_97(text: str) -> int:
    return int("".join(str(int(sign, 36)) for sign in text)) % 97


def test_checksums_are_those_of_documented_examples() -> None:
    """Else every identifier of the demo is refused by the first program that checks one."""
    assert iban("ABNA", "0417164300") == "NL91ABNA0417164300"  # the example of the IBAN registry
    assert _mod_97(dutch_vat_number(98)) == _mod_97("NL000099998B57") == 1  # the example of the Dutch tax office


def e164(dialled: str) -> str:
    """The number of a dialled text, by DOMAIN.md 8 alone; empty for extensions, feature codes and hidden numbers."""
    digits = dialled.replace("-", "").removeprefix("Ext.")
    if not digits.removeprefix("+").isdigit() or (len(digits) == 3 and digits != "112"):
        return ""
    if digits.startswith("+"):
        return digits[1:]
    if digits.startswith("00"):
        return digits[2:]
    if digits.startswith("031") and len(digits) >= 12:
        return digits[1:]
    if digits.startswith("0"):
        return "31" + digits[1:]
    return digits if len(digits) > 6 else "31" + digits


def longest(number: str, prefixes: Set[str]) -> str:
    return next((number[:n] for n in range(len(number), 0, -1) if number[:n] in prefixes), "")


def test_every_call_has_a_rate_but_those_told_to_have_none(demo: Workspace, known: dict[str, Any], good_rows: dict[str, Any]) -> None:
    """Else calls wait for a rate by accident, and a queue of unrated calls that should alarm is normal."""
    deck = {
        row["prefix"]
        for file in known["files"]
        if "purchase_rates/demo-1" in file
        for row in rows_of(demo.landing / file, "purchase_rates")
    }
    columns = {"cdrs/standard": "callee", "cdrs/3cx": "to-no", "cdrs/asterisk": "dst", "cdrs/freeswitch": "destination_number"}
    called = Counter(e164(row[column]) for feed, column in columns.items() for _, row in good_rows[feed])
    unrated = {number: calls for number, calls in called.items() if number and not longest(number, deck)}
    assert all(number.startswith("88216") for number in unrated)
    among_dirt = sum(row["rows"] for row in known["dirt"] if row["outcome"] == "unrated" and known["files"][row["file"]]["quarantined"])
    assert sum(unrated.values()) + among_dirt == known["expected_unrated"] == 16
    prefixes = {row["prefix"]: row["country"] for row in csv.DictReader((SEEDS_DIR / "number_prefixes.csv").open())}
    countries = {prefixes.get(longest(number, prefixes.keys())) for number in called if number}
    assert None not in countries
    assert len(countries) > 25


def test_rates_and_plans_never_leave_a_gap_or_overlap(demo: Workspace, known: dict[str, Any], good_rows: dict[str, Any]) -> None:
    """Else a call of the demo has two prices, or a customer none."""
    rates = [row for _, row in good_rows["purchase_rates"]]
    stated = Counter((row["deck_id"], row["prefix"], row["valid_from"]) for row in rates)
    assert max(Counter((file, row["deck_id"], row["prefix"], row["valid_from"]) for file, row in good_rows["purchase_rates"]).values()) == 1
    assert sum(stated.values()) - len(stated) == known["feeds"]["purchase_rates"]["expected_duplicate"]
    assert all(re.fullmatch(r"\d+([.,]\d{1,6})?", row["minute_rate_eur"]) for row in rates)
    assert {row["valid_from"] for row in rates} > {"2023-01-01"}
    assert {(row["first_increment_s"], row["next_increment_s"]) for row in rates} > {("1", "1"), ("60", "60")}
    plans = [row for _, row in good_rows["customer_plans"]]
    planned = {row["customer_id"] or row["customer_group"] for row in plans if row["valid_from"] == "2023-01-01"}
    customers = {row["customer_id"]: row for _, row in good_rows["customers"]} | {
        row["customer_id"]: row for row in rows_of(demo.landing / "customers/demo-1.csv", "customers")
    }
    assert len(customers) == 124
    for customer in customers.values():
        assert customer["customer_id"] in planned or customer["customer_group"] in planned
    assert {row["call_plan_id"] for row in plans if row["call_plan_id"]} <= {row["call_plan_id"] for _, row in good_rows["call_plans"]}


def test_a_second_price_list_changes_the_first_in_every_way(demo: Workspace) -> None:
    """Else who looks at what a new list changes sees nothing, or a call of the demo loses its price on the first of the month."""
    first, second = (
        {row["prefix"]: row for row in rows_of(demo.landing / f"purchase_rates/demo-{name}", "purchase_rates")}
        for name in ("1-kustlijn-world.csv.gz", "2-kustlijn-world.csv")
    )
    began = {row["valid_from"] for row in second.values() if not row["valid_to"]}
    assert began == {"2026-10-01"}
    changes = Counter(
        "gone" if row["valid_to"] == "2026-10-01"
        else "new" if prefix not in first
        else "increments" if row["minute_rate_eur"] == first[prefix]["minute_rate_eur"]
        else "dearer" if float(row["minute_rate_eur"]) > float(first[prefix]["minute_rate_eur"]) else "cheaper"
        for prefix, row in second.items()
    )  # fmt: skip
    assert set(changes) == {"gone", "new", "increments", "dearer", "cheaper"}
    assert sum(changes.values()) < len(first) / 2, "a list of amendments, not a whole one"
    remaining = first.keys() - {prefix for prefix, row in second.items() if row["valid_to"]}
    assert all(longest(prefix, remaining) for prefix in first)


@pytest.mark.parametrize("prefixes", [5_000, 20_000])
def test_a_deck_has_as_many_prefixes_as_asked_for(tmp_path: Path, prefixes: int) -> None:
    """Else what is measured on a large deck is measured on a small one, or on prefixes that no call could have."""
    workspace = Workspace(tmp_path)
    generate(workspace, calls=10, months=1, seed=1, deck_prefixes=prefixes)
    rows = rows_of(workspace.landing / "purchase_rates/demo-1-kustlijn-world.csv.gz", "purchase_rates")
    deck = {row["prefix"]: float(row["minute_rate_eur"]) for row in rows if row["valid_from"] == "2023-01-01"}
    assert len(deck) == prefixes
    world = {row["prefix"] for row in csv.DictReader((SEEDS_DIR / "number_prefixes.csv").open())}
    beginnings = {prefix[:length] for prefix in world for length in range(1, len(prefix) + 1)}
    assert all(prefix in beginnings or longest(prefix, world) for prefix in deck if not prefix.startswith("31"))
    assert not any(prefix.startswith("882") for prefix in deck), "calls to it have to wait"
    near = [deck[prefix] / deck[parent] for prefix in deck if (parent := prefix[:-1]) in deck and deck[parent] and len(prefix) > 6]
    assert len(near) > prefixes / 10
    assert sorted(near)[len(near) // 10] > 0.7
    assert sorted(near)[len(near) * 9 // 10] < 1.5


def test_what_refers_to_something_finds_it(good_rows: dict[str, Any]) -> None:
    """Else good rows end in quarantine, and the counts of dirt are not the dirt's."""
    customers = {row["customer_id"] for _, row in good_rows["customers"]}
    services = {row["service_code"] for _, row in good_rows["services"]}
    profiles = {row["access_profile"] for row in csv.DictReader((SEEDS_DIR / "access_profiles.csv").open())}
    assert len(customers) == 124
    for feed in ("orders", "accounts", "extension_counts", "internet_lines"):
        assert {row["customer_id"] for _, row in good_rows[feed]} <= customers, feed
    assert {row["service_code"] for feed in ("orders", "extension_counts") for _, row in good_rows[feed]} <= services
    on_purpose = {"satelliet-30", "kabel-40"}
    assert {row["access_profile"] for _, row in good_rows["internet_lines"]} - profiles == on_purpose
    accounts = {row["account"] for _, row in good_rows["accounts"]}
    named = {row["account"] for _, row in good_rows["cdrs/standard"]} | {row["accountcode"] for _, row in good_rows["cdrs/freeswitch"]}
    folders = {file.split("/")[2] for feed in ("cdrs/3cx", "cdrs/asterisk") for file, _ in good_rows[feed] if file.count("/") == 3}
    assert named - {""} <= accounts
    assert folders == {"kl-035-trunk", "bh-053-trunk"}
    assert folders <= accounts


def test_orders_and_readings_have_the_cases_that_billing_must_get_right(good_rows: dict[str, Any]) -> None:
    """Else a part month, an end, a porting or a missing month-end reading is never tried."""
    orders = [row for _, row in good_rows["orders"]]
    assert any(row["delivered_on"][8:] not in ("", "01") and row["delivered_on"] >= "2026-08" for row in orders)
    assert any(row["ended_on"] for row in orders)
    assert any(not row["delivered_on"] for row in orders)
    assert any(";" in row["numbers"] and row["losing_operator"] and row["account_holder"] for row in orders)
    october = defaultdict(set)
    for _, row in good_rows["extension_counts"]:
        if row["read_at"].startswith("2026-10"):
            october[row["pbx_id"]].add(row["read_at"])
    pbxs = {row["pbx_id"] for _, row in good_rows["extension_counts"]}
    assert pbxs - set(october) == {"kl-036-pbx"}
    assert [pbx for pbx, read in october.items() if max(read) < "2026-10-28"] == ["kl-037-pbx"]


def test_the_wholesaler_bills_every_call_once_and_errs_in_every_way(known: dict[str, Any], demo: Workspace) -> None:
    """Else a reconciliation has nothing to find, or finds what nobody put there."""
    planted = known["expected_purchase_differences"]
    assert {each["finding"] for each in planted} == {
        "rate of 2026-10-01", "rate of 2023-01-01", "calls missing here", "other seconds", "not billed", "without a price here",
        "pieces missing here",
    }  # fmt: skip
    assert len({(each["partner_id"], each["month"], each["destination"], each["service_code"]) for each in planted}) == len(planted)
    lines = rows_of(demo.landing / "purchase_invoices/demo-binnenhaven-2026-10.csv", "purchase_invoices")
    calls = [line for line in lines if line["deck_id"] and not line["account"]]
    (total,) = (line for line in calls if not line["prefix"])
    for column in ("calls", "seconds"):
        assert int(total[column]) == sum(int(line[column]) for line in calls if line["prefix"])
    assert {line["account"] for line in lines} == {"", "bh-053-trunk"}
    assert all(re.fullmatch(r"\d+(,\d\d?)?", line["amount_eur"]) for line in lines)


def ordinary_starts(good_rows: dict[str, Any]) -> Iterator[tuple[str, date, datetime]]:
    """File, the day it is of, and the local start (aware where the file says so) of every call in the ordinary files."""
    columns = {"cdrs/standard": "started_at", "cdrs/3cx": "time-start", "cdrs/asterisk": "start", "cdrs/freeswitch": "start_stamp"}
    for feed, column in columns.items():
        for file, row in good_rows[feed]:
            if day := re.search(r"\d{4}-\d\d-\d\d", file):
                text = row[column].replace("/", "-")
                if " " in text:
                    pieces = [int(piece) for piece in re.split(r"[-: ]", text)]
                    yield file, date.fromisoformat(day[0]), datetime(*pieces)  # type: ignore[arg-type]
                else:
                    yield file, date.fromisoformat(day[0]), datetime.fromisoformat(text)


def test_times_are_those_of_the_day_and_of_amsterdam(good_rows: dict[str, Any]) -> None:
    """Else calls fall on the wrong day of an invoice, or the hour that autumn repeats is hit by chance."""
    seen = 0
    for file, day, started in ordinary_starts(good_rows):
        seen += 1
        if started.tzinfo:
            local = started.astimezone(AMSTERDAM)
            assert local.date() == day, file
            assert started.utcoffset() in (timedelta(), local.utcoffset()), file
        else:
            assert started.date() == day, file
            assert not (day == date(2026, 10, 25) and started.hour == 2), file
    assert seen > CALLS * 0.9


@pytest.fixture(scope="module")
def crowds() -> dict[str, Crowd]:
    customers = customers_of(1)
    return {exchange.exchange_id: crowd_of(exchange, index, customers) for index, exchange in enumerate(EXCHANGES)}


def test_days_and_seeds_draw_calls_of_their_own(crowds: dict[str, Crowd]) -> None:
    """Else every day of the demo is the same day, or every seed the same demo."""
    hosted, day = crowds["demo-3cx-hosted"], date(2026, 9, 9)
    drawn = [calls_of(hosted, on, 50, seed).column("callee").to_pylist() for on, seed in ((day, 1), (day, 2), (day + timedelta(7), 1))]
    assert drawn[0] == calls_of(hosted, day, 50, 1).column("callee").to_pylist()
    assert len({tuple(sorted(callees)) for callees in drawn}) == 3


def test_ordinary_local_stamps_avoid_the_nights_of_the_clock(crowds: dict[str, Crowd]) -> None:
    """Else rows with a time that is not one, or that is two, come in numbers that nobody told."""
    for exchange_id, crowd in crowds.items():
        for day in (date(2026, 10, 25), date(2026, 3, 29)):
            first = min(started.hour for started in calls_of(crowd, day, 5000, 1).column("started_at").to_pylist())
            writes_offset = crowd.exchange.clock in ("offset", "utc")
            assert first >= 3 or (writes_offset and day.month == 10), exchange_id


def test_the_clock_agrees_with_the_time_zone_database() -> None:
    """Else every call of a night in spring or autumn is an hour off."""
    for day in (date(2026, 10, 25), date(2026, 3, 29), date(2026, 8, 1), date(2025, 12, 31)):
        for second in range(0, 86400, 600):
            naive = datetime(day.year, day.month, day.day) + timedelta(seconds=second)
            for fold in (False, True):
                aware = naive.replace(tzinfo=AMSTERDAM, fold=int(fold))
                if aware.astimezone(UTC).astimezone(AMSTERDAM).replace(tzinfo=None) != naive:
                    continue  # the hour that spring skips is never asked for
                (offset,) = offsets_s(day, np.array([second]), np.array([fold]))
                assert timedelta(seconds=int(offset)) == aware.utcoffset(), (naive, fold)


def test_calls_look_like_life(good_rows: dict[str, Any]) -> None:
    """Else people judge dashboards by a pattern that no customer has."""
    rows = [row for file, row in good_rows["cdrs/standard"] if "demo-dirt" not in file]
    answered = [int(row["duration_s"]) for row in rows if row["disposition"] == "answered"]
    assert 0.10 < 1 - len(answered) / len(rows) < 0.14
    assert all(row["duration_s"] == "0" for row in rows if row["disposition"] != "answered")
    assert min(answered) >= 1
    assert 60 < sorted(answered)[len(answered) // 2] < 200
    assert max(answered) > 3600
    hours, weekdays = Counter[int](), Counter[int]()
    for _, day, started in ordinary_starts(good_rows):
        hours[(started.astimezone(AMSTERDAM) if started.tzinfo else started).hour] += 1
        weekdays[day.weekday()] += 1
    assert hours[10] > 5 * hours[22] > 5 * hours[3]
    assert weekdays[1] > 1.5 * weekdays[6]
    callees = {row["callee"] for row in rows}
    for spelling in (
        r"\+31\d{9,}",
        r"0031\d{9,}",
        r"31\d{9,}",
        r"0[1-9]\d{8,}",
        r"031\d{9,}",
        r"\d{3}-\d+",
        r"\*\d\d",
        r"2\d\d",
        r"0900\d+",
        r"14\d+",
    ):
        assert any(re.fullmatch(spelling, callee) for callee in callees), spelling
    assert any(row["caller"] == "Anonymous" for row in rows)
    shares = {feed: len(found) / CALLS for feed, found in good_rows.items() if feed.startswith("cdrs/")}
    assert shares == pytest.approx({"cdrs/standard": 0.55, "cdrs/3cx": 0.2, "cdrs/asterisk": 0.15, "cdrs/freeswitch": 0.1}, abs=0.02)


def test_a_fixed_mobile_call_has_both_its_legs(good_rows: dict[str, Any]) -> None:
    """Else half of a call is billed, or a margin is of one leg only."""
    legs = defaultdict(set)
    for _, row in good_rows["cdrs/standard"]:
        if row.get("correlation_id"):
            legs[row["correlation_id"]].add((row["leg"], row["account"], row["duration_s"]))
    assert len(legs) > 10
    for pair in legs.values():
        assert {leg for leg, _, _ in pair} == {"pbx", "airtime"}
        assert {account for _, account, _ in pair} == {"kl-001-trunk"}
        assert len({seconds for _, _, seconds in pair}) == 1


def test_a_second_demo_says_what_it_replaced_and_what_it_left(tmp_path: Path) -> None:
    """Else landing holds two demos at once and the answers are those of one."""
    workspace = Workspace(tmp_path)
    first = generate(workspace, calls=200, months=2, seed=1)
    mine = workspace.landing / "cdrs/standard/mine.csv"
    mine.write_text("call_id\n")
    second = generate(workspace, calls=200, months=1, seed=2)
    assert (first.replaced, first.left_over) == (0, 0)
    assert second.replaced > 50
    assert second.left_over == first.files - second.replaced
    assert mine.read_text() == "call_id\n"
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"calls": 0}, "0 calls"),
        ({"months": 0}, "0 months"),
        ({"months": 37}, "37 months"),
        ({"seed": -1}, "-1"),
        ({"deck_prefixes": 100}, "100 prefixes"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_is_written(tmp_path: Path, arguments: dict[str, int], named: str) -> None:
    """Else a typing error fills landing with nonsense."""
    with pytest.raises(TiktellerError, match=named) as refusal:
        generate(Workspace(tmp_path), **arguments)
    assert refusal.value.fix
    assert not list(tmp_path.iterdir())


def test_tickets_are_in_proportion_and_complete() -> None:
    """Else a rare kind of call is never drawn, or a draw finds no outcome."""
    tickets = lottery([3, 0, 1])
    assert len(tickets) == TICKETS
    assert dict(Counter(tickets.tolist())) == {0: TICKETS * 3 // 4, 2: TICKETS // 4}
    assert sum(exchange.share for exchange in EXCHANGES) == pytest.approx(1)
    assert period_of(3).months == (date(2026, 8, 1), date(2026, 9, 1), date(2026, 10, 1))


@pytest.mark.parametrize("is_made_by_demo", [True, False])
def test_clean_takes_only_what_the_demo_made(tmp_path: Path, is_made_by_demo: bool) -> None:
    """`make clean` in the wrong place would lose the only copy of what a partner's exchanges sent."""
    workspace = Workspace(tmp_path / "data")
    own = workspace.landing / "cdrs" / "standard" / "own.csv"
    own.parent.mkdir(parents=True)
    if not is_made_by_demo:
        own.write_text("call_id\n")
    generate(workspace, calls=10, months=1, seed=1)
    shutil.copy(PROJECT_ROOT / "Makefile", tmp_path)
    done = subprocess.run(["make", "clean"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert workspace.landing.exists() is not is_made_by_demo
    assert ("data/landing stays" in done.stdout) is not is_made_by_demo
    assert own.exists() is not is_made_by_demo
