"""Call records with something wrong or rare about them, in numbers that do not depend on how many calls there are.

Every row differs from a good one in exactly one respect, so that its expected end does not hang on the order of checks.
Reasons that name a column use the name of ``cdrs/standard`` in every dialect: ``invalid_started_at``, also where a 3CX
calls it ``time-start``.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from itertools import islice

import duckdb
import numpy as np
import pyarrow as pa

from orchestration.demo.answers import LEGS
from orchestration.demo.destinations import SATELLITE_WITHOUT_RATE
from orchestration.demo.dialects import bytes_of, lines_of
from orchestration.demo.exchanges import ASTERISK, FREESWITCH, STANDARD, THREECX
from orchestration.demo.files import DUPLICATE, KEPT, QUARANTINED, UNRATED, Landing, Row, Spoken, gzipped
from orchestration.demo.period import AMSTERDAM
from orchestration.demo.traffic import ANSWERED, OUTBOUND, VERBATIM, Crowd, calls_of

Fields = dict[str, str]
Edit = Callable[[Fields], Fields | list[str]]

AN_ORDINARY_DAY = date(2026, 10, 14)
"""Besides in files of its own, dirt also lies among the ordinary rows of this day."""
MORNING = datetime(2026, 10, 14, 10, 15, 30)
SPRING_GAP = datetime(2026, 3, 29, 2, 30)
AUTUMN_REPEAT = datetime(2026, 10, 25, 2, 30)
RING_S = 5
CALLS_OF_A_SOURCE = 600  # of which about half are plain enough to be spoilt, and fewer than 100 are
NOBODY = "demo-nobody"
NOBODYS_NUMBER = "+31200999999"
UNQUOTED = {"duration", "billsec", "sequence"}  # what Asterisk writes as numbers


@dataclass(frozen=True)
class Columns:
    """Where a dialect keeps what the dirt changes; ``callee`` may stand in several columns."""

    call_id: str
    account: str
    caller: str
    callee: tuple[str, ...]
    started_at: str
    duration_s: str
    answered_at: str = ""
    ended_at: str = ""
    free_text: str = ""


COLUMNS = {
    STANDARD: Columns("call_id", "account", "caller", ("callee",), "started_at", "duration_s", free_text="caller"),
    THREECX: Columns(
        call_id="callid",
        account="bill-code",
        caller="from-no",
        callee=("to-no", "dial-no", "final-number"),
        started_at="time-start",
        duration_s="duration",
        answered_at="time-answered",
        ended_at="time-end",
        free_text="from-dispname",
    ),
    ASTERISK: Columns("uniqueid", "accountcode", "src", ("dst",), "start", "billsec", "answer", "end", "clid"),
    FREESWITCH: Columns(
        call_id="uuid",
        account="accountcode",
        caller="caller_id_number",
        callee=("destination_number",),
        started_at="start_stamp",
        duration_s="billsec",
        answered_at="answer_stamp",
        ended_at="end_stamp",
        free_text="caller_id_name",
    ),
}


@dataclass(frozen=True)
class Source:
    """One exchange as a source of good records to spoil; each is handed out once, so that no two rows share an id."""

    crowd: Crowd
    supply: Iterator[Fields]

    @property
    def feed(self) -> str:
        return self.crowd.exchange.feed

    @property
    def columns(self) -> Columns:
        return COLUMNS[self.feed]

    def records(self, size: int) -> list[Fields]:
        """The next ``size`` good, answered, outbound calls of an ordinary day, fields by column."""
        return list(islice(self.supply, size))

    def line(self, fields: Fields | Sequence[str]) -> str:
        """One line as this exchange writes it, without its newline."""
        named = fields.items() if isinstance(fields, dict) else ((None, field) for field in fields)
        if self.feed in (STANDARD, THREECX):
            return self.crowd.exchange.style.delimiter.join(field for _, field in named)
        return ",".join(
            field if self.feed == ASTERISK and name in UNQUOTED else '"' + field.replace('"', '""') + '"' for name, field in named
        )

    def row(self, kind: str, outcome: str, fields: Fields | list[str]) -> Row:
        """The row of these fields, with what the wholesaler's switch saw of it where it is kept."""
        is_kept = outcome in (KEPT, UNRATED) and isinstance(fields, dict)
        return Row(kind, outcome, self.line(fields), self._spoken(fields) if is_kept else None)

    def _spoken(self, fields: Fields) -> Spoken:
        columns = self.columns
        hours, minutes, seconds = ["0", "0", *fields[columns.duration_s].split(":")][-3:]
        return Spoken(
            self.crowd.exchange.exchange_id,
            fields.get("linkedid") or fields[columns.call_id],
            _local_day(fields[columns.started_at]),
            _e164(fields[columns.callee[0]]),
            int(hours) * 3600 + int(minutes) * 60 + int(seconds),
        )

    def content(self, lines: Iterable[str]) -> bytes:
        newline = self.crowd.exchange.style.newline
        return self.crowd.exchange.header + "".join(line + newline for line in lines).encode()

    def at(self, started: datetime, talk_s: int, *, ended: datetime | None = None, fold: int = 0) -> Edit:
        """Move a call to a local moment, with its length; ``ended`` only where it contradicts them or crosses a change
        of clock.
        """
        end = ended or started + timedelta(seconds=RING_S + max(talk_s, 0))
        columns = self.columns

        def edit(fields: Fields) -> Fields:
            changed = {columns.started_at: self._stamp(started, fold), columns.duration_s: str(talk_s)}
            if columns.ended_at:
                changed |= {
                    columns.answered_at: self._stamp(started + timedelta(seconds=RING_S), fold),
                    columns.ended_at: self._stamp(end, fold),
                    "duration": str(RING_S + max(talk_s, 0)),
                }
            if self.feed == THREECX:
                changed["duration"] = f"{talk_s // 3600:02d}:{talk_s // 60 % 60:02d}:{talk_s % 60:02d}"
            return fields | changed

        def in_columns_order(fields: Fields) -> Fields:
            edited = edit(fields)
            if columns.duration_s == "billsec":
                edited["billsec"] = str(talk_s)
            return {name: edited[name] for name in fields}

        return in_columns_order

    def _stamp(self, moment: datetime, fold: int) -> str:
        clock = self.crowd.exchange.clock
        if clock == "minute":
            return f"{moment.year}-{moment.month}-{moment.day} {moment.hour}:{moment:%M}"
        if clock in ("offset", "utc"):
            aware = moment.replace(tzinfo=AMSTERDAM, fold=fold)
            if clock == "offset":
                return aware.isoformat()
            gap = aware.utcoffset() or timedelta()
            return (moment - gap).isoformat() + "Z"
        return moment.isoformat(sep="T" if self.feed == STANDARD else " ").replace("-", "/" if self.feed == THREECX else "-")

    def setting(self, **values: str) -> Edit:
        """Give columns another value, by their name in ``Columns``."""
        names = {name: getattr(self.columns, name) for name in values}
        return lambda fields: (
            fields
            | {
                column: value
                for name, value in values.items()
                for column in ([names[name]] if isinstance(names[name], str) else names[name])
            }
        )

    def rows(self, spoilt: Iterable[tuple[str, str, Edit]]) -> list[Row]:
        """One row per (kind, outcome, edit); a quarantined row's kind is its reason."""
        edits = list(spoilt)
        return [
            self.row(kind, outcome, edit(record)) for (kind, outcome, edit), record in zip(edits, self.records(len(edits)), strict=True)
        ]

    def wrong_rows(self) -> list[tuple[str, str, Edit]]:
        """The rows that every dialect can get wrong; each has one fault."""
        is_local = self.crowd.exchange.clock in ("local", "minute")
        faults: list[tuple[str, Edit]] = [
            ("column_count", lambda fields: list(fields.values())[:5]),
            ("column_count", lambda fields: [*fields.values(), *["extra"] * 9]),
            ("nul_byte", self.setting(callee="0200\x00900123")),
            ("missing_callee", self.setting(callee="")),
            ("invalid_started_at", self.setting(started_at="2026-10-32 10:00:00")),
            ("invalid_duration_s", self.setting(duration_s="abc")),
            ("duration_over_24h", self.at(MORNING, 25 * 3600)),
            ("future_date", self.at(datetime(2099, 1, 1, 10, 0), 60)),
            ("unknown_customer", self.setting(account="", caller=NOBODYS_NUMBER)),
        ]
        if self.feed != THREECX:  # a 3CX writes hh:mm:ss, which has no sign
            faults.append(("negative_duration", self.at(MORNING, -5)))
        if self.columns.ended_at:
            faults.append(("end_before_start", self.at(MORNING, 60, ended=MORNING - timedelta(minutes=3))))
        if is_local:
            faults.append(("nonexistent_local_time", self.at(SPRING_GAP, 60, ended=SPRING_GAP + timedelta(minutes=61, seconds=5))))
        return [(reason, QUARANTINED, edit) for reason, edit in faults]

    def rare_rows(self) -> list[tuple[str, str, Edit]]:
        """Rows that look odd and are right: the night of the clock, edges of a month, a destination without a rate."""
        satellite = str(SATELLITE_WITHOUT_RATE + 123456)
        rows = [
            ("repeated_hour", KEPT, self.at(AUTUMN_REPEAT, 75)),
            ("month_edge", KEPT, self.at(datetime(2026, 9, 30, 23, 59, 30), 90)),
            ("month_edge", KEPT, self.at(datetime(2026, 10, 1, 0, 0, 0), 61)),
            ("month_edge", KEPT, self.at(datetime(2026, 10, 31, 23, 59, 59), 123)),
            ("unrated", UNRATED, self.setting(callee="+" + satellite)),
            ("unrated", UNRATED, self.setting(callee="00" + satellite)),
        ]
        if self.crowd.exchange.clock == "offset":
            rows.append(("repeated_hour", KEPT, self.at(AUTUMN_REPEAT, 75, fold=1)))
        if self.columns.ended_at:  # begun before and ended after the clock went back: on the wall it ends before it begins
            begun = datetime(2026, 10, 25, 2, 55)
            rows.append(("repeated_hour", KEPT, self.at(begun, 600, ended=begun + timedelta(seconds=RING_S + 600 - 3600))))
        return rows


