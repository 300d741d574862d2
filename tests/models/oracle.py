"""An independent rater: what every call of a workspace should cost and sell for, worked out in plain Python.

Written from the rules of the domain (docs) and the formats of the landing feeds alone: no SQL, and nothing of the models. It reads
what landed with the csv module, matches prefixes with a dictionary, and counts in exact fractions. The one thing it takes over is
which rows were refused (the demo's known answers check those). Slow, and meant to be: a hundred thousand calls at most.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import phonenumbers

Row = dict[str, str]
Place = tuple[str, int]
"""A file's path in landing/ and a line in it, counted from 1."""

THREECX, ASTERISK, FREESWITCH, STANDARD = "3cx", "asterisk", "freeswitch", "standard"
ASTERISK_COLUMNS = (
    "accountcode,src,dst,dcontext,clid,channel,dstchannel,lastapp,lastdata,start,answer,end,duration,billsec,"
    "disposition,amaflags,uniqueid,userfield,peeraccount,linkedid,sequence"
)
FREESWITCH_COLUMNS = (
    "caller_id_name,caller_id_number,destination_number,context,start_stamp,answer_stamp,end_stamp,duration,billsec,hangup_cause,"
    "uuid,bleg_uuid,accountcode,read_codec,write_codec"
)
FREE_KINDS = ("toll_free", "emergency")
HOME, HOME_CODE, ZONE = "NL", "31", "Europe/Amsterdam"


# What landed -------------------------------------------------------------------------------------------------------------------


def landed_rows(landing: Path, feed: str, columns: str = "", refused: frozenset[Place] = frozenset()) -> Iterator[tuple[Place, Row]]:
    """Every row of a feed that was not refused, in the order of its files, the same bytes once. ``columns`` where no header is written."""
    seen: set[bytes] = set()
    for path in sorted((landing / feed).rglob("*.csv*")):
        content = path.read_bytes()
        if hashlib.sha256(content).digest() in seen:
            continue
        seen.add(hashlib.sha256(content).digest())
        file = path.relative_to(landing).as_posix()
        for line, row in _rows_of(content, columns):
            if (file, line) not in refused:
                yield (file, line), row


def _rows_of(content: bytes, columns: str) -> Iterator[tuple[int, Row]]:
    if content.startswith(b"\x1f\x8b"):
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error):
            return
    text = content.decode("utf-8-sig", "replace")
    first_line = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t|", key=first_line.count))
    names = columns.split(",") if columns else [name.strip().lower().replace("-", "_") for name in next(reader, [])]
    for fields in reader:
        if any(fields):
            yield reader.line_num, {name: field.strip() for name, field in zip(names, fields, strict=False)}


def exact(text: str) -> Fraction | None:
    """An amount or a percentage as written, with a decimal point or comma; None where nothing is given."""
    if "," in text and "." in text:
        text = text.replace("," if text.rindex(".") > text.rindex(",") else ".", "")
    return Fraction(text.replace(",", ".")) if text else None


def day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


# Who and what is valid when ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Term:
    """A row and the days it is valid: from, and up to but not including to."""

    row: Row
    valid_from: date
    valid_to: date


Timeline = tuple[Term, ...]


def timelines(rows: Iterable[Row], *key: str) -> dict[tuple[str, ...], Timeline]:
    """Per key its rows in time; the later row of a key and a first day replaces the earlier; no end: until the next row of the key."""
    by_key: dict[tuple[str, ...], dict[date, Row]] = defaultdict(dict)
    for row in rows:
        by_key[tuple(row.get(column, "") for column in key)][day(row.get("valid_from", "")) or date.min] = row
    return {
        name: tuple(
            Term(row, start, day(row.get("valid_to", "")) or next_start)
            for (start, row), next_start in zip(sorted(dated.items()), [*sorted(dated)[1:], date.max], strict=True)
        )
        for name, dated in by_key.items()
    }


def valid(timeline: Timeline, on: date) -> list[Row]:
    return [term.row for term in timeline if term.valid_from <= on < term.valid_to]


def only(rows: list[Row]) -> Row | None:
    return rows[-1] if rows else None


