"""Great Expectations on what landed: is a feed's new batch, as a whole, of the shape that it should be?

An exchange that changed its format, shifted a column or stopped measuring time gives rows that are each put into quarantine, quietly,
while the night's figures come out too low. So a feed that is wrong in bulk fails here. Then it is asked whose it is: each source (a
sub-folder of the feed, or a folder that sources.toml declares) and partner in it is judged alone, and those that fail keep that
partner's last good snapshot; nobody else's. A single bad row or one wrong file does not: staging and landing quarantine those with their
reason. The readings below are shapes to recognise a column by; what a row means is decided by staging alone
(``dbt_project/macros/parsing.sql``).

Importing Great Expectations takes 7 s, so only functions that judge do it; it gets pandas frames, as it has no DuckDB source.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from orchestration import warehouse
from orchestration.faults import Fault
from orchestration.landing.feeds import DECLARED, feed_named
from orchestration.landing.file_sources import table_of
from orchestration.progress import Progress, silent
from orchestration.warehouse.formulas import formula, rule
from orchestration.workspace import Workspace

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult as Judgement
    from great_expectations.datasource.fluent.interfaces import Batch as GxBatch
    from great_expectations.expectations.expectation import Expectation

SAMPLE_ROWS = 20_000  # 3 MB as a frame; 10 million rows would be 1.6 GB. A share is known to a percent point

# At least six rows in ten: where half of a feed cannot be read this fails, whatever rows the sample holds. Of the demo with its dirt
# (20,000 calls) 99.8 % of the calls and 97 % of the 33 readings fit each shape, and when so few calls are made that the dirt is a
# fifth of them, 97.9 %. The second exchange of the largest feed, 31 % of its calls, may go wrong alone.
MOST = 0.6
# Of the demo's calls 87 to 91 % lasted. Busy lines and campaigns connect far less, so only a meter that stands still goes below this.
SOME = 0.02
# In the demo 94 to 100 %: legs, a queue that rings twenty people, and a call in two files repeat an id a few times; a broken id always.
DISTINCT = 0.02

SECONDS_OF_A_TYPICAL_CALL = 3600  # the demo's medians are 71 to 122 s; in milliseconds they would be 71,000 and more
LARGEST_QUANTITY = 10_000  # a block of 10,000 numbers; more is a price or a number in the wrong column
LARGEST_PBX = 10_000  # extensions (decided); more is a number in the wrong column

# Fewer rows say nothing about a feed: a file of a few corrections may be wrong throughout, and is quarantined row by row.
ENOUGH_CALLS = 100
ENOUGH_LINES = 20  # orders and readings come by the dozen
SOURCES_ASKED = 200  # of a feed that failed: each takes a tenth of a second
FILES_NAMED = 3

GIVEN = r"\S"
# A year from 2001 on: a clock that nobody set starts in 1970 or 2000. Zone and seconds are free.
MOMENT = r"^20(?!00)\d\d[-/](?:0?[1-9]|1[0-2])[-/](?:0?[1-9]|[12]\d|3[01])[T ]\d{1,2}:\d\d"
DAY = r"^20\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])$"
WHOLE_NUMBER = r"^\d{1,9}$"
CLOCK = r"^\d{1,3}:[0-5]\d:[0-5]\d$"
# Digits as people and exchanges write them, or an extension as 3CX names it; Asterisk names its own places by one letter (s, h, i, t).
DIALLED = r"^(?:(?:Ext\.)?[+*#(]?[0-9][0-9 ()*#./-]*|[a-z])$"
DISPOSITION = r"(?i)^(?:answered|no[ _]answer|busy|failed|congestion)$"
UNDERSTOOD = r"^(?:answered|no_answer|busy|failed)$"


@dataclass(frozen=True)
class Suite:
    """What the new rows of one feed are judged by.

    ``columns`` are the frame's: name -> SQL over the row (``landed``), its file (``files``) and what sources.toml says of that
    (``sources``). ``expectations`` builds the expectations on them. A batch of fewer than ``judged_from`` rows is not judged.
    ``owned_by``: the column that says whose a row is. ``reads``: SQL over the raw rows (``landed``) that gives rows with names.
    """

    table: str
    columns: Callable[[], Mapping[str, str]]
    expectations: Callable[[], list[Expectation]]
    judged_from: int
    owned_by: Literal["payer", "customer_id"] = "payer"
    reads: Callable[[], str] = lambda: "select * from landed"


@dataclass(frozen=True)
class Batch:
    """One frame to judge. ``rows``: a row per sampled raw row, with its file and line. ``files``: a single row that sums up the ledger.

    ``rows_landed`` counts what the frame stands for: the raw rows, or the rows read from the files.
    """

    feed: str
    suite: Suite
    name: Literal["rows", "files"]
    frame: pd.DataFrame
    rows_landed: int


@dataclass(frozen=True)
class ExpectationResult:
    """How one expectation came out. ``rows`` were looked at; ``expected`` and ``observed`` are for people.

    Examples in ``observed`` name the file and line and give the shape of the text only (digits as 9, letters as a): they end in
    logs and in metadata, where nobody's number belongs.
    """

    feed: str
    table: str
    expectation: str
    success: bool
    observed: str
    expected: str
    rows: int
    seconds: float

    @property
    def reason(self) -> str:
        """``cdrs/asterisk: the call began at a moment: expected ..., found ...``."""
        return f"{self.feed}: {self.expectation}: expected {self.expected}, found {self.observed}"


# What is judged -------------------------------------------------------------------------------------------------------------------


def _text(column: str) -> str:
    """A column that has to be filled: nothing given is a text too, one that fits no shape."""
    return f"coalesce(trim(landed.\"{column}\"), '')"


def _optional(column: str) -> str:
    """A column that may be empty: nothing given is not judged."""
    return f"nullif(trim(landed.\"{column}\"), '')"


def _clock(column: str) -> str:
    """A clock that has to be there, in the order of ISO 8601, whatever order its source writes."""
    return formula("iso_clock", _text(column), "sources.date_order")


def _amount(column: str) -> str:
    """A number to weigh; null where it cannot be read, which is for the text's shape to notice."""
    return f'try_cast(trim(landed."{column}") as bigint)'