def _local_day(stamp: str) -> date:
    """The day on the wall in Amsterdam of a stamp in any of the exchanges' clocks."""
    if stamp.endswith("Z"):
        return datetime.fromisoformat(stamp).astimezone(AMSTERDAM).date()
    year, month, day = re.split(r"[-/]", re.split(r"[T ]", stamp)[0])
    return date(int(year), int(month), int(day))


def _e164(dialled: str) -> int:
    """The number of a callee in any spelling of ``traffic``."""
    digits = dialled.replace("-", "").removeprefix("+")
    if digits.startswith("00"):
        return int(digits[2:])
    if digits.startswith("031") and len(digits) > 10:
        return int(digits[1:])
    return int("31" + digits[1:] if digits.startswith("0") else digits)


def source_of(crowd: Crowd, seed: int, tag: str, connection: duckdb.DuckDBPyConnection) -> Source:
    """A source of the calls of one exchange; ``tag`` keeps their ids apart from those of other sources and of ordinary files."""
    other = replace(crowd, index=crowd.index + 100)  # draws other calls than the day's ordinary file
    calls = calls_of(other, AN_ORDINARY_DAY, CALLS_OF_A_SOURCE, seed)
    is_plain = np.equal(calls.column("leg").to_pylist(), "")
    for name, wanted in (("outcome", ANSWERED), ("direction", OUTBOUND)):
        is_plain &= calls.column(name).to_numpy() == wanted
    for name in ("caller_spelling", "callee_spelling"):
        is_plain &= calls.column(name).to_numpy() != VERBATIM
    exchange = replace(crowd.exchange, exchange_id=f"demo-{tag}-{crowd.exchange.exchange_id.removeprefix('demo-')}")
    lines = lines_of(exchange, calls.filter(pa.array(is_plain)), connection)
    rows = csv.reader(b"".join(bytes_of(lines)).decode().splitlines(), delimiter=exchange.style.delimiter)
    return Source(crowd, (dict(zip(exchange.columns, row, strict=True)) for row in rows))


