"""``tikteller source try``: how a file of call records would be read and rated, what is doubtful, and a format for one that nobody knows.

The file is landed, read and rated by the very code of a run, in a database in memory; nothing of the workspace changes.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

import duckdb

from orchestration.errors import TiktellerError
from orchestration.landing import file_sources, ledger
from orchestration.landing.arrivals import Arrival
from orchestration.landing.feeds import feed_of
from orchestration.landing.layout import DELIMITERS
from orchestration.landing.loading import landed, load
from orchestration.landing.scan import HEAD_BYTES, Fault, Scan, scan
from orchestration.landing.sources import (
    NEEDED,
    SOURCES_FILE,
    Format,
    Source,
    column_name,
    missing_columns,
    read_formats,
    read_sources,
    shipped_formats,
    source_of,
)
from orchestration.warehouse.formulas import model, rule
from orchestration.workspace import Workspace

SHOWN_ROWS = 10
TRIED_ROWS = 1000
STAGING = {
    "cdrs_standard": "stg_standard__cdrs",
    "cdrs_3cx": "stg_threecx__cdrs",
    "cdrs_asterisk": "stg_asterisk__cdrs",
    "cdrs_freeswitch": "stg_freeswitch__cdrs",
    "cdrs_declared": "stg_declared__cdrs",
}
WORDS_OF_ROLES = {
    "call_id": r"(call|cdr|gespreks?)[ _-]*(id|ref.*)|^(id|uuid|uniqueid|kenmerk)$",
    "account": r"account|trunk|abonnement|sip[ _-]*user|klant|customer",
    "caller": r"^(src|source|from|van|cli|caller|calling.*|a[ _-]?n(umber|ummer)|bron|beller|toestel|origin.*)\b",
    "callee": r"^(dst|dest.*|to|naar|cld|called.*|callee|b[ _-]?n(umber|ummer)|gebeld.*|bestemming.*|gekozen.*|dial.*)\b",
    "started_at": r"start|begin|datum|^date|connect[ _-]*time|setup|call[ _-]*date|tijdstip|timestamp",
    "started_time": r"^(time|tijd|call[ _-]*time)$",
    "duration_s": r"billsec|duration|duur|seconds|seconden|^sec$|talk",
    "direction": r"direction|richting|type|soort",
    "disposition": r"disposition|status|result|resultaat",
}
SHAPES = {
    "started_at": r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T].+|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}.*|\d{14}|1[5-9]\d{8}",
    "duration_s": r"\d{1,5}|\d{1,3}:[0-5]\d(:[0-5]\d)?",
    "number": r"[+]?[0-9][0-9 ().-]{5,18}",
}


@dataclass(frozen=True)
class Trial:
    """What a file would become. ``rows`` are the first ones, as ``columns`` names them; ``doubts`` a line each, ``proposal`` TOML."""

    format_name: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[Any, ...]]
    doubts: tuple[str, ...]
    proposal: str | None = None


COLUMNS = (
    "line", "call_id", "account", "caller", "callee", "started_at", "duration_s", "direction", "disposition", "doubt", "customer_id",
    "destination", "status", "purchase_eur", "sale_eur",
)  # fmt: skip


def try_source(workspace: Workspace, path: Path, format_name: str | None = None) -> Trial:
    """Read and rate the first rows of a file as its place in landing/ says, by a named format, or by the one that is proposed for it."""
    if not path.is_file():
        raise TiktellerError(f"{path} is no file", fix="give a file of call records")
    scanned = scan(path, path.name.lower().endswith(".gz"))
    if scanned.fault:
        raise TiktellerError(f"{path} cannot be read: {scanned.fault.detail}", fix="fix the file; it would be refused whole")
    source, proposal = _source(workspace, path, scanned, format_name)
    return _tried(workspace, path, scanned, source, proposal)


def _source(workspace: Workspace, path: Path, scanned: Scan, format_name: str | None) -> tuple[Source, str | None]:
    file = workspace.root / SOURCES_FILE
    if format_name is not None:
        formats = read_formats(file)
        if format_name not in formats:
            raise TiktellerError(f"there is no format {format_name!r}", fix=f"one of {', '.join(sorted(formats))}")
        form = formats[format_name]
        if form.is_price_list:
            raise TiktellerError(
                f"format {format_name} is one of price lists", fix="try a file of call records; lists are judged by deck_problems"
            )
        return Source(f"cdrs/{format_name}", format_name, form, is_declared=form.table is None), None
    if path.resolve().is_relative_to(workspace.landing):
        folder = PurePosixPath(path.resolve().relative_to(workspace.landing).as_posix()).parent
        if (known := source_of(read_sources(file), folder)) is not None:
            return known, None
    form, proposal = propose(scanned.head)
    return Source(f"cdrs/{form.name}", form.name, form, is_declared=form.table is None), proposal


# A format for a file that nobody knows -----------------------------------------------------------------------------------------


def propose(head: bytes) -> tuple[Format, str]:
    """The format that fits the beginning of a file best: a shipped one, else one made of its header's words and its columns' shapes."""
    text = head[:HEAD_BYTES].decode("utf-8-sig", "ignore")
    delimiter = max(DELIMITERS, key=lambda each: _regularity(text, each))
    records = [fields for fields in islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 50) if any(fields)]
    if not records:
        raise TiktellerError("there is nothing in the file", fix="give a file with call records in it")
    header = records[0]
    for form in shipped_formats().values():
        if form.has_header and not form.is_price_list and not missing_columns(form, header) and (form.delimiter in (None, delimiter)):
            return form, _toml(form, None)
    if fitting := _of_dialect(records):
        return fitting, _toml(fitting, None)
    has_header = not any(re.search(r"\d{4,}", field) for field in header)
    form = _guessed(delimiter, header if has_header else None, records[1:] if has_header else records)
    if missing := [role for role in NEEDED if role not in form.columns]:
        raise TiktellerError(
            f"no column was recognised as {', '.join(missing)} among {', '.join(header)[:200]}",
            fix=f"your own format: [formats.mine] with columns = {{ {missing[0]} = ... }} in {SOURCES_FILE}, then --format mine",
        )
    return form, _toml(form, delimiter)


def _regularity(text: str, delimiter: str) -> tuple[int, int]:
    widths = Counter(len(fields) for fields in islice(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), 50) if any(fields))
    width, times = max(widths.items(), key=lambda each: (each[0] > 1, each[1], each[0]), default=(1, 0))
    return (times if width > 1 else 0), width


def _of_dialect(records: Sequence[Sequence[str]]) -> Format | None:
    """Asterisk, FreeSWITCH or 3CX's own log, which have no header, by width and by what stands where."""

    def fits(places: Mapping[int, str], widths: range) -> bool:
        good = [
            fields
            for fields in records
            if len(fields) in widths and all(re.fullmatch(shape, fields[place].strip()) for place, shape in places.items())
        ]
        return 2 * len(good) > len(records)

    clock = r"\d{4}[-/]\d{1,2}[-/]\d{1,2}[ T].*"
    if fits({9: clock, 13: r"\d+", 14: r"[A-Za-z ]+"}, range(16, 22)):
        return shipped_formats()["asterisk"]
    if fits({4: clock, 8: r"\d+", 9: r"[A-Z_]+"}, range(13, 16)):
        return shipped_formats()["freeswitch"]
    if fits({2: r"\d{1,3}:\d\d:\d\d", 3: clock}, range(14, 27)):
        return shipped_formats()["3cx"]
    return None