@dataclass(frozen=True)
class Books:
    """Everything that a price may depend on."""

    partners: dict[tuple[str, ...], Timeline]
    customers: dict[tuple[str, ...], Timeline]
    """By customer, of whichever partner's it is on a day."""
    accounts: dict[tuple[str, ...], Timeline]
    numbers: dict[str, Timeline]
    deck: dict[tuple[str, ...], Timeline]
    plans: dict[tuple[str, ...], Timeline]
    """By partner and call plan: two partners may call a plan alike."""
    plan_rates: dict[tuple[str, ...], Timeline]
    """By partner, call plan, country and line type."""
    assignments: dict[str, dict[tuple[str, ...], Timeline]]
    """By kind of plan (call, service): of a customer ``(customer_id, partner_id, "")``, of a group ``("", partner_id, customer_group)``."""
    services: dict[tuple[str, ...], Timeline]
    markups: dict[str, dict[tuple[str, ...], Timeline]]
    """By charge (nrc, mrc): of a category ``(partner, plan, category, "")``, of one service ``(partner, plan, "", service_code)``."""
    orders: dict[tuple[str, str, str], Row]
    """By partner, order and line."""
    readings: list[Row]
    """Of PBXs, in the order in which they landed."""
    prefixes: dict[str, Row]
    short_numbers: dict[tuple[str, str, int], Row]
    """By country, what they begin with, and their length."""


def read_books(landing: Path, seeds: Path, refused: frozenset[Place]) -> Books:
    """The books of what landed."""
    return books_of(lambda feed: [row for _, row in landed_rows(landing, feed, refused=refused)], lambda name: read_seed(seeds, name))


def read_seed(seeds: Path, name: str) -> list[Row]:
    return [row for _, row in _rows_of((seeds / name).read_bytes(), "")]


def books_of(rows: Callable[[str], list[Row]], seed: Callable[[str], list[Row]]) -> Books:
    """The books of the rows of each feed, in the order in which they landed, and of each seed."""
    customers = {name: _one_at_a_time(timeline) for name, timeline in timelines(rows("customers"), "customer_id").items()}
    owned: dict[str, list[Row]] = defaultdict(list)
    blocks: dict[tuple[str, str], Row] = {}
    for row in rows("numbers"):
        key = row["first_number"], row.get("valid_from", "")
        blocks.pop(key, None)  # a block that was sent again is the later one, also where that is shorter
        blocks[key] = row
    for row in blocks.values():
        first, last = (int(_e164(row[end] or row["first_number"])) for end in ("first_number", "last_number"))
        for number in range(first, last + 1):
            owned[str(number)].append(row)
    assignments = [
        {**row, "partner_id": _tenant_of(customers, row), "customer_group": ""} if row["customer_id"] else row
        for row in rows("customer_plans")
    ]
    plans, service_plans = rows("call_plans"), rows("service_plans")
    markups = _with_partner(rows("service_plan_markups"), service_plans, "service_plan_id")
    return Books(
        partners=timelines(rows("partners"), "partner_id"),
        customers=customers,
        accounts=timelines(rows("accounts"), "account"),
        numbers={number: _one_at_a_time(timelines(its_blocks)[()]) for number, its_blocks in owned.items()},
        deck=timelines(({**row, "prefix": row["prefix"].removeprefix("+")} for row in rows("purchase_rates")), "deck_id", "prefix"),
        plans=timelines(plans, "partner_id", "call_plan_id"),
        plan_rates=timelines(
            ({**row, "line_type": row["line_type"].upper()} for row in _with_partner(rows("call_plan_rates"), plans, "call_plan_id")),
            "partner_id",
            "call_plan_id",
            "country",
            "line_type",
        ),
        assignments={
            kind: timelines(
                (row for row in assignments if row[f"{kind}_plan_id"]),
                "customer_id",
                "partner_id",
                "customer_group",
            )
            for kind in ("call", "service")
        },
        services=timelines(rows("services"), "service_code"),
        markups={
            charge: timelines(
                (row for row in markups if gives(row, charge) or not (gives(row, "nrc") or gives(row, "mrc"))),
                "partner_id",
                "service_plan_id",
                "category",
                "service_code",
            )
            for charge in ("nrc", "mrc")
        },
        orders={(_partner_of_order(customers, row), row["order_id"], row["line_number"]): row for row in rows("orders")},
        readings=rows("extension_counts"),
        prefixes={row["prefix"]: row for row in seed("number_prefixes.csv")},
        short_numbers={(row["country"], row["prefix"], int(row["length"])): row for row in seed("short_numbers.csv")},
    )


def _tenant_of(customers: dict[tuple[str, ...], Timeline], assignment: Row) -> str:
    """Whose row it is: of the partner that it names, else of the one who has the customer when it begins, or gets it next; "" of nobody."""
    if assignment["partner_id"]:
        return assignment["partner_id"]
    begins = date.fromisoformat(assignment["valid_from"])
    timeline = customers.get((assignment["customer_id"],), ())
    return next((term.row["partner_id"] for term in timeline if term.valid_from < term.valid_to and term.valid_to > begins), "")