def land_dirt(landing: Landing, crowds: Sequence[Crowd], seed: int) -> None:
    """The small files of dirt in all four dialects. Names sort in the order in which they must be read."""
    connection = duckdb.connect(config={"threads": 1})
    sources = {crowd.exchange.exchange_id: source_of(crowd, seed, "dirt", connection) for crowd in crowds}
    ams, rtd = sources["demo-ams1"], sources["demo-rtd1"]
    threecx, asterisk = sources["demo-3cx-hosted"], sources["demo-asterisk"]
    freeswitch, minutes = sources["demo-freeswitch-kl"], sources["demo-freeswitch-bh"]

    for source, name in (
        (ams, "demo-dirt/offset-"),
        (rtd, "demo-dirt/local-"),
        (threecx, "demo-dirt-"),
        (asterisk, "demo-dirt-"),
        (freeswitch, "demo-dirt-"),
        (minutes, "demo-dirt-minutes-"),
    ):
        stem = f"{source.feed}/{name}"
        _land(landing, source, f"{stem}wrong-rows.csv", source.rows(source.wrong_rows()))
        _land(landing, source, f"{stem}rare-rows.csv.gz", source.rows(source.rare_rows()))
    _land_standard_columns(landing, ams)
    _land_duplicates(landing, ams, threecx, freeswitch)
    _land_queues(landing, sources["demo-asterisk-own"])
    _land_legs(landing, sources["demo-asterisk-own"], threecx, freeswitch)
    _land_partial_records(landing, ams)
    _land_whole_files(landing, ams, threecx, asterisk, freeswitch)