def _fits(column: str, shape: str, says: str) -> Expectation:
    from great_expectations.expectations import ExpectColumnValuesToMatchRegex

    return ExpectColumnValuesToMatchRegex(column=column, regex=shape, mostly=MOST, description=says)


def _between(column: str, low: int | None, high: int | None, says: str, *, mostly: float = MOST) -> Expectation:
    from great_expectations.expectations import ExpectColumnValuesToBeBetween

    return ExpectColumnValuesToBeBetween(column=column, min_value=low, max_value=high, mostly=mostly, description=says)


def _calls(duration: str) -> list[Expectation]:
    """Call records of any dialect; ``duration`` is the shape in which it writes how long a call lasted."""
    from great_expectations.expectations import ExpectColumnMedianToBeBetween, ExpectColumnProportionOfUniqueValuesToBeBetween

    return [
        _fits("call_id", GIVEN, "a call has an id"),
        ExpectColumnProportionOfUniqueValuesToBeBetween(
            column="record", min_value=DISTINCT, description="the ids tell calls apart, else they replace each other"
        ),
        _fits("payer", GIVEN, "an account or a caller tells who pays"),
        _fits("callee", DIALLED, "the callee is a number as it is dialled"),
        _fits("started_at", MOMENT, "the call began at a moment, such as 2026-10-01 08:15"),
        _fits("duration", duration, "the duration is zero or more, in the dialect's form"),
        _between("seconds", 1, None, "some calls lasted longer than nothing", mostly=SOME),
        ExpectColumnMedianToBeBetween(
            column="seconds", max_value=SECONDS_OF_A_TYPICAL_CALL, description="a typical call lasts minutes: the duration is in seconds"
        ),
    ]


def _calls_in_seconds() -> list[Expectation]:
    return _calls(WHOLE_NUMBER)


def _calls_with_disposition() -> list[Expectation]:
    """The dialects in which a word decides whether a call was answered, and so paid for."""
    return [*_calls_in_seconds(), _fits("disposition", DISPOSITION, "the disposition is one of the known")]


def _calls_by_the_clock() -> list[Expectation]:
    return _calls(CLOCK)


def _declared_calls() -> list[Expectation]:
    """What staging reads of fields that sources.toml gives their names; of a field that the format has not, nothing is asked."""
    return [
        *_calls_in_seconds(),
        _fits("answered_at", MOMENT, "the call was answered, if at all, at a moment"),
        _fits("ended_at", MOMENT, "the call ended at a moment, where that is told"),
        _fits("disposition", UNDERSTOOD, "the disposition of a call that lasted is a word of the format"),
    ]


def _order_lines() -> list[Expectation]:
    return [
        _fits("order_id", GIVEN, "a line belongs to an order"),
        _fits("customer_id", GIVEN, "somebody ordered"),
        _fits("service_code", GIVEN, "a service was ordered"),
        _fits("ordered_on", DAY, "the day of the order is a day, such as 2026-10-01"),
        _fits("delivered_on", DAY, "the day of delivery, if any, is a day"),
        _between("quantity", 1, LARGEST_QUANTITY, "the quantity is one or more, and of this world"),
        _fits("quantity_text", WHOLE_NUMBER, "the quantity is a whole number, zero or more"),
    ]