def _with_partner(rows: list[Row], plans: list[Row], plan_id: str) -> list[Row]:
    """Each row of a plan with the partner whose plan it is: the one that it names, else the only one that has such a plan."""
    owners: dict[str, set[str]] = defaultdict(set)
    for plan in plans:
        owners[plan[plan_id]].add(plan["partner_id"])
    placed = []
    for row in rows:
        (owner,) = {row["partner_id"]} if row.get("partner_id") else owners[row[plan_id]]
        placed.append({**row, "partner_id": owner})
    return placed


def _partner_of_order(customers: dict[tuple[str, ...], Timeline], order: Row) -> str:
    """Whose customer it is on the day of delivery (of the order while it waits), or is next; after all its days the last one's."""
    timeline = customers[order["customer_id"],]
    on = date.fromisoformat(order["delivered_on"] or order["ordered_on"])
    return next((term.row for term in timeline if on < term.valid_to and term.valid_from < term.valid_to), timeline[-1].row)["partner_id"]


def customer_on(books: Books, customer_id: str, on: date) -> Row | None:
    """What holds of a customer on a day, of the partner whose it is then; None where it is nobody's."""
    return only(valid(books.customers.get((customer_id,), ()), on))


def partner_on(books: Books, partner_id: str, on: date) -> Row | None:
    return only(valid(books.partners.get((partner_id,), ()), on))


def _one_at_a_time(timeline: Timeline) -> Timeline:
    """A number is of one customer, a customer of one partner: who gets it next ends it, also where it was to last longer."""
    return tuple(
        Term(term.row, term.valid_from, min(term.valid_to, next_start))
        for term, next_start in zip(timeline, [*(later.valid_from for later in timeline[1:]), date.max], strict=True)
    )


@dataclass(frozen=True)
class Ownership:
    """Whose an account or number is from a day until another, each by the clock of that owner's partner."""

    owner: str
    zone: str
    valid_from: date
    valid_to: date

    @property
    def begins_at(self) -> datetime:
        return _midnight(self.valid_from, self.zone)


def holder(ownerships: Sequence[Ownership], instant: datetime) -> Ownership | None:
    """Of those whose first day has begun by their own clock the last one, until his last day is over or the next one's begins."""
    lasting = [each for each in ownerships if each.valid_from < each.valid_to]
    begun = [each for each in lasting if each.begins_at <= instant]
    if not begun:
        return None
    latest = max(begun, key=lambda each: each.valid_from)
    is_followed = any(each.valid_from == latest.valid_to for each in lasting)
    return latest if is_followed or instant < _midnight(latest.valid_to, latest.zone) else None


@cache
def _midnight(on: date, zone: str) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=ZoneInfo(zone), fold=1).astimezone(UTC)


def gives(markup: Row, charge: str) -> bool:
    """Whether a markup says something of that charge (nrc, mrc); one of a service that says nothing takes an exception back."""
    return bool(markup[f"{charge}_percent"] or markup[f"{charge}_eur"])


# Call records ------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Record:
    place: Place
    source: str
    key: tuple[str, ...]
    part: int
    account: str
    caller: str
    callee: str
    wall_clock: datetime
    instant: datetime | None
    duration_s: int
    is_inbound: bool
    disposition: str
    talk_from: datetime
    names: tuple[tuple[str, ...], ...]
    """Under which the conversation is known: records that share one may be legs of it."""


def read_records(landing: Path, refused: frozenset[Place]) -> list[Record]:
    """Every call record that was not refused, in the order of its files."""
    readers = {
        STANDARD: (_standard_record, ""),
        THREECX: (_threecx_record, ""),
        ASTERISK: (_asterisk_record, ASTERISK_COLUMNS),
        FREESWITCH: (_freeswitch_record, FREESWITCH_COLUMNS),
    }
    return [
        reader(place, row, _folder_account(place, source))
        for source, (reader, columns) in readers.items()
        for place, row in landed_rows(landing, f"cdrs/{source}", columns, refused)
    ]


def _folder_account(place: Place, source: str) -> str:
    folders = place[0].removeprefix(f"cdrs/{source}/").split("/")[:-1]
    return folders[0] if folders else ""