def _guessed(delimiter: str, header: Sequence[str] | None, rows: Sequence[Sequence[str]]) -> Format:
    width = len(header) if header else Counter(len(fields) for fields in rows).most_common(1)[0][0]
    columns: dict[str, tuple[str | int, ...]] = {}
    taken: set[int] = set()

    def take(role: str, place: int) -> None:
        taken.add(place)
        columns[role] = (column_name(header[place]) if header else place + 1,)

    if header:
        for role, words in WORDS_OF_ROLES.items():
            place = next((at for at, name in enumerate(header) if at not in taken and re.search(words, name.strip().lower())), None)
            if place is not None:
                take(role, place)

    def share(place: int, shape: str) -> float:
        values = [fields[place].strip() for fields in rows if len(fields) > place and fields[place].strip()]
        return sum(bool(re.fullmatch(shape, value)) for value in values) / len(values) if values else 0

    for role, shape in (("started_at", "started_at"), ("caller", "number"), ("callee", "number"), ("duration_s", "duration_s")):
        if role not in columns:
            place = next((at for at in range(width) if at not in taken and share(at, SHAPES[shape]) > 0.6), None)
            if place is not None:
                take(role, place)
    return Format(
        "proposed",
        delimiter=delimiter,
        has_header=header is not None,
        columns=columns,
        date_order=_date_order([str(fields[_place(columns, header, "started_at")]) for fields in rows if len(fields) == width])
        if "started_at" in columns
        else None,
    )


def _place(columns: Mapping[str, tuple[str | int, ...]], header: Sequence[str] | None, role: str) -> int:
    column = columns[role][0]
    return column - 1 if isinstance(column, int) else [column_name(each) for each in header or ()].index(column)