def _extension_readings() -> list[Expectation]:
    return [
        _fits("pbx_id", GIVEN, "a reading is of a PBX"),
        _fits("customer_id", GIVEN, "somebody's PBX was read"),
        _fits("read_at", MOMENT, "it was read at a moment, such as 2026-10-31 23:30"),
        _fits("extensions_text", WHOLE_NUMBER, "the extensions are a whole number, zero or more"),
        _between("extensions", 0, LARGEST_PBX, "a PBX has extensions in a number of this world"),
    ]


def _files_read() -> list[Expectation]:
    """On the ledger's single row: lines that are no rows at all."""
    return [_between("rejected_percent", None, round(100 * (1 - MOST)), "most lines are rows (one wrong file set aside)", mostly=1)]


FOLDERS_ACCOUNT = "coalesce(sources.account, files.folder_account)"
"""The account that a source or else a folder names; staging gives it to records that name none."""

SUITES: dict[str, Suite] = {
    "cdrs/standard": Suite(
        feed_named("cdrs/standard").table,
        lambda: {
            "call_id": _text("call_id"),
            # a long call comes in parts of one id
            "record": f"concat_ws('|', {_text('call_id')}, {_optional('leg')}, {_optional('sequence')})",
            "payer": f"coalesce({_optional('account')}, {_text('caller')})",
            "caller": _optional("caller"),
            "callee": _text("callee"),
            "started_at": _clock("started_at"),
            "disposition": _optional("disposition"),
            "duration": _text("duration_s"),
            "seconds": _amount("duration_s"),
        },
        _calls_with_disposition,
        ENOUGH_CALLS,
    ),
    "cdrs/3cx": Suite(
        feed_named("cdrs/3cx").table,
        lambda: {
            "call_id": f"coalesce({_optional('historyid')}, {_text('callid')})",
            "record": f"coalesce({_optional('historyid')}, {_text('callid')})",
            "payer": f"coalesce({FOLDERS_ACCOUNT}, {_optional('bill_code')}, {_text('from_no')})",
            "caller": _optional("from_no"),
            "callee": f"coalesce({_optional('dial_no')}, {_optional('final_number')}, {_text('to_no')})",
            "started_at": _clock("time_start"),
            "duration": _text("duration"),
            "seconds": 'cast(epoch(try_cast(trim(landed."duration") as interval)) as bigint)',
        },
        _calls_by_the_clock,
        ENOUGH_CALLS,
    ),
    "cdrs/asterisk": Suite(
        feed_named("cdrs/asterisk").table,
        lambda: {
            "call_id": _text("uniqueid"),
            "record": f"concat_ws('|', {_text('uniqueid')}, {_optional('sequence')})",
            "payer": f"coalesce({FOLDERS_ACCOUNT}, {_optional('accountcode')}, {_text('src')})",
            "caller": _optional("src"),
            "callee": _text("dst"),
            "started_at": _clock("start"),
            "disposition": _text("disposition"),
            "duration": _text("billsec"),
            "seconds": _amount("billsec"),
        },
        _calls_with_disposition,
        ENOUGH_CALLS,
    ),
    "cdrs/freeswitch": Suite(
        feed_named("cdrs/freeswitch").table,
        lambda: {
            "call_id": _text("uuid"),
            "record": _text("uuid"),
            "payer": f"coalesce({FOLDERS_ACCOUNT}, {_optional('accountcode')}, {_text('caller_id_number')})",
            "caller": _optional("caller_id_number"),
            "callee": _text("destination_number"),
            "started_at": _clock("start_stamp"),
            "duration": _text("billsec"),
            "seconds": _amount("billsec"),
        },
        _calls_in_seconds,
        ENOUGH_CALLS,
    ),
    "orders": Suite(
        feed_named("orders").table,
        lambda: {
            "order_id": _text("order_id"),
            "customer_id": _text("customer_id"),
            "service_code": _text("service_code"),
            "ordered_on": _text("ordered_on"),
            "delivered_on": _optional("delivered_on"),
            "quantity": _amount("quantity"),
            "quantity_text": _text("quantity"),
        },
        _order_lines,
        ENOUGH_LINES,
        "customer_id",
    ),
    "extension_counts": Suite(
        feed_named("extension_counts").table,
        lambda: {
            "pbx_id": _text("pbx_id"),
            "customer_id": _text("customer_id"),
            "read_at": _text("read_at"),
            "extensions": _amount("extensions"),
            "extensions_text": _text("extensions"),
        },
        _extension_readings,
        ENOUGH_LINES,
        "customer_id",
    ),
}
"""Per feed that is judged, in the order of judging."""


