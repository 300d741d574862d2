"""What comes in: who called whom, when and on whose account, from exchanges that write it in their own ways.

One small trade, one run: in the deck a Dutch mobile costs 0.0300 a minute, in the plan a call 0.025 and a minute 0.08, so that 60 seconds
to 0612345678 sell for 0.1050 and cost 0.0300.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.pipeline.status import status
from orchestration.workspace import Workspace
from tests.conftest import tikteller
from tests.pipeline.trade import land

PARTNERS = ("p1", "p2")
CUSTOMERS = {
    "ca": ("p1", "31201000000", "31201000099"),
    "cb": ("p1", "31202000000", "31202000099"),
    "cz": ("p2", "31203000000", "31203000099"),
}
SOLD, BOUGHT, FREE = Decimal("0.105000"), Decimal("0.030000"), Decimal("0.000000")
TODAY = "2026-10-05 10:10:00"

SOURCES = """
[sources."cdrs/asterisk/tutc"]
account = "ta"
time_zone = "UTC"
strip_digits = ["0"]

[sources."cdrs/provider"]
format = "sip-provider-nl"
partner = "p1"

[sources."cdrs/own-switch"]
format = "own"
account = "ta"

[formats.own]
delimiter = "|"
header = "none"
time_format = "%d/%m/%Y %H:%M"
columns = { call_id = 1, callee = 2, started_at = 3, duration_s = 4 }
"""
THREECX = (
    "historyid,callid,duration,time-start,time-answered,time-end,reason-terminated,from-no,to-no,from-dn,to-dn,dial-no,reason-changed,"
    "final-number,final-dn,bill-code,bill-rate,bill-cost,bill-name,chain,from-type,to-type,final-type"
)


def threecx(call: str, start: str = "2026/10/05 10:00:00", **said: str) -> str:
    """A 3CX line of 60 seconds, in 3CX's own order."""
    row = {"historyid": call, "callid": f"c{call}", "duration": "00:01:00", "time-start": start, "time-answered": start, "time-end": start}
    row |= {name.replace("_", "-"): value for name, value in said.items()}
    return ",".join(row.get(name, "") for name in THREECX.split(","))


def asterisk(
    unique: str,
    src: str,
    dst: str,
    context: str = "from-internal",
    account: str = "ta",
    start: str = TODAY,
    more: str = "",
    linked: str | None = None,
) -> str:
    """An Asterisk line of 60 seconds; with ``linked`` in 21 columns, else in 18."""
    line = f'"{account}","{src}","{dst}","{context}","x","PJSIP/{unique}","PJSIP/b{unique}","Dial","",'
    line += f'"{start}","{start}","",70,60,"ANSWERED","DOC","{unique}",""'
    return line + (f',"","{linked}",{unique.split(".")[1]}' if linked else "")


def freeswitch(uuid: str, caller: str, callee: str, context: str, start: str = "2026-10-05 10:20:00", account: str = "ta") -> str:
    return f'"","{caller}","{callee}","{context}","{start}","{start}","",70,60,"NORMAL_CLEARING","{uuid}","","{account}"'


def standard(call_id: str, callee: str, started_at: str, seconds: int = 60, caller: str = "101", account: str = "ta") -> dict[str, object]:
    return {"call_id": call_id, "account": account, "caller": caller, "callee": callee, "started_at": started_at, "duration_s": seconds}