def _date_order(values: Sequence[str]) -> str | None:
    """dmy, mdy, compact or epoch; None for ISO 8601. A day above 12 tells day from month; where there is none, the day stands first."""
    shapes = {"epoch": r"1\d{9}", "compact": r"\d{14}"}
    for order, shape in shapes.items():
        if values and all(re.fullmatch(shape, value.strip()) for value in values if value.strip()):
            return order
    parts = [found.groups() for value in values if (found := re.match(r"(\d{1,2})[-/.](\d{1,2})[-/.]\d{4}", value.strip()))]
    if not parts:
        return None
    return "mdy" if any(int(second) > 12 for _, second in parts) else "dmy"


TIME_FORMATS = {"dmy": "%d-%m-%Y %H:%M:%S", "mdy": "%m/%d/%Y %H:%M:%S", "compact": "%Y%m%d%H%M%S", "epoch": "%s"}


def _toml(form: Format, delimiter: str | None) -> str:
    """What to write into sources.toml."""
    if form.name != "proposed":
        return f'[sources."cdrs/..."]        # the folder below landing/\nformat = "{form.name}"'
    lines = ['[sources."cdrs/..."]        # the folder below landing/', 'format = "mine"', "", "[formats.mine]"]
    lines.append("delimiter = " + ('"\\t"' if delimiter == "\t" else f'"{delimiter}"'))
    lines.append(f'header = "{"named" if form.has_header else "none"}"')
    if form.date_order:
        lines.append(f'time_format = "{TIME_FORMATS[form.date_order]}"')
    lines += ["", "[formats.mine.columns]"]
    lines += [
        f"{role} = {columns[0] if isinstance(columns[0], int) else chr(34) + columns[0] + chr(34)}"
        for role, columns in form.columns.items()
    ]
    return "\n".join(lines)


# As read and as rated ----------------------------------------------------------------------------------------------------------


NOTHING_RATED = """
    create table rated as
    select line, '' as customer_id, '' as direction, '' as destination, '' as status, 0 as purchase_eur, 0 as sale_eur, '' as reject_reason
    from records where false
"""
SHOWN = """
    select
        records.line, records.call_id, records.account, records.caller, records.callee,
        strftime(records.started_wall_clock, '%Y-%m-%d %H:%M:%S')
            || coalesce(' (' || strftime(records.started_utc, '%Y-%m-%d %H:%M:%S') || ' UTC)', ''),
        records.duration_s, coalesce(rated.direction, records.direction), records.disposition,
        coalesce(records.reject_reason, rated.reject_reason),
        rated.customer_id, rated.destination, rated.status, rated.purchase_eur, rated.sale_eur
    from records left join rated on records.line = rated.line
    order by records.line limit ?
"""