@cache
def _declared_records() -> str:
    """Records that landed field by field, by the names that their format gives the fields, as staging reads them."""
    return rule(
        """
        with named as (
            select
                records.file_id,
                records.line,
                sources.source_name,
                sources.account as source_account,
                sources.date_order,
                sources.call_id_1 is not null as has_call_id,
                coalesce(sources.account_1, sources.caller_1) is not null or sources.account is not null as has_payer,
                {{ of_role('call_id') }} as call_id,
                {{ of_role('leg_id') }} as leg_id,
                {{ of_role('account') }} as account,
                {{ of_role('caller') }} as caller,
                {{ without_outside_line(without_ext(of_role('callee'))) }} as dialled,
                {{ without_outside_line(without_ext(of_role('reached'))) }} as reached,
                concat_ws(' ', {{ of_role('started_at') }}, {{ of_role('started_time') }}) as started_text,
                nullif({{ of_role('answered_at') }}, '0') as answered_text,
                nullif({{ of_role('ended_at') }}, '0') as ended_text,
                {{ of_role('duration_s') }} as duration_text,
                lower({{ of_role('disposition') }}) as word
            from (select file_id, line, {{ fields_of_record() }} as fields from landed) as records
            inner join raw.file_sources as sources on records.file_id = sources.file_id
        ),

        clocked as (
            select
                *,
                {%- for moment in ['started', 'answered', 'ended'] %}
                {{ closed_clock(iso_clock(moment ~ '_text', 'date_order')) }} as {{ moment }}_clock,
                {%- endfor %}
                coalesce({{ parse_integer('duration_text') }}, {{ seconds_of_clock('duration_text') }}) as seconds,
                case when {{ looks_public('reached') }} then reached else coalesce(dialled, reached) end as callee
            from named
        ),

        words as (
            select distinct named.source_name, named.word, arg_max(words.meaning, length(words.word)) as meaning
            from (select distinct source_name, word from named where word is not null) as named
            inner join raw.source_words as words
                on named.source_name = words.source_name and words.role = 'disposition'
                and named.word like replace(replace(words.word, '_', '!_'), '*', '%') escape '!'
            group by named.source_name, named.word
        ),

        telling as (select distinct source_name from raw.source_words where role = 'disposition' and meaning = 'answered')

        select
            clocked.file_id,
            clocked.line,
            case when has_call_id then coalesce(call_id, '') end as call_id,
            concat_ws('|', coalesce(call_id, concat_ws('/', started_text, caller, callee)), leg_id) as record,
            case when has_payer then coalesce(account, source_account, caller, '') end as payer,
            caller,
            -- the number in an address: <sip:0201234567@provider>
            coalesce(case when regexp_matches(callee, '[@:<]') then {{ user_of_address('callee') }} end, callee, '') as callee,
            {%- for moment in ['started', 'answered', 'ended'] %}
            coalesce(cast({{ wall_clock_of(moment ~ '_clock') }} as varchar), {{ moment }}_text) as {{ moment }}_at,
            {%- endfor %}
            coalesce(cast(seconds as varchar), duration_text, '') as duration,
            seconds,
            case when seconds > 0 and telling.source_name is not null then coalesce(words.meaning, upper(clocked.word)) end as disposition
        from clocked
        left join telling on clocked.source_name = telling.source_name
        left join words on clocked.source_name = words.source_name and clocked.word = words.word
        """,
        {},
    )


def _as_declared() -> Mapping[str, str]:
    names = "call_id record payer caller callee started_at answered_at ended_at duration seconds disposition"
    return {name: f"landed.{name}" for name in names.split()}


DECLARED_SUITE = Suite(DECLARED.table, _as_declared, _declared_calls, ENOUGH_CALLS, reads=_declared_records)
"""Of every source that is landed field by field: each is a feed by itself, named as its folder."""


# What landed ----------------------------------------------------------------------------------------------------------------------


def landed_batches(connection: duckdb.DuckDBPyConnection, new: Collection[int]) -> Iterator[Batch]:
    """The batches of every feed that is judged and has enough new rows: those of the files in ``new``.

    ``connection`` is to the warehouse; reading is enough. A frame has at most SAMPLE_ROWS rows, the same for the same files.
    """
    for (feed, suite), file_ids in _by_feed(connection, new).items():
        files = _files(connection, feed, suite, file_ids)
        if files.rows_landed >= suite.judged_from:
            yield files
        rows_landed = _rows_landed(connection, file_ids)
        if rows_landed >= suite.judged_from:
            yield Batch(feed, suite, "rows", _sample(connection, suite, file_ids, rows_landed), rows_landed)