def ordinary_dirt(crowd: Crowd, seed: int, connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """Rows to lie among the ordinary ones of AN_ORDINARY_DAY, in four of the exchanges."""
    if crowd.exchange.exchange_id not in ("demo-gro1", "demo-3cx-hosted", "demo-asterisk", "demo-freeswitch-kl"):
        return []
    source = source_of(crowd, seed, "among", connection)
    chosen = ("column_count", "unknown_customer", "invalid_started_at", "unrated")
    known = {kind: (kind, outcome, edit) for kind, outcome, edit in (*source.wrong_rows(), *source.rare_rows())}
    return source.rows([known[kind] for kind in chosen])


def _land(landing: Landing, source: Source, path: str, rows: Sequence[Row]) -> None:
    landing.put_rows(source.feed, path, source.content(row.text for row in rows), rows)


def _land_standard_columns(landing: Landing, source: Source) -> None:
    """Faults of columns that only the standard dialect has, and columns that nobody knows."""
    wrong = {
        "missing_call_id": {"call_id": ""},
        "missing_started_at": {"started_at": ""},
        "missing_duration_s": {"duration_s": ""},
        "invalid_disposition": {"disposition": "maybe"},
        "invalid_direction": {"direction": "sideways"},
        "invalid_leg": {"leg": "roof"},
        "invalid_sequence": {"sequence": "two"},
    }

    def changed(change: Fields) -> Edit:
        return lambda fields: fields | change

    edits = [(reason, QUARANTINED, changed(change)) for reason, change in wrong.items()]
    _land(landing, source, f"{STANDARD}/demo-dirt/columns.csv", source.rows(edits))

    exchange = source.crowd.exchange
    records = [record | {"trunk_group": "west", "mos": "4.2"} for record in source.records(5)]
    wider = replace(
        source,
        crowd=replace(source.crowd, exchange=replace(exchange, columns=(*exchange.columns, "trunk_group", "mos"))),
    )
    _land(
        landing,
        wider,
        f"{STANDARD}/demo-dirt/unknown-columns.csv",
        [wider.row("unknown_columns", KEPT, r) for r in records],
    )


def _land_duplicates(landing: Landing, standard: Source, threecx: Source, freeswitch: Source) -> None:
    again = standard.records(10)
    for name, outcome in (
        ("again-1", KEPT),
        ("again-2", DUPLICATE),
    ):  # the same bytes: every row of the second is a duplicate
        _land(
            landing,
            standard,
            f"{STANDARD}/demo-dirt/{name}.csv",
            [standard.row("same_file_again", outcome, record) for record in again],
        )

    for source, stem, size in ((standard, "demo-dirt/resent", 6), (threecx, "demo-dirt-resent", 4)):
        records = source.records(size)
        first = [source.row("same_calls_in_two_files", DUPLICATE, record) for record in records]
        # Sent again in another order and with another number: the later row wins.
        later = [source.row("same_calls_in_two_files", KEPT, source.setting(callee="0200900900")(r)) for r in reversed(records)]
        _land(landing, source, f"{source.feed}/{stem}-1.csv", first)
        _land(landing, source, f"{source.feed}/{stem}-2.csv", later)

    records = freeswitch.records(3)
    rows = [freeswitch.row("uuid_repeated", DUPLICATE, record) for record in records]
    rows += [freeswitch.row("uuid_repeated", KEPT, record) for record in records]
    _land(landing, freeswitch, f"{FREESWITCH}/demo-dirt-uuid-repeated.csv", rows)


def _land_queues(landing: Landing, source: Source) -> None:
    """Queue calls: four telephones ring, one is answered. Five rows share a linkedid; NO ANSWER carries billsec > 0 and
    costs nothing.
    """
    rows = []
    for group, record in enumerate(source.records(3)):
        for member in range(5):
            is_answered = member == 4
            fields = record | {
                "uniqueid": f"{record['uniqueid']}{member}",
                "linkedid": f"{record['uniqueid']}0",
                "sequence": str(group * 5 + member),
                "dstchannel": f"PJSIP/{200 + member}-0000000{member}",
                "lastapp": "Queue",
                "disposition": "ANSWERED" if is_answered else "NO ANSWER",
            }
            if not is_answered:
                fields |= {"billsec": "12", "answer": ""}
            rows.append(source.row("queue_answered", KEPT, fields) if is_answered else source.row("queue_no_answer", DUPLICATE, fields))
    _land(landing, source, f"{ASTERISK}/bh-053-trunk/demo-dirt-queue.csv", rows)


def _land_legs(landing: Landing, asterisk: Source, threecx: Source, freeswitch: Source) -> None:
    """Conversations that the exchange writes in several rows, each of them one call: transfers, a queue, a bridge with both legs."""
    rows = []
    for number, record in enumerate(asterisk.records(3)):
        started = datetime(2026, 10, 6, 10, number)
        for step, (after_s, talk_s) in enumerate(((0, 60), (60 + RING_S, 120), (20, 30))):
            # the second leg goes on where the first ends (a transfer), the third lies within the first
            fields = asterisk.at(started + timedelta(seconds=after_s), talk_s)(record)
            fields |= {
                "uniqueid": f"{record['uniqueid']}{step}",
                "linkedid": f"{record['uniqueid']}0",
                "sequence": str(900 + 3 * number + step),
            }
            kind, outcome = (LEGS, KEPT) if step < 2 else ("leg_within_another", DUPLICATE)
            rows.append(asterisk.row(kind, outcome, fields))
    _land(landing, asterisk, f"{asterisk.feed}/bh-053-trunk/demo-dirt-transfers.csv", rows)

    rows = []
    for number, record in enumerate(threecx.records(2)):
        for agent in range(3):  # two telephones of a queue ring, the third is answered
            fields = threecx.at(datetime(2026, 10, 6, 11, number, 10 * agent), 45)(record)
            if agent < 2:
                fields |= {"time-answered": "", "duration": "00:00:00", "reason-terminated": "NoAnswer"}
            rows.append(threecx.row("queue_call", KEPT, fields) if agent == 2 else threecx.row("queue_attempt", DUPLICATE, fields))
    _land(landing, threecx, f"{threecx.feed}/demo-dirt-queue.csv", rows)

    rows = []
    for record in freeswitch.records(3):
        rows.append(freeswitch.row("bridged_leg", KEPT, record))
        rows.append(freeswitch.row("bridged_other_leg", DUPLICATE, record | {"uuid": record["bleg_uuid"], "bleg_uuid": ""}))
    _land(landing, freeswitch, f"{freeswitch.feed}/demo-dirt-bridges.csv", rows)


def _land_partial_records(landing: Landing, source: Source) -> None:
    """Three long calls in three records each: every record has its own start and its own seconds; their sum is the
    call's.
    """
    rows = []
    for number, record in enumerate(source.records(3)):
        started = datetime(2026, 10, 7 + number, 9, 0)
        for sequence, seconds in enumerate((1800, 1800, 641 + number), start=1):
            fields = source.at(started, seconds)(record | {"sequence": str(sequence)})
            rows.append(source.row("partial_records", KEPT, fields))
            started += timedelta(seconds=seconds)
    _land(landing, source, f"{STANDARD}/demo-dirt/partial-records.csv", rows)


def _land_whole_files(landing: Landing, standard: Source, threecx: Source, asterisk: Source, freeswitch: Source) -> None:
    """Files that are not what they say; every line of them goes to quarantine."""

    def stem(source: Source) -> str:
        return f"{source.feed}/demo-dirt/" if source.feed == STANDARD else f"{source.feed}/demo-dirt-"

    def land(source: Source, reason: str, ending: str, content: bytes, rows: int) -> None:
        dirt = [Row(reason, QUARANTINED, "")] * rows
        landing.put_rows(source.feed, f"{stem(source)}{reason.replace('_', '-')}{ending}", content, dirt, fallback_kind=reason)

    for source in (standard, threecx, asterisk, freeswitch):
        lines = [source.line(record) for record in source.records(8)]
        whole = source.content(lines)
        newline = len(source.crowd.exchange.style.newline)
        land(source, "truncated", ".csv", whole[: -newline - len(lines[-1]) * 2 // 3], 8)
        land(source, "truncated", ".csv.gz", gzipped(whole)[:-8], 8)  # all lines can be read, but the archive ends early
        latin = [source.setting(free_text="Zoë")(record) for record in source.records(4)]
        land(source, "wrong_encoding", ".csv", source.content(map(source.line, latin)).decode().encode("latin-1"), 4)
    for source in (standard, threecx):
        exchange = source.crowd.exchange
        narrower = replace(exchange, columns=tuple(column for column in exchange.columns if column not in source.columns.callee))
        records = [{c: record[c] for c in narrower.columns} for record in source.records(5)]
        cut = replace(source, crowd=replace(source.crowd, exchange=narrower))
        land(source, "wrong_header", ".csv", cut.content(map(cut.line, records)), 5)
    for source in (standard, asterisk):
        land(source, "empty_file", ".csv", b"", 0)