def write(workspace: Workspace, file: str, lines: Sequence[str]) -> None:
    path = workspace.landing / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def open_house(root: Path) -> Workspace:
    tikteller(root, "init")
    workspace = Workspace(root)
    land(
        workspace,
        "partners",
        "a",
        [{"partner_id": each, "name": each, "tier": "standard", "deck_id": "d", "country": "NL"} for each in PARTNERS],
    )
    land(
        workspace,
        "customers",
        "a",
        [{"customer_id": name, "partner_id": partner, "name": name} for name, (partner, *_) in CUSTOMERS.items()],
    )
    land(
        workspace,
        "numbers",
        "a",
        [{"first_number": first, "last_number": last, "customer_id": name} for name, (_, first, last) in CUSTOMERS.items()],
    )
    land(
        workspace,
        "accounts",
        "a",
        [{"account": f"t{name[1]}", "customer_id": name} for name in CUSTOMERS]
        + [{"account": "ta2", "customer_id": "ca"}, {"account": "Ta", "customer_id": "ca"}],
    )
    write(
        workspace,
        "purchase_rates/a.csv",
        [
            "deck_id;prefix;destination;connection_fee_eur;minute_rate_eur;country;line_type;valid_from",
            "d;31;Nederland vast;0;0.0060;;;2026-01-01",
            "d;00316;Nederland mobiel;0;0.0300;;;2026-01-01",
            "d;61;Australia;0;0.5000;;;2026-01-01",
            "d;90;Turkey;0;0.4000;;;2026-01-01",
            "d;49;Germany;0;0.0100;;;2026-01-01",
            "d;004915;Germany mobile;0;0.0900;;;2026-01-01",
            "d;+44;United Kingdom;0;0.0100;;;2026-01-01",
            "d;4510;Denmark - Mobile;0;0.0500;;;2026-01-01",
            "d;4511;Denmark;0;0.0400;DK;MOB;2026-01-01",
            "d;06;Nederland mobiel;0;0.0900;;;2026-01-01",
            "d;999;Nowhere;0;0.0900;;;2026-01-01",
            ";;;;;;;",
            ";;;;;;;",
        ],
    )
    plans = [{"call_plan_id": f"plan-{each}", "partner_id": each, "name": "Plan", "onnet_billing": "yes"} for each in PARTNERS]
    land(workspace, "call_plans", "a", plans)
    rate = {"valid_from": "2026-01-01", "country": "*", "line_type": "*", "connection_fee_eur": "0.025", "minute_rate_eur": "0.08"}
    land(workspace, "call_plan_rates", "a", [rate | {"call_plan_id": plan["call_plan_id"]} for plan in plans])
    land(
        workspace, "customer_plans", "a",
        [{"customer_id": name, "call_plan_id": f"plan-{partner}", "valid_from": "2026-01-01"} for name, (partner, *_) in CUSTOMERS.items()],
    )  # fmt: skip
    return workspace