def are_judged(feeds: Iterable[str]) -> bool:
    """Whether any of these feeds is judged, those of declared sources among them."""
    return any(feed in SUITES or feed.startswith("cdrs/") for feed in feeds)


def _by_feed(connection: duckdb.DuckDBPyConnection, file_ids: Collection[int]) -> dict[tuple[str, Suite], list[int]]:
    """Those of the files that count, by the feed that they came in and the suite of the table in which they stand."""
    found = connection.execute(
        """
        select files.feed, files.file_id, sources.landed_as
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        where files.file_id in (select unnest(?::integer[])) and files.duplicate_of is null and withdrawn_at is null
        order by files.feed, files.file_id
        """,
        [sorted(file_ids)],
    ).fetchall()
    by_feed: dict[tuple[str, Suite], list[int]] = {(feed, suite): [] for feed, suite in SUITES.items()}
    for feed, file_id, landed_as in found:
        suite = SUITES.get(feed)
        if landed_as is not None and table_of(landed_as) == DECLARED.table:
            suite = DECLARED_SUITE
        if suite:
            by_feed.setdefault((feed, suite), []).append(file_id)
    return {judged: of_feed for judged, of_feed in by_feed.items() if of_feed}


def _files(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, file_ids: Sequence[int]) -> Batch:
    """The new files summed up. The largest file that was rejected as a whole is set aside: the run goes on without one wrong file."""
    frame = connection.execute(
        """
        with new_files as (
            select rows_read, rows_rejected, reject_reason
            from raw.files
            where file_id in (select unnest(?::integer[]))
        ),

        summed as (
            select
                count(*) as files,
                count(reject_reason) as files_rejected,
                coalesce(max(rows_read) filter (where reject_reason is not null), 0) as rows_set_aside,
                coalesce(sum(rows_read), 0) - rows_set_aside as rows_read,
                coalesce(sum(rows_rejected), 0) - rows_set_aside as rows_rejected
            from new_files
        )

        select
            files,
            files_rejected,
            cast(rows_read as bigint) as rows_read,
            cast(rows_rejected as bigint) as rows_rejected,
            100 * rows_rejected / nullif(rows_read, 0) as rejected_percent
        from summed
        """,
        [file_ids],
    ).df()
    return Batch(feed, suite, "files", frame, int(frame.loc[0, "rows_read"]))


def _rows_landed(connection: duckdb.DuckDBPyConnection, file_ids: Sequence[int]) -> int:
    """Rows of files in raw, counted in the ledger: the table may hold years."""
    counted = connection.execute(
        "select coalesce(sum(rows_read - rows_rejected), 0) from raw.files where file_id in (select unnest(?::integer[]))", [file_ids]
    ).fetchone()
    assert counted is not None
    return int(counted[0])