def _tried(workspace: Workspace, path: Path, scanned: Scan, source: Source, proposal: str | None) -> Trial:
    feed = feed_of(PurePosixPath(source.folder), replace(source, is_declared=True))
    assert feed is not None
    below = f"{source.folder}/{path.name}"
    if path.resolve().is_relative_to(workspace.landing):
        below = path.resolve().relative_to(workspace.landing).as_posix()
    status = path.stat()
    arrival = Arrival(path, below, feed, None, source, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    file = landed(1, arrival, scanned)
    if isinstance(file.layout, Fault):
        raise TiktellerError(
            f"{path} is not as format {source.format.name} says: {file.layout.detail}", fix="another --format, or none to be proposed one"
        )
    with closing(duckdb.connect()) as connection:
        connection.execute("set TimeZone = 'UTC'")
        ledger.create_raw(connection)
        load(connection, [file], "trial")
        connection.commit()
        file_sources.write_words(connection, [source])
        records = _records(connection, feed.table)
        is_rated = _rate(workspace, connection)
        if not is_rated:
            connection.execute(NOTHING_RATED)
        rows = connection.execute(SHOWN, [SHOWN_ROWS]).fetchall()
        doubts = tuple(_doubts(connection, source, records, is_rated))
    return Trial(source.format.name, COLUMNS, rows, doubts, proposal)


def _records(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Table ``records``: the first ones as staging reads them; how many there are in all."""
    relations = {name: f"raw.{name}" for name in (*STAGING, "file_sources", "source_words", "files")}
    staged = model(STAGING[table], relations)
    connection.execute(f"create table staged as {staged}")
    records = dict.fromkeys(STAGING.values(), "nothing") | {STAGING[table]: f"(select * from staged order by line limit {TRIED_ROWS})"}
    connection.execute("create table nothing as select * from staged where false")
    connection.execute(
        f"create table records as {model('int_call_records', records | {'files': 'raw.files', 'clock': 'raw.clock', 'this': ''})}"
    )
    return connection.execute("select count(*) from staged").fetchone()[0]


HOUSE = {
    "reference": ("dialled_prefixes", "short_numbers", "dialling_plans", "number_prefixes", "countries"),
    "intermediate": (
        "int_accounts", "int_partners", "int_platform_numbers", "int_deck_prefixes", "int_deck_prices", "int_call_plan_prices",
        "int_customer_plans", "int_call_plans",
    ),
    "staging": ("stg_landing__partner_periods",),
}  # fmt: skip


def _rate(workspace: Workspace, connection: duckdb.DuckDBPyConnection) -> bool:
    """Table ``rated``: payer and price by what the workspace knows; False where no run has gone well yet, or one is going on."""
    if not workspace.warehouse.exists():
        return False
    path = str(workspace.warehouse).replace("'", "''")
    try:
        connection.execute(f"attach '{path}' as house (read_only)")
        known = {name: f"house.{schema}.{name}" for schema, names in HOUSE.items() for name in names}
        for relation in known.values():
            connection.execute(f"select 1 from {relation} limit 0")
    except duckdb.Error:
        return False
    for days in ("int_days_to_rate", "int_days_in_reach"):
        connection.execute(f"create table {days} as select distinct cdr_date from records")
    connection.execute(
        "create table int_related_calls as select call_hash, call_hash as group_hash, cdr_date as first_date from records where false"
    )
    connection.execute(
        "create table int_related_records as select *, call_key as joined_call_key, true as is_kept, duration_s as counted_s, "
        "cdr_date as home_date, call_hash as group_hash from records where false"
    )
    connection.execute("create table int_twin_records as select file_id, line from records where false")
    own = ("int_days_to_rate", "int_days_in_reach", "int_related_calls", "int_related_records", "int_twin_records")
    relations = known | {name: name for name in own} | {"int_call_records": "records"}
    relations |= {name: f"raw.{name}" for name in ("files", "file_sources", "frozen_calls")}
    connection.execute(f"create table int_payer_numbers as {model('int_payer_numbers', relations)}")
    relations["int_payer_numbers"] = "int_payer_numbers"
    connection.execute(f"create table int_calls_attributed as {model('int_calls_attributed', relations)}")
    relations["int_calls_attributed"] = "int_calls_attributed"
    connection.execute(f"create table int_called_numbers as {model('int_called_numbers', relations)}")
    relations["int_called_numbers"] = "int_called_numbers"
    connection.execute("create view to_rate as select * from int_calls_attributed where reject_reason is null")
    rated = rule("{{ rated_calls('to_rate') }}", relations)
    connection.execute(
        f"""
        create table rated as
        select line, customer_id, direction, coalesce(destination, country) || ' ' || coalesce(line_type, '') as destination,
            status || coalesce(' (' || status_reason || ')', '') as status, purchase_eur, sale_eur, null as reject_reason
        from ({rated})
        union all
        select line, customer_id, direction, null, null, null, null, reject_reason from int_calls_attributed where reject_reason is not null
        """
    )
    return True


def _doubts(connection: duckdb.DuckDBPyConnection, source: Source, records: int, is_rated: bool) -> Iterator[str]:
    """What a person should look at before the file lands, a line each."""
    tried = min(records, TRIED_ROWS)
    (rejected,) = connection.execute("select count(*) from raw.rejected_lines").fetchone()
    if rejected:
        line, reason, detail = connection.execute("select line, reason, detail from raw.rejected_lines order by line limit 1").fetchone()
        yield f"{rejected:,} lines are no rows; the first is line {line}: {reason} ({detail})"
    if not is_rated:
        yield "not rated: the workspace has no warehouse yet, or a run is going on"
    reasons = "select reject_reason, line from records where reject_reason is not null"
    if is_rated:
        reasons += " union all select reject_reason, line from rated where reject_reason is not null"
    for reason, count, line in connection.execute(
        f"select reject_reason, count(*), min(line) from ({reasons}) group by 1 order by 2 desc, 1"
    ).fetchall():
        yield f"{count:,} of {tried:,} rows would wait in quarantine: {reason}, such as line {line}"
    if is_rated:
        unpriced = connection.execute(
            "select status, count(*), min(line) from rated where status like 'unrated%' group by 1 order by 2 desc, 1"
        ).fetchall()
        for status, count, line in unpriced:
            yield f"{count:,} of {tried:,} rows would be {status}, such as line {line}"
    (local,) = connection.execute("select count(*) from records where started_wall_clock is not null and started_utc is null").fetchone()
    if local:
        yield f"{local:,} clocks name no offset: they are read in the partner's zone; time_zone of the source says another"
    for digit in ("0", "9"):
        (dialled,) = connection.execute(
            "select count(*) from records where regexp_matches(callee, ?)", [f"^{digit}0[1-9][0-9]{{8}}$"]
        ).fetchone()
        if dialled and not source.strip_digits:
            yield f'{dialled:,} numbers look as if {digit} asked for an outside line: strip_digits = ["{digit}"]'
    (without,) = connection.execute("select count(*) from records where account is null").fetchone()
    if without == tried and tried:
        yield "no row names an account: the numbers tell who pays, unless account of the source does"