def _clock(text: str) -> tuple[datetime, datetime | None]:
    """What the clock on the wall showed, and the instant where the text names its offset."""
    found = re.fullmatch(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[ T](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(Z|[+-]\d{2}:\d{2})?", text)
    assert found, text
    *numbers, offset = found.groups()
    wall = datetime(*(int(number or 0) for number in numbers))  # type: ignore[arg-type]
    if offset is None:
        return wall, None
    return wall, datetime.fromisoformat(wall.isoformat() + offset.replace("Z", "+00:00")).astimezone(UTC)


def _standard_record(place: Place, row: Row, _: str) -> Record:
    leg = row.get("leg", "").lower() or "pbx"
    duration_s = int(row["duration_s"])
    return Record(
        place,
        STANDARD,
        (row.get("account", ""), row["call_id"], leg),
        int(row.get("sequence") or 0),
        row.get("account", ""),
        row.get("caller", ""),
        row["callee"],
        *_clock(row["started_at"]),
        duration_s,
        row.get("direction", "").lower() == "inbound",
        row.get("disposition", "").lower() or ("answered" if duration_s else "no_answer"),
        _clock(row["started_at"])[0],
        (),
    )


def _threecx_record(place: Place, row: Row, folder_account: str) -> Record:
    hours, minutes, seconds = map(int, row["duration"].split(":"))
    account = folder_account or row.get("bill_code", "")
    reason = row.get("reason_terminated", "").lower()
    is_answered = bool(row.get("time_answered")) and hours + minutes + seconds > 0
    reached = row.get("final_number", "")
    is_outside = not reached.startswith("Ext.") and len(re.sub(r"[^0-9]", "", reached)) >= 6
    dialled = (
        reached
        if is_outside
        else next(filter(None, (row.get(name, "").removeprefix("Ext.") for name in ("dial_no", "final_number", "to_no"))))
    )
    return Record(
        place,
        THREECX,
        (account, row.get("historyid", ""), row.get("callid", ""), row["time_start"], row.get("to_dn", "")),
        0,
        account,
        row["from_no"].removeprefix("Ext."),
        dialled,
        *_clock(row["time_start"]),
        hours * 3600 + minutes * 60 + seconds,
        row.get("from_type", "").lower() == "line",
        "answered" if is_answered else "busy" if "busy" in reason else "failed" if "fail" in reason else "no_answer",
        _clock(row.get("time_answered") or row["time_start"])[0],
        tuple(
            (account, name, row[name], *([] if row.get("historyid") else [row["time_start"][:10]]))
            for name in ("historyid", "callid")
            if row.get(name)
        ),
    )


def _asterisk_record(place: Place, row: Row, folder_account: str) -> Record:
    account = row["accountcode"] or folder_account
    dispositions = {"ANSWERED": "answered", "NO ANSWER": "no_answer", "BUSY": "busy", "FAILED": "failed", "CONGESTION": "failed"}
    return Record(
        place,
        ASTERISK,
        (account, row["uniqueid"], row.get("sequence") or row["dstchannel"]),
        0,
        account,
        row["src"],
        row["dst"],
        *_clock(row["start"]),
        int(row["billsec"]),
        row["dcontext"] == "from-trunk",
        dispositions[row["disposition"].upper()],
        _clock(row["answer"] or row["start"])[0],
        ((account, row.get("linkedid") or row["uniqueid"]),),
    )


def _freeswitch_record(place: Place, row: Row, folder_account: str) -> Record:
    causes = {"USER_BUSY": "busy", "NO_ANSWER": "no_answer", "ORIGINATOR_CANCEL": "no_answer"}
    is_answered = bool(row["answer_stamp"]) and int(row["billsec"]) > 0
    return Record(
        place,
        FREESWITCH,
        (row["accountcode"] or folder_account, row["uuid"]),
        0,
        row["accountcode"] or folder_account,
        row["caller_id_number"],
        row["destination_number"],
        *_clock(row["start_stamp"]),
        int(row["billsec"]),
        row["context"] == "public",
        "answered" if is_answered else causes.get(row["hangup_cause"], "failed"),
        _clock(row["answer_stamp"] or row["start_stamp"])[0],
        tuple((row[name],) for name in ("uuid", "bleg_uuid") if row[name]),
    )


@dataclass(frozen=True)
class Call:
    """What one call is made of: its first record, the seconds talked, how it ended, and how many records count in it."""

    first: Record
    seconds: int
    disposition: str
    records: int

    @property
    def is_answered(self) -> bool:
        return self.disposition == "answered"


def calls_of(records: Iterable[Record]) -> list[Call]:
    """Records put together to calls: of a part that was sent again the later counts, parts add up, legs are one call."""
    parts: dict[tuple[str, ...], dict[int, Record]] = defaultdict(dict)
    for name, record in _told_apart(records):
        by_part = parts[name]
        earlier = by_part.get(record.part)
        is_attempt = record.source != STANDARD and earlier and earlier.disposition == "answered" and record.disposition != "answered"
        if not is_attempt:
            by_part[record.part] = record
    keyed = []
    for by_part in parts.values():
        ordered = [by_part[part] for part in sorted(by_part)]
        answered = [record for record in ordered if record.disposition == "answered"]
        seconds = sum(record.duration_s for record in answered) if answered else ordered[0].duration_s
        keyed.append(Call(ordered[0], seconds, "answered" if answered else ordered[0].disposition, len(ordered)))
    conversations: dict[object, list[Call]] = defaultdict(list)
    for number, (root, call) in enumerate(zip(_conversations(keyed), keyed, strict=True)):
        record = call.first
        alone = record.source == STANDARD
        conversations[number if alone else (root, record.is_inbound, _e164(record.callee) or record.callee)].append(call)
    return [joined for legs in conversations.values() for joined in _joined(legs)]


def _told_apart(records: Iterable[Record]) -> Iterator[tuple[tuple[str, ...], Record]]:
    """Each record with the name of its call: one id is one call as far as records share minute or number, directly or by others."""
    by_key: dict[tuple[str, ...], list[Record]] = defaultdict(list)
    order: list[tuple[tuple[str, ...], Record]] = []
    for record in records:
        order.append(((record.source, *record.key), record))
        by_key[order[-1][0]].append(record)
    names: dict[Place, str] = {}
    for of_key in by_key.values():
        clusters: list[tuple[set[object], list[Record]]] = []
        for record in of_key:
            says: set[object] = {record.wall_clock.replace(second=0), _e164(record.callee) or record.callee}
            linked = [cluster for cluster in clusters if cluster[0] & says]
            clusters = [cluster for cluster in clusters if cluster not in linked]
            clusters.append(
                (says.union(*(cluster[0] for cluster in linked)), [*(each for cluster in linked for each in cluster[1]), record])
            )
        for number, (_, together) in enumerate(clusters):
            names |= {record.place: str(number) for record in together}
    for key, record in order:
        yield (*key, names[record.place]), record


def _conversations(calls: list[Call]) -> list[int]:
    """Per call the conversation it belongs to: calls that share a name, directly or through others."""
    leader = list(range(len(calls)))

    def root(at: int) -> int:
        while leader[at] != at:
            leader[at] = at = leader[leader[at]]
        return at

    first_with: dict[tuple[str, ...], int] = {}
    for at, call in enumerate(calls):
        for name in call.first.names:
            leader[root(at)] = root(first_with.setdefault((call.first.source, *name), at))
    return [root(at) for at in range(len(calls))]


def _joined(legs: list[Call]) -> list[Call]:
    """Legs of one conversation to one number: talk with up to five seconds between is one call, near attempts belong to it."""
    if len(legs) == 1:
        return legs
    calls: list[Call] = []
    until = datetime.min
    for leg in sorted((leg for leg in legs if leg.is_answered), key=lambda leg: (leg.first.talk_from, -leg.seconds)):
        start, end = leg.first.talk_from, leg.first.talk_from + timedelta(seconds=leg.seconds)
        if calls and start <= until + timedelta(seconds=5):
            extra = max(0, int((end - max(start, until)).total_seconds()))
            whole = calls[-1]
            calls[-1] = Call(whole.first, whole.seconds + extra, "answered", whole.records + (1 if extra else 0))
        else:
            calls.append(leg)
        until = max(until, end)
    attempts = [
        leg
        for leg in legs
        if not leg.is_answered
        and not any(abs(call.first.talk_from - leg.first.talk_from) <= timedelta(hours=1) for call in calls if call.is_answered)
    ]
    return calls + sorted(attempts, key=lambda leg: leg.first.talk_from)[:1]


# Numbers -----------------------------------------------------------------------------------------------------------------------


def _e164(written: str) -> str:
    """E.164 digits of a number as a Dutch exchange writes it; empty where it is not one."""
    compact = re.sub(r"[^0-9A-Za-z+*#]", "", written.replace("(0)", ""))
    if re.fullmatch(rf"0{HOME_CODE}\d{{9,}}", compact):
        compact = "+" + compact[1:]
    if re.fullmatch(rf"[1-9]\d{{9,}}|{HOME_CODE}\d{{7,}}", compact):
        compact = "+" + compact  # nobody dials a Dutch number without its 0: it is written in full, without the plus
    if not re.fullmatch(r"\+\d{6,}|0\d{5,}", compact):
        return ""
    try:
        number = phonenumbers.parse(compact, HOME)
    except phonenumbers.NumberParseException:
        return ""
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164).removeprefix("+")


@dataclass(frozen=True)
class Called:
    """What was dialled: public, internal, feature_code or unparsable; a public number leads to a country and a line type."""

    kind: str
    number: str = ""
    country: str | None = None
    line_type: str | None = None
    number_kind: str = ""
    is_short: bool = False
    """A number that its length tells, such as 112: it begins as others do, so that no row of a deck says what it is."""

    @property
    def is_toll_free(self) -> bool:
        return self.number_kind == "toll_free"

    @property
    def is_unlisted(self) -> bool:
        """Of a range of which the numbering plans know no number."""
        return self.number_kind in ("", "unlisted")


def called(books: Books, written: str) -> Called:
    compact = re.sub(r"[^0-9A-Za-z+*#]", "", written.replace("(0)", ""))
    if re.fullmatch(r"[A-Za-z][A-Za-z_-]*[0-9]{0,5}", written) and written.lower() != "anonymous":
        return Called("no_number")
    if not compact or re.search(r"[A-Za-z]", compact):
        return Called("unparsable")
    if re.search(r"[*#]", compact):
        return Called("feature_code")
    if short := _short_number(books, compact, HOME, HOME_CODE):
        return short
    if re.fullmatch(r"\d{1,5}", compact):
        return Called("internal")
    number = _e164(compact)
    if not number or len(number) > 15:
        return Called("unparsable")
    return called_in_full(books, number, HOME, HOME_CODE)


def called_in_full(books: Books, number: str, home: str, code: str) -> Called:
    """Where a number leads that was dialled with its country code: 112 is still 112 as +31112, to those at home there."""
    return (number.startswith(code) and _short_number(books, number.removeprefix(code), home, code)) or public_number(books, number)


def _short_number(books: Books, dialled: str, home: str, code: str) -> Called | None:
    found = (books.short_numbers.get((home, dialled[:length], len(dialled))) for length in range(len(dialled), 0, -1))
    short = next(filter(None, found), None)
    return Called("public", code + dialled, home, short["line_type"], short["number_kind"], True) if short else None


def public_number(books: Books, number: str) -> Called:
    """Where a number in E.164 digits leads to: nowhere known where no numbering plan has it."""
    found = next((books.prefixes[number[:length]] for length in range(len(number), 0, -1) if number[:length] in books.prefixes), None)
    if found is None:
        return Called("public", number)
    return Called("public", number, found["country"], found["line_type"], found["number_kind"])


def as_the_deck_says(books: Books, partner_id: str, destination: Called, on: date) -> Called:
    """Where a number leads on a day: as the deck row of the day says, else the numbering plans; words count where these know no number."""
    rows = deck_rows(books, partner_id, destination.number, on)
    if destination.is_short or len(rows) != 1:
        return destination
    country, line_type = (rows[0].get(name, "").upper() for name in ("country", "line_type"))
    words = set(re.findall(r"[a-z]+", rows[0]["destination"].lower())) if destination.is_unlisted else set()
    if not line_type and words & {"premium", "special", "speciaal", "service", "services", "servicenummer"}:
        line_type = "SPECIAL"
    if not line_type and words & {"mobile", "mobiel", "mobil", "mob", "cellular", "cell", "gsm"}:
        line_type = "MOB"
    return replace(
        destination,
        country=country or destination.country,
        line_type=line_type or destination.line_type or ("FIX" if country else None),
    )


# Rating ------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rated:
    """What a call should be. Amounts in EUR, None where it is unrated; ``call_date`` is the partner's day."""

    customer_id: str
    started_at: datetime
    call_date: date
    country: str | None
    line_type: str | None
    is_onnet: bool
    duration_s: int
    records: int
    status: str
    status_reason: str | None
    billed_s: int | None
    purchase_eur: Decimal | None
    sale_eur: Decimal | None


def rounded(amount: Fraction, decimals: int) -> Decimal:
    """Half away from zero (no amount here is negative)."""
    scaled = amount * 10**decimals + Fraction(1, 2)
    return Decimal(scaled.numerator // scaled.denominator).scaleb(-decimals)


def up_to_step(seconds: int, first: int, following: int) -> int:
    return first + max(0, -(-(seconds - first) // following)) * following


def rate(books: Books, call: Call) -> Rated | None:
    """What the call should be, or None where nobody is known to pay for it."""
    record, seconds, disposition, records = call.first, call.seconds, call.disposition, call.records
    zone = ZoneInfo(ZONE)
    instant = record.instant or record.wall_clock.replace(tzinfo=zone, fold=1).astimezone(UTC)  # the hour that repeats: its second pass
    on = instant.astimezone(zone).date()
    customer, direction = _payer(books, record, on)
    if customer is None:
        return None
    destination = as_the_deck_says(books, customer["partner_id"], called(books, record.callee), on)
    return Rated(
        customer["customer_id"],
        instant.replace(tzinfo=None),
        on,
        destination.country,
        destination.line_type,
        is_onnet(books, destination, on),
        seconds,
        records,
        **asdict(price(books, customer, on, destination, seconds, disposition, direction)),
    )


def is_onnet(books: Books, destination: Called, on: date) -> bool:
    return any(customer_on(books, row["customer_id"], on) for row in valid(books.numbers.get(destination.number, ()), on))


@dataclass(frozen=True)
class Price:
    """What a call costs and sells for, in EUR; None where it is unrated."""

    status: str
    status_reason: str | None
    billed_s: int | None = 0
    purchase_eur: Decimal | None = Decimal(0)
    sale_eur: Decimal | None = Decimal(0)


def price(books: Books, customer: Row, on: date, destination: Called, seconds: int, disposition: str, direction: str) -> Price:
    """The price of a call of a customer that began on a day (DOMAIN 2)."""

    def unrated(reason: str) -> Price:
        return Price("unrated", reason, None, None, None)

    is_inbound = direction == "inbound"

    if disposition != "answered":
        return Price("unanswered", disposition)
    if seconds == 0:
        return Price("unanswered", "zero_seconds")
    assignment = assigned(books, "call", customer, on)
    plan = only(valid(books.plans.get((customer["partner_id"], assignment["call_plan_id"]), ()), on)) if assignment else None
    if is_inbound and not (plan and _is_toll_free_service(books, plan, destination, on)):
        return Price("exempt", "inbound")
    if direction == "internal":
        return Price("exempt", "internal")
    if destination.kind in ("internal", "feature_code", "no_number"):
        return Price("exempt", destination.kind)
    if destination.kind == "unparsable":
        return unrated("unparsable_number")
    if assignment is None:
        return unrated("no_call_plan")
    if plan is None:
        return unrated("unknown_call_plan")
    billed_s = up_to_step(seconds, 0, int(plan["rounding_seconds"] or 1))
    to_platform = is_onnet(books, destination, on) and not is_inbound
    if to_platform and plan["onnet_billing"].lower() not in ("true", "t", "yes", "y", "ja", "j", "1"):
        return Price("rated", "onnet", billed_s)
    rows = deck_rows(books, customer["partner_id"], destination.number, on)
    is_free = not is_inbound and _is_free_to_call(books, plan, partner_on(books, customer["partner_id"], on), destination, on)
    if is_free and not any(public_number(books, row["prefix"]).number_kind in FREE_KINDS for row in rows):
        return Price("rated", "free_number", billed_s)
    if len(rows) != 1:
        return unrated("ambiguous_deck" if rows else "no_deck_row")
    purchase_fee, purchase_minute = (exact(rows[0][f"{name}_eur"]) or Fraction(0) for name in ("connection_fee", "minute_rate"))
    purchase_s = up_to_step(seconds, int(rows[0].get("first_increment_s") or 1), int(rows[0].get("next_increment_s") or 1))
    purchase = rounded(purchase_fee + purchase_s * purchase_minute / 60, 4)
    if is_free:
        return Price("rated", "free_number", billed_s, Decimal(0) if to_platform else purchase)
    terms = _sale_terms(books, plan, destination, on, purchase_fee, purchase_minute)
    if terms is None:
        return unrated("no_plan_rate")
    fee, minute = terms
    sale = rounded(fee + billed_s * minute / 60, int(plan["rounding_decimals"] or 4))
    return Price("rated", None, billed_s, Decimal(0) if to_platform else purchase, sale)


def _is_toll_free_service(books: Books, plan: Row, destination: Called, on: date) -> bool:
    """Whether the one who was called pays: on a toll-free number, and by a row of the plan for just that country and type (decided)."""
    key = plan["partner_id"], plan["call_plan_id"], destination.country or "", destination.line_type or ""
    return destination.number_kind == "toll_free" and bool(valid(books.plan_rates.get(key, ()), on))


def _is_free_to_call(books: Books, plan: Row, partner: Row | None, destination: Called, on: date) -> bool:
    """Whether nobody pays for a call out: 112, 0800, +800, unless the plan has a row for just that country and SPECIAL (decided)."""
    key = plan["partner_id"], plan["call_plan_id"], destination.country or "", "SPECIAL"
    at_home = destination.country in ((partner or {}).get("country") or HOME, "001")
    is_charged = destination.line_type == "SPECIAL" and valid(books.plan_rates.get(key, ()), on)
    return at_home and destination.number_kind in FREE_KINDS and not is_charged


def _payer(books: Books, record: Record, on: date) -> tuple[Row | None, str]:
    """Who pays for a call, and which way it went: numbers before words. None where nobody is known, or the record contradicts itself."""
    said = "inbound" if record.is_inbound else "outbound"
    account = only(valid(books.accounts.get((record.account,), ()), on)) if record.account else None
    calling, called_ = (_owner(books, number, on) for number in (record.caller, record.callee))
    is_airtime = record.source == STANDARD and record.key[-1] == "airtime"
    is_public = len(re.sub(r"[^0-9]", "", record.callee)) >= 6 and not re.search(r"[A-Za-z]", record.callee)
    if account is not None:
        payer = account["customer_id"]
    elif is_airtime:
        payer = calling
    elif called_ is None:
        payer = None if record.is_inbound else calling
    else:
        payer = called_ if calling is None or record.is_inbound else calling
    if payer is None:
        return None, said
    customer = customer_on(books, payer, on)
    if customer is None:
        return None, said
    if is_airtime:
        return customer, said
    if called_ == payer:
        return customer, "internal" if calling == payer or re.fullmatch(r"\d{1,5}", record.caller) else "inbound"
    if calling == payer:
        return customer, "outbound"
    if record.is_inbound and called_ is not None:
        return None, said
    if record.is_inbound and is_public and not called(books, record.callee).is_toll_free and payer in _with_numbers(books):
        return customer, "outbound"
    return customer, said


def _owner(books: Books, written: str, on: date) -> str | None:
    row = only(valid(books.numbers.get(_e164(written), ()), on))
    return row["customer_id"] if row and customer_on(books, row["customer_id"], on) else None


_WITH_NUMBERS: dict[int, frozenset[str]] = {}


def _with_numbers(books: Books) -> frozenset[str]:
    if id(books) not in _WITH_NUMBERS:
        _WITH_NUMBERS[id(books)] = frozenset(term.row["customer_id"] for timeline in books.numbers.values() for term in timeline)
    return _WITH_NUMBERS[id(books)]


def assigned(books: Books, kind: str, customer: Row, on: date) -> Row | None:
    of_customer = books.assignments[kind].get((customer["customer_id"], customer["partner_id"], ""), ())
    of_group = (
        books.assignments[kind].get(("", customer["partner_id"], customer["customer_group"]), ()) if customer["customer_group"] else ()
    )
    return only(valid(of_customer, on)) or only(valid(of_group, on))


def deck_rows(books: Books, partner_id: str, number: str, on: date) -> list[Row]:
    """Of the deck from which the partner buys on that day, the rows of the longest prefix of the number that are valid."""
    partner = partner_on(books, partner_id, on)
    deck_id = partner["deck_id"] if partner else ""
    for length in range(len(number), 0, -1):
        if rows := valid(books.deck.get((deck_id, number[:length]), ()), on):
            return rows
    return []


def _sale_terms(
    books: Books, plan: Row, destination: Called, on: date, purchase_fee: Fraction, purchase_minute: Fraction
) -> tuple[Fraction, Fraction] | None:
    """Fee and minute rate, both exact, of the most specific row; a SPECIAL number without any follows Standaard FIX on purchase."""
    if destination.country is None:
        return None  # in no numbering plan of the world: not just any country
    country, line_type = destination.country, destination.line_type or ""
    plan_key = plan["partner_id"], plan["call_plan_id"]
    for key in ((country, line_type), (country, "*"), ("*", line_type), ("*", "*")):
        if row := only(valid(books.plan_rates.get((*plan_key, *key), ()), on)):
            minute, percent = exact(row["minute_rate_eur"]), exact(row["minute_rate_percent"])
            return exact(row["connection_fee_eur"]) or Fraction(0), purchase_minute * (percent or 0) / 100 if minute is None else minute
    standard = only(valid(books.plan_rates.get((*plan_key, "*", "FIX"), ()), on))
    percent = exact(standard["minute_rate_percent"]) if standard and line_type == "SPECIAL" else None
    return None if percent is None else (purchase_fee * percent / 100, purchase_minute * percent / 100)


def minute_rate(books: Books, customer_id: str, number: str, on: date) -> Fraction | None:
    """What a minute to an E.164 number sells for to a customer on a day, exactly; None where it has no rate."""
    customer = customer_on(books, customer_id, on)
    assignment = assigned(books, "call", customer, on) if customer else None
    if customer is None or assignment is None:
        return None
    destination = as_the_deck_says(books, customer["partner_id"], called(books, f"+{number}"), on)
    plan = only(valid(books.plans.get((customer["partner_id"], assignment["call_plan_id"]), ()), on))
    rows = deck_rows(books, customer["partner_id"], number, on)
    if plan is None or len(rows) != 1:
        return None
    purchase_fee, purchase_minute = (exact(rows[0][f"{name}_eur"]) or Fraction(0) for name in ("connection_fee", "minute_rate"))
    terms = _sale_terms(books, plan, destination, on, purchase_fee, purchase_minute)
    return terms[1] if terms else None