def land_calls(workspace: Workspace) -> None:
    (workspace.root / "sources.toml").write_text(SOURCES)
    write(
        workspace,
        "cdrs/3cx/ta/v20.csv",
        [
            THREECX,
            threecx(
                "x-stranger",
                from_no="0687654321",
                to_no="Ext.101",
                dial_no="0201000001",
                final_number="Ext.101",
                from_type="external_line",
                final_type="extension",
            ),
            threecx(
                "x-forward",
                from_no="Ext.100",
                to_no="Ext.101",
                dial_no="101",
                final_number="0612345678",
                from_type="Extension",
                final_type="Line",
            ),
            threecx(
                "x-outside-line",
                from_no="Ext.100",
                to_no="0612345678",
                dial_no="00612345678",
                final_number="0612345678",
                from_type="Extension",
            ),
            threecx(
                "x-outside-nine",
                from_no="Ext.100",
                to_no="0612345678",
                dial_no="90612345678",
                final_number="0612345678",
                from_type="Extension",
            ),
            threecx("x-two-numbers", from_no="Ext.100", to_no="", dial_no="0209999999", final_number="0612345678", from_type="Extension"),
            threecx(
                "x-came-and-left",
                from_no="0687654321",
                to_no="Ext.101",
                dial_no="0201000001",
                final_number="0612345678",
                from_type="external_line",
                final_type="external_line",
            ),
            threecx("x-utc", "2026-09-30 22:30:00Z", from_no="Ext.100", dial_no="0612345678", from_type="extension"),
        ],
    )
    write(
        workspace,
        "cdrs/3cx/ta/cdr.log",
        [
            "Call " + threecx("log-1", "2026/10/05 15:00:00", from_no="Ext.100", dial_no="0612345678", from_type="Extension"),
            "Call " + threecx("log-2", "2026/10/05 16:00:00", from_no="0687654321", dial_no="0201000001", from_type="Line"),
        ],
    )
    write(
        workspace,
        "cdrs/asterisk/Master.csv",
        [
            asterisk("1790000001.1", "0687654321", "0201000001", "from-pstn-e164-us"),
            asterisk("1790000001.2", "0687654321", "0201000001", "ext-did-0002"),
            asterisk("1790000001.3", "0687654321", "s", "ivr-1"),
            asterisk("1790000001.4", "101", "0612345678", start="2026-09-30 22:31:00 +0000"),
            asterisk("1790000001.5", "101", "0612345678", start="15/09/26 10:00:00"),
            asterisk("1790000001.6", "101", "3,16123E+10"),
        ],
    )
    write(
        workspace,
        "cdrs/asterisk/without-account.csv",
        [
            asterisk("1790000002.1", "0202000001", "0201000001", "from-trunk", "", linked="1790000002.1"),
            asterisk("1790000002.2", "0202000001", "0612345678", "from-internal", "", linked="1790000002.1"),
            asterisk("1790000003.1", "0202000001", "0612345678", "from-trunk", "", "2026-10-05 11:00:00", linked="1790000003.1"),
            asterisk("1790000004.1", "0202000001", "0612345678", "from-internal", "", "2026-10-05 12:00:00", linked="1790000004.1"),
        ],
    )
    base = asterisk("1790000005.1", "101", "0612345678", start="2026-10-06 10:00:00").rsplit(",", 2)[0]
    write(workspace, "cdrs/asterisk/sixteen.csv", [base])
    write(
        workspace,
        "cdrs/asterisk/seventeen.csv",
        [asterisk("1790000006.1", "101", "0612345678", start="2026-10-06 11:00:00").rsplit(",", 1)[0]],
    )
    legs = [
        asterisk(f"1790000007.{leg}", "101", "0612345678", start="2026-10-06 12:00:00").rsplit(",", 1)[0] + f',"","1790000007.1",{leg}'
        for leg in (1, 2)
    ]
    write(workspace, "cdrs/asterisk/twenty.csv", legs)
    write(
        workspace,
        "cdrs/freeswitch/a.csv",
        [
            freeswitch("fs-forward", "0687654321", "0612345678", "public"),
            freeswitch("fs-stranger", "0687654321", "+31201000001", "public"),
            freeswitch("fs-contradiction", "0687654321", "0202000001", "public"),
            freeswitch("fs-offset", "101", "0612345678", "default", "2026-09-30 22:32:00+00"),
            freeswitch("fs-twin", "101", "0612345678", "default", "2026-10-08 10:00:00"),
            freeswitch("fs-between-own", "0201000002", "0201000001", "default"),
        ],
    )
    land(
        workspace, "cdrs/standard", "a",
        [
            standard("100001", "0612345678", "2026-10-05T10:30:00"),
            standard("100001", "0612345678", "2026-10-06T10:00:00", account="tz"),
            standard("100001", "0612345678", "2026-10-07T10:00:00", account="ta2"),
            standard("100002", "0612345678", "2026-10-05T11:00:00", 600),
            standard("100002", "0612345678", "2026-10-05T11:00:20", 60),
            standard("100003", "0612345678", "2026-10-05T12:00:00"),
            standard("100003", "0611111111", "2026-10-06T13:00:00"),
            standard("100004", "0612345678", "2026-10-05T14:00:00", caller="0201000001", account=""),
            standard("100004", "0612345678", "2026-10-06T14:00:00", caller="0203000001", account=""),
            standard("deck-00", "+4915112345678", "2026-10-09T10:00:00"),
            standard("deck-words", "+4510123456", "2026-10-09T11:00:00"),
            standard("deck-columns", "+4511123456", "2026-10-09T12:00:00"),
            standard("blank", "0612345678", "2026-09-30 22:33:00 +0000"),
            standard("blank-west", "0612345678", "2026-09-30 17:34:00 -05:00"),
            standard("no-offset", "0612345678", "2026-09-30 22:30:00+99:99"),
            standard("damaged", "3,16123E+10", "2026-10-05T10:00:00"),
            standard("twin", "+31612345678", "2026-10-08T10:00:00+02:00"),
        ],
    )  # fmt: skip
    write(
        workspace,
        "cdrs/asterisk/tutc/Master.csv",
        [asterisk("1790000008.1", "101", "00612345678", account="", start="2026-09-30 22:35:00")],
    )
    write(
        workspace,
        "cdrs/provider/export.txt",
        [
            "Gespreks-ID;Trunk;Van;Naar;Datum;Tijd;Duur;Richting;Status",
            "nl-1;ta;0201000001;0612345678;05-10-2026;17:00:00;00:01:00;Uitgaand;Beantwoord",
            "nl-2;ta;0687654321;0201000001;05-10-2026;18:00:00;60;Inkomend;Beantwoord",
            "nl-3;ta;0201000001;0612345678;05-10-2026;19:00:00;0;Uitgaand;Gemist",
            "nl-4;tz;0203000001;0612345678;05-10-2026;20:00:00;60;Uitgaand;Beantwoord",
            "nl-5;ta;0201000001;0612345678;10-05-26;20:00:00;60;Uitgaand;Beantwoord",
        ],
    )
    write(workspace, "cdrs/own-switch/day.log", ["own-1|0612345678|05/10/2026 21:00|60", "own-2|00612345678|05/10/2026 22:00|60"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = open_house(tmp_path_factory.mktemp("sources") / "workspace")
    land_calls(workspace)
    tikteller(workspace.root, "run")
    return workspace


def asked(workspace: Workspace, sql: str) -> list[dict[str, Any]]:
    return json.loads(tikteller(workspace.root, "sql", sql, "--format", "json").stdout)


@pytest.fixture(scope="module")
def calls(house: Workspace) -> Callable[[str], list[tuple[Any, ...]]]:
    """Per call_id: customer, local day, direction, called number, status, sale, purchase; in order of start."""
    found = asked(house, "select * from calls order by started_at, call_key")
    return lambda call_id: [
        (
            row["customer_id"],
            row["call_date"],
            row["direction"],
            row["callee"],
            row["status"],
            Decimal(row["sale_eur"] or "-1"),
            Decimal(row["purchase_eur"] or "-1"),
        )
        for row in found
        if row["call_id"] == call_id
    ]


@pytest.fixture(scope="module")
def waiting(house: Workspace) -> dict[str, str]:
    """Per file and line, why the record waits."""
    return {f"{row['file']}:{row['line']}": row["reason"] for row in asked(house, "select file, line, reason from quarantine")}


def paid(customer: str = "ca", day: str = "2026-10-05", callee: str = "31612345678") -> tuple[Any, ...]:
    return (customer, day, "outbound", callee, "rated", SOLD, BOUGHT)


@pytest.mark.parametrize("call_id", ["x-stranger", "log-2", "1790000001.1", "1790000001.2", "fs-stranger", "nl-2"])
def test_a_stranger_who_calls_in_is_not_billed_to_the_one_he_calls(calls: Any, call_id: str) -> None:
    """A customer would pay for the calls that strangers made to his own number."""
    ((customer, _, direction, callee, status, sale, purchase),) = calls(call_id)
    assert (customer, direction, status, sale, purchase) == ("ca", "inbound", "exempt", FREE, FREE)
    assert callee == "31201000001"


@pytest.mark.parametrize("call_id", ["x-forward", "x-came-and-left", "fs-forward"])
def test_who_forwards_pays(calls: Any, call_id: str) -> None:
    """A forward to a mobile would be free, and its purchase nobody's."""
    assert calls(call_id) == [paid()]


def test_a_forward_without_account_is_paid_by_whose_number_was_called_first(calls: Any, waiting: dict[str, str]) -> None:
    """The caller's company would pay for where another company forwards its calls."""
    ((customer, _, direction, *_, status, sale, _),) = calls("1790000002.1")
    assert (customer, direction, status, sale) == ("ca", "inbound", "exempt", FREE)
    assert calls("1790000002.2") == [paid()]
    assert calls("1790000004.1") == [paid("cb")], "nobody forwards: who called pays"
    assert waiting["cdrs/asterisk/without-account.csv:3"] == "contradictory_direction", (
        "it came in from a number of ours, and left again through nobody"
    )


def test_a_place_in_a_dialplan_blocks_no_invoice(calls: Any) -> None:
    """Every month's invoice would wait for a price of `s`."""
    ((_, _, _, callee, status, sale, _),) = calls("1790000001.3")
    assert (callee, status, sale) == ("s", "exempt", FREE)


def test_a_contradiction_waits(waiting: dict[str, str]) -> None:
    """A call to somebody else's number on this trunk would be billed to one of them by the toss of a coin."""
    assert waiting["cdrs/freeswitch/a.csv:3"] == "contradictory_direction"


def test_between_ones_own_numbers_is_internal(calls: Any) -> None:
    """A customer would pay for calls between his own desks."""
    ((customer, _, direction, _, status, sale, purchase),) = calls("fs-between-own")
    assert (customer, direction, status, sale, purchase) == ("ca", "internal", "exempt", FREE, FREE)


@pytest.mark.parametrize("call_id", ["x-utc", "1790000001.4", "fs-offset", "blank", "blank-west"])
def test_an_offset_is_honoured_in_every_dialect(calls: Any, call_id: str) -> None:
    """Half past ten at night in UTC would stand on September's invoice; in Amsterdam October had begun."""
    assert calls(call_id) == [paid(day="2026-10-01")]


def test_an_exchange_on_utc_is_declared_and_its_outside_line_stripped(calls: Any) -> None:
    """Calls would stand two hours, and a month, off; and a mobile with a 0 for an outside line in front would be billed as Australia."""
    assert calls("1790000008.1") == [paid(day="2026-10-01")]


def test_what_is_no_moment_waits(waiting: dict[str, str]) -> None:
    """A draft for the year 15 would be made, or a call moved by four days."""
    assert waiting["cdrs/asterisk/Master.csv:5"] == "year_out_of_range"
    assert waiting["cdrs/provider/export.txt:6"] == "year_out_of_range"
    assert waiting["cdrs/standard/a.csv:16"] == "invalid_started_at"


@pytest.mark.parametrize("call_id", ["x-outside-line", "x-outside-nine"])
def test_the_number_that_was_reached_is_billed(calls: Any, call_id: str) -> None:
    """Australia or Turkey would be billed for a Dutch mobile that was dialled behind a 0 or a 9."""
    assert calls(call_id) == [paid()]


def test_columns_that_name_two_numbers_are_noticed(waiting: dict[str, str]) -> None:
    """One of two numbers would be billed without anybody looking."""
    assert waiting["cdrs/3cx/ta/v20.csv:6"] == "numbers_disagree"


def test_an_id_is_trusted_no_further_than_who_made_it(calls: Any) -> None:
    """Another partner's, account's or week's call of the same number would replace the first, silently."""
    assert calls("100001") == [paid(), paid("cz", "2026-10-06"), paid(day="2026-10-07")]
    assert calls("100003") == [paid(), paid(day="2026-10-06", callee="31611111111")], "a counter that began again"
    assert calls("100004") == [paid(), paid("cz", "2026-10-06")], "no account: who made it is known by its number"
    assert calls("100002") == [paid()], "600 seconds, corrected to 60"


@pytest.mark.parametrize("call_id", ["1790000006.1", "1790000007.1"])
def test_an_asterisk_layout_is_known_by_its_content(calls: Any, call_id: str) -> None:
    """Seventeen columns, Asterisk's own default, would be refused; of twenty, two legs of one conversation would cost 0.2100."""
    assert calls(call_id) == [paid(day="2026-10-06")]


def test_two_legs_in_twenty_columns_are_one_call(house: Workspace) -> None:
    """The customer would pay twice for one conversation."""
    rows = asked(house, "select call_id, sale_eur, correlation_id from calls where correlation_id = '1790000007.1'")
    assert [(row["call_id"], row["sale_eur"]) for row in rows] == [("1790000007.1", "0.105000")]


def test_sixteen_columns_have_calls_too(house: Workspace) -> None:
    """Asterisk without uniqueid would be refused row by row."""
    (row,) = asked(
        house, "select sale_eur, call_date from calls where source = 'asterisk' and call_date = '2026-10-06' and hour(started_at) = 8"
    )
    assert (row["sale_eur"], row["call_date"]) == ("0.105000", "2026-10-06")


def test_a_cdr_log_of_3cx_needs_no_header(calls: Any) -> None:
    """3CX's own file could not be used at all."""
    assert calls("log-1") == [paid()]


def test_damage_is_no_extension(calls: Any) -> None:
    """A mobile that a spreadsheet made 3,16123E+10 would be extension 3, and free."""
    for call_id in ("damaged", "1790000001.6"):
        ((_, _, _, _, status, sale, _),) = calls(call_id)
        assert (status, sale) == ("unrated", Decimal(-1))


def test_one_call_in_two_dialects_is_billed_once(calls: Any, waiting: dict[str, str]) -> None:
    """The exchange's record and the provider's of one call would be billed both."""
    assert calls("twin") == [paid(day="2026-10-08")]
    assert calls("fs-twin") == []
    assert waiting["cdrs/freeswitch/a.csv:5"] == "same_call_in_two_sources"


def test_anybodys_switch_is_a_source(calls: Any, waiting: dict[str, str]) -> None:
    """A provider's own columns, words and days would have to be rewritten by hand every night."""
    assert calls("nl-1") == [paid()]
    assert calls("own-1") == [paid()]
    ((*_, status, sale, _),) = calls("nl-3")
    assert (status, sale) == ("unanswered", FREE)
    assert waiting["cdrs/provider/export.txt:5"] == "other_partners_row", "the source is p1's"
    assert calls("own-2")[0][3] == "612345678", "as it stands: a source that needs an outside line says so"


def test_a_deck_is_read_as_it_is_meant(house: Workspace, calls: Any) -> None:
    """A mobile would be bought as a landline because its prefix is written 004915; blank lines would hold the list back."""
    assert [row[-1] for row in calls("deck-00")] == [Decimal("0.090000")]
    problems = asked(house, "select distinct line, problem, fix from deck_problems order by line")
    assert [(row["line"], row["problem"]) for row in problems] == [(11, "invalid_prefix")]
    assert "06" in problems[0]["fix"]


def test_a_new_range_is_of_the_type_that_the_deck_says(house: Workspace) -> None:
    """Numbers that are handed out this month would be sold as landlines."""
    rows = asked(house, "select call_id, country, line_type from calls where call_id like 'deck-%' order by call_id")
    assert [(row["call_id"], row["country"], row["line_type"]) for row in rows] == [
        ("deck-00", "DE", "MOB"),
        ("deck-columns", "DK", "MOB"),
        ("deck-words", "DK", "MOB"),
    ]
    told = asked(house, "select deck_prefix, line_type, plan_line_type, duration_s from deck_disagreements order by deck_prefix")
    assert [(row["deck_prefix"], row["line_type"], row["plan_line_type"], int(row["duration_s"])) for row in told] == [
        ("4510", "MOB", "FIX", 60),
        ("4511", "MOB", "FIX", 60),
    ]


def test_what_can_never_match_is_told(house: Workspace) -> None:
    """An account in other letters than the exchange's, or a prefix of no country, would be kept in silence for ever."""
    rows = asked(house, "select feed, value, reason from unmatched_rows order by feed, value")
    assert ("accounts", "Ta", "no_record_bears_it") in {(row["feed"], row["value"], row["reason"]) for row in rows}
    assert ("purchase_rates", "999", "prefix_outside_any_plan") in {(row["feed"], row["value"], row["reason"]) for row in rows}
    assert {row["value"] for row in rows if row["feed"] == "numbers"} == set()
    told = status(house)
    section = told.sections["unmatched"]
    found = [dict(zip(section.columns, row, strict=True)) for row in section.rows]
    (account,) = (each for each in found if each["reason"] == "no_record_bears_it" and each["partner_id"] == "p1")
    borne = [row["value"] for row in rows if row["reason"] == "no_record_bears_it"]
    assert (account["feed"], account["rows"], account["example"]) == ("accounts", len(borne), "Ta")
    assert account["fix"].startswith("no call record bears this account: write it as the exchange does")
    assert sum(each["rows"] for each in found) == len(rows)
    told.write("table", page := io.StringIO())
    assert "\nLanded, and can never match anything (table unmatched_rows)\n" in page.getvalue()


def test_a_format_that_changes_reads_again_what_landed(house: Workspace, tmp_path: Path) -> None:
    """Calls of months would have to land again because a digit was forgotten in a setting, or stay billed to Australia."""
    workspace = Workspace(shutil.copytree(house.root, tmp_path / "workspace", symlinks=True))
    text = SOURCES.replace('format = "own"\n', 'format = "own"\nstrip_digits = ["0"]\n').replace(
        'time_zone = "UTC"', 'time_zone = "Europe/Amsterdam"'
    )
    (workspace.root / "sources.toml").write_text(text)
    tikteller(workspace.root, "run")
    rows = asked(workspace, "select call_id, call_date, callee, sale_eur from calls where call_id in ('own-2', '1790000008.1') order by 1")
    assert [(row["call_id"], row["call_date"], row["callee"], row["sale_eur"]) for row in rows] == [
        ("1790000008.1", "2026-09-30", "31612345678", "0.105000"),
        ("own-2", "2026-10-05", "31612345678", "0.105000"),
    ]