def _sample(connection: duckdb.DuckDBPyConnection, suite: Suite, file_ids: Sequence[int], rows_landed: int) -> pd.DataFrame:
    """Every n-th new row by the hash of its file and line, in the order of that hash: no file and no hour comes first.

    The hash thins out while DuckDB reads, so that what is sorted is a sample already.
    """
    return connection.execute(
        f"""
        with {_landed(suite)}
        select files.file, landed.line, {_named_columns(suite)}
        from ({suite.reads()}) as landed
        {FILES_OF_LANDED}
        order by hash(landed.file_id, landed.line), landed.file_id, landed.line
        limit ?
        """,
        [file_ids, max(1, -(-rows_landed // SAMPLE_ROWS)), SAMPLE_ROWS],
    ).df()


FILES_OF_LANDED = """
        inner join raw.files as files on landed.file_id = files.file_id
        left join raw.file_sources as sources on landed.file_id = sources.file_id
"""


def _landed(suite: Suite) -> str:
    """Raw rows of the files that are given first, of so many one as is given next."""
    return (
        f'landed as (select * from raw."{suite.table}" as landed '
        "where landed.file_id in (select unnest(?::integer[])) and hash(landed.file_id, landed.line) % ? = 0)"
    )


def _named_columns(suite: Suite) -> str:
    return ", ".join(f'{sql} as "{name}"' for name, sql in suite.columns().items())


# Whose it is ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Unexpected:
    """A source, and in it a partner's rows (None: whose is not known), that are not as expected: which files, and what is said of them."""

    partner_id: str | None
    file_ids: tuple[int, ...]
    says: str


def unexpected(
    connection: duckdb.DuckDBPyConnection, findings: Iterable[ExpectationResult], new: Collection[int], before: Collection[int] = ()
) -> list[Unexpected]:
    """Whose it is that feeds failed (``findings``) in the files in ``new``.

    ``before`` are files that failed before and that nobody accepted: judged by themselves, as what landed since must not outweigh them.
    """
    failed = {(finding.feed, finding.table): finding for finding in findings if not finding.success}
    of_before, of_new = _by_feed(connection, before), _by_feed(connection, new)
    found: list[Unexpected] = []
    for feed, suite in dict.fromkeys([*((feed, suite) for feed, suite in SUITES.items()), *of_before, *of_new]):
        found += _unexpected(connection, feed, suite, of_before.get((feed, suite), []))
        finding = failed.get((feed, suite.table))
        since = of_new.get((feed, suite), []) if finding else []
        of_feed = _unexpected(connection, feed, suite, since)
        if finding and since and not of_feed:  # wrong only as a whole: nobody's
            of_feed = [Unexpected(None, tuple(since), _said(feed, None, finding.reason, []))]
        found += of_feed
    return found


def found_before(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """The files that the last run found not as expected."""
    return {file_id for (file_id,) in connection.execute("select distinct file_id from raw.unexpected_files").fetchall()}


def keep_unexpected(connection: duckdb.DuckDBPyConnection, found: Iterable[Unexpected]) -> None:
    """Write down what this run found, for the publishing and for the next run; what was accepted is not given."""
    connection.execute("delete from raw.unexpected_files")
    rows = [(file_id, each.partner_id, each.says) for each in found for file_id in each.file_ids]
    if rows:
        connection.executemany("insert into raw.unexpected_files values (?, ?, ?)", rows)


def faults(workspace: Workspace) -> list[Fault]:
    """What landed and is not as expected, by partner."""
    with warehouse.connect(workspace, read_only=True) as connection:
        rows = connection.execute("select distinct partner_id, says from raw.unexpected_files order by all").fetchall()
    return [Fault(partner_id, says, is_landed=True) for partner_id, says in rows]


def _unexpected(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, file_ids: Sequence[int]) -> list[Unexpected]:
    if not file_ids:
        return []
    frame = _owned_sample(connection, suite, file_ids)
    found = []
    groups = sorted(frame.groupby(["source", "owner"], dropna=False), key=lambda group: -len(group[1]))[:SOURCES_ASKED]
    enough = [group for group in groups if len(group[1]) >= suite.judged_from]
    for chosen in (enough, [group for group in groups if len(group[1]) < suite.judged_from]):
        for (source, owner), rows in chosen:
            failed = [each for each in check(Batch(feed, suite, "rows", rows.reset_index(drop=True), len(rows))) if not each.success]
            if failed:
                partner_id = owner if isinstance(owner, str) else _owner_of_source(connection, feed, suite, source, file_ids)
                files = sorted(set(rows["file"]))
                says = _said(source, partner_id, failed[0].reason.split(": ", 1)[1], files)
                found.append(Unexpected(partner_id, tuple(int(each) for each in sorted(set(rows["file_id"]))), says))
        if found:
            break
    return found + _unexpected_lines(connection, feed, suite, file_ids)


def _unexpected_lines(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, file_ids: Sequence[int]) -> list[Unexpected]:
    """Sources of which most lines are no rows."""
    files = connection.execute(
        f"""
        select {_source(suite)} as source, files.file, files.file_id, files.rows_read, files.rows_rejected,
            coalesce(sources.partner_id, owners.partner_id)
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        left join ({_owners("payer")}) as owners on trim({FOLDERS_ACCOUNT}) = owners.name
        where files.file_id in (select unnest(?::integer[])) and files.rows_rejected > 0
        order by files.file_id
        """,
        [file_ids],
    ).fetchall()
    found = []
    for source in dict.fromkeys(row[0] for row in files):
        mine = [row for row in files if row[0] == source]
        read, rejected = sum(row[3] for row in mine), sum(row[4] for row in mine)
        if read < suite.judged_from or rejected <= (1 - MOST) * read:
            continue
        owners = {row[5] for row in mine}
        partner_id = owners.pop() if len(owners) == 1 else None
        partner_id = partner_id or _owner_of_source(connection, feed, suite, source, file_ids)
        names = [row[1] for row in mine]
        what = f"most lines are rows: expected at most {1 - MOST:.0%}, found {rejected:,} of {read:,} lines rejected".replace("%", " %")
        found.append(Unexpected(partner_id, tuple(row[2] for row in mine), _said(source, partner_id, what, names)))
    return found


def _source(suite: Suite) -> str:
    """The folder in which an exchange sends its files: the one that sources.toml declares, else a sub-folder of the feed, else the feed."""
    if suite is DECLARED_SUITE:
        return "files.feed"
    below = "substr(files.file, length(files.feed) + 2)"
    return (
        "case when 'cdrs/' || sources.source_name <> files.feed then 'cdrs/' || sources.source_name "
        f"when {below} like '%/%' then files.feed || '/' || split_part({below}, '/', 1) else files.feed end"
    )


def _owners(owned_by: str) -> str:
    """Account or customer -> partner, as it landed first: who uses another's name later is refused by staging."""
    customers = (
        "select trim(customer_id) as name, arg_min(trim(partner_id), file_id) as partner_id from raw.customers group by trim(customer_id)"
    )
    if owned_by == "customer_id":
        return customers
    return (
        "select trim(accounts.account) as name, arg_min(customers.partner_id, accounts.file_id) as partner_id "
        f"from raw.accounts as accounts inner join ({customers}) as customers on trim(accounts.customer_id) = customers.name "
        "group by trim(accounts.account)"
    )


CALLERS = """
            select callers.caller, min(blocks.partner_id) as partner_id
            from (
                select caller, cast(right(digits, 8) as bigint) as tail
                from (select distinct caller, regexp_replace(caller, '[^0-9]', '', 'g') as digits from sampled)
                where length(digits) >= 8
            ) as callers
            inner join (
                select
                    owners.partner_id,
                    try_cast(right(regexp_replace(first_number, '[^0-9]', '', 'g'), 8) as bigint) as first_tail,
                    try_cast(right(regexp_replace(coalesce(last_number, first_number), '[^0-9]', '', 'g'), 8) as bigint) as last_tail
                from raw.numbers as numbers
                inner join ({customers}) as owners on trim(numbers.customer_id) = owners.name
            ) as blocks on callers.tail between blocks.first_tail and blocks.last_tail
            group by callers.caller
            having count(distinct blocks.partner_id) = 1
"""
"""Caller -> partner, by the last eight digits, which every spelling has; whose these are of two partners is nobody's."""


def _owned_sample(connection: duckdb.DuckDBPyConnection, suite: Suite, file_ids: Sequence[int]) -> pd.DataFrame:
    """Rows of these files as in ``_sample``, with their source and owner: whom the source names, the row's, or that of its file's rest."""
    rows = _rows_landed(connection, file_ids)
    has_caller = suite.owned_by == "payer"
    callers = CALLERS.format(customers=_owners("customer_id")) if has_caller else "select '' as caller, '' as partner_id where false"
    return connection.execute(
        f"""
        with {_landed(suite)},

        sampled as (
            select
                files.file_id, files.file, landed.line, {_source(suite)} as source, sources.partner_id as named_by_source,
                trim({FOLDERS_ACCOUNT}) as folders_account, {_named_columns(suite)}
            from ({suite.reads()}) as landed
            {FILES_OF_LANDED}
        ),

        owners as ({_owners(suite.owned_by)}),

        callers as ({callers}),

        owned as (
            select
                sampled.* exclude (named_by_source, folders_account),
                coalesce(sampled.named_by_source, owners.partner_id, of_folder.partner_id, callers.partner_id) as partner_id
            from sampled
            left join owners on sampled."{suite.owned_by}" = owners.name
            left join owners as of_folder on sampled.folders_account = of_folder.name
            left join callers on {"sampled.caller" if has_caller else "''"} = callers.caller
        )

        select
            * exclude (partner_id),
            coalesce(
                partner_id,
                case when min(partner_id) over (partition by file_id) = max(partner_id) over (partition by file_id)
                    then min(partner_id) over (partition by file_id) end
            ) as owner
        from owned
        order by hash(file_id, line), file_id, line
        """,
        [file_ids, max(1, -(-rows // SAMPLE_ROWS))],
    ).df()


def _owner_of_source(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, source: str, file_ids: Sequence[int]) -> str | None:
    """Whose the last files of a folder were, where all were one partner's. In the own folder of a dialect's feed anybody's lie."""
    if source == feed and suite is not DECLARED_SUITE:
        return None
    earlier = connection.execute(
        f"""
        select files.file_id
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        where files.feed = ? and {_source(suite)} = ? and files.file_id not in (select unnest(?::integer[]))
        order by files.file_id desc
        limit 5
        """,
        [feed, source, file_ids],
    ).fetchall()
    owners = connection.execute(
        f"""
        with {_landed(suite)}
        select distinct owners.partner_id
        from ({suite.reads()}) as landed
        {FILES_OF_LANDED}
        inner join ({_owners(suite.owned_by)}) as owners on {suite.columns()[suite.owned_by]} = owners.name
        """,
        [[file_id for (file_id,) in earlier], 1],
    ).fetchall()
    return owners[0][0] if len(owners) == 1 else None


def _said(source: str, partner_id: str | None, what: str, files: Sequence[str]) -> str:
    named = ", ".join(files[:FILES_NAMED]) + (f" and {len(files) - FILES_NAMED} files more" if len(files) > FILES_NAMED else "")
    whose = partner_id or "nobody knows whose"
    return (
        f"landed_as_expected: {source} ({whose}): {what}{f'; in {named}' if named else ''}. "
        "Likely its exchange writes another format than before. Fix: tikteller run --accept-landed if the files are right, "
        "else tikteller withdraw FILE for each of them"
    )


# Judging --------------------------------------------------------------------------------------------------------------------------


def load() -> None:
    """Import the library, which takes seconds: done beside the landing of what it is to judge."""
    import great_expectations
    import great_expectations.expectations  # noqa: F401


def check_landing(connection: duckdb.DuckDBPyConnection, new: Collection[int], progress: Progress = silent) -> list[ExpectationResult]:
    """Judge what landed in the files in ``new``: a result per feed and expectation, in the order of SUITES, declared sources last.

    Feeds without new rows, or with too few to tell, give no result. Raises nothing on bad data: look at ``success``.
    """
    results: list[ExpectationResult] = []
    for batch in landed_batches(connection, new):
        began = time.monotonic()
        results += check(batch)
        progress(f"expectations {batch.feed}, {batch.name}", batch.rows_landed, time.monotonic() - began)
    return results


def check(batch: Batch) -> list[ExpectationResult]:
    """Judge one batch by its suite, in memory: nothing is written, sent or drawn."""
    expectations = _files_read() if batch.name == "files" else batch.suite.expectations()
    landed = _handed_over(batch)
    return [_judged(batch, landed, expectation) for expectation in expectations]


def _handed_over(batch: Batch) -> GxBatch:
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    quiet = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),  # the default context makes a folder for reports in /tmp
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=quiet)
    asset = context.data_sources.add_pandas("landing").add_dataframe_asset(batch.feed)
    return asset.add_batch_definition_whole_dataframe(batch.name).get_batch(batch_parameters={"dataframe": batch.frame})


def _judged(batch: Batch, landed: GxBatch, expectation: Expectation) -> ExpectationResult:
    began = time.monotonic()
    where = ["file", "line"] if batch.name == "rows" else []
    asked = {"result_format": "SUMMARY", "partial_unexpected_count": 1, "unexpected_index_column_names": where}
    judgement = landed.validate(expectation, result_format=asked)
    return ExpectationResult(
        feed=batch.feed,
        table=batch.suite.table,
        expectation=str(expectation.description),
        success=bool(judgement.success),
        observed=_observed(judgement, batch, expectation),
        expected=_expected(expectation),
        rows=len(batch.frame) if batch.name == "rows" else batch.rows_landed,
        seconds=time.monotonic() - began,
    )


def _expected(expectation: Expectation) -> str:
    """``at least 60 % of the rows``, or the bounds of a single figure."""
    mostly = getattr(expectation, "mostly", 1)
    if mostly < 1:
        return f"at least {mostly:.0%} of the rows".replace("%", " %")
    low, high = getattr(expectation, "min_value", None), getattr(expectation, "max_value", None)
    bounds = (("at least", low), ("at most", high))
    return " and ".join(f"{side} {bound:g}" for side, bound in bounds if bound is not None)


def _observed(judgement: Judgement, batch: Batch, expectation: Expectation) -> str:
    """What was found; of rows that fail also one that misses the shape, by file and line."""
    result = judgement.result
    if "observed_value" in result:
        return "nothing to measure" if result["observed_value"] is None else f"{result['observed_value']:g}"
    if "element_count" not in result:
        return f"that Great Expectations could not judge it: {judgement.exception_info}"
    if batch.name == "files":
        return _files_observed(batch)
    given = result["element_count"] - result.get("missing_count", 0)
    if not given:
        return "nothing given"
    found = f"{100 * (given - result['unexpected_count']) / given:.1f} % of {given:,}"
    missing = [] if judgement.success else result["partial_unexpected_index_list"]
    return "; not ".join([found, *(_example(row, row[expectation.column]) for row in missing)])


def _files_observed(batch: Batch) -> str:
    (files,) = batch.frame.to_dict("records")
    return (
        f"{files['rejected_percent']:.1f} % of {files['rows_read']:,} lines rejected "
        f"({files['files_rejected']} of {files['files']} files as a whole)"
    )


def _example(row: dict[str, Any], value: object) -> str:
    """``cdrs/asterisk/x.csv line 17 ('aaaa-aaaaaaaa')``: where it stands and what it looks like, without what it says."""
    shape = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", str(value)))
    return f"{row['file']} line {row['line']} ({shape[:60]!r})"
