"""Great Expectations on what landed: is a feed's new batch, as a whole, of the shape that it should be?

An exchange that changed its format, shifted a column or stopped measuring time gives rows that are each put into quarantine, quietly,
while the night's figures come out too low. So a feed that is wrong in bulk fails here. Then it is asked whose it is: each source (a
sub-folder of the feed) and partner in it is judged alone, and those that fail keep that partner's last good snapshot; nobody else's. A
single bad row or one wrong file does not: staging and landing quarantine those with their reason. The readings below are shapes to
recognise a column by; what a row means is decided by staging alone (``dbt_project/macros/parsing.sql``).

Importing Great Expectations takes 7 s, so only functions that judge do it; it gets pandas frames, as it has no DuckDB source.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestration import warehouse
from orchestration.faults import Fault
from orchestration.landing.feeds import feed_named
from orchestration.landing.file_sources import table_of
from orchestration.progress import Progress, silent
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


@dataclass(frozen=True)
class Suite:
    """What the new rows of one feed are judged by.

    ``columns`` are the frame's: name -> SQL over the raw row (``landed``) and its file (``files``). ``expectations`` builds the
    expectations on them. A batch of fewer than ``judged_from`` rows is not judged. ``owned_by``: the column that says whose a row is.
    """

    columns: Mapping[str, str]
    expectations: Callable[[], list[Expectation]]
    judged_from: int
    owned_by: Literal["payer", "customer_id"] = "payer"


@dataclass(frozen=True)
class Batch:
    """One frame to judge. ``rows``: a row per sampled raw row, with its file and line. ``files``: a single row that sums up the ledger.

    ``rows_landed`` counts what the frame stands for: the raw rows, or the rows read from the files.
    """

    feed: str
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


SUITES: dict[str, Suite] = {
    "cdrs/standard": Suite(
        {
            "call_id": _text("call_id"),
            # a long call comes in parts of one id
            "record": f"concat_ws('|', {_text('call_id')}, {_optional('leg')}, {_optional('sequence')})",
            "payer": f"coalesce({_optional('account')}, {_text('caller')})",
            "callee": _text("callee"),
            "started_at": _text("started_at"),
            "disposition": _optional("disposition"),
            "duration": _text("duration_s"),
            "seconds": _amount("duration_s"),
        },
        _calls_with_disposition,
        ENOUGH_CALLS,
    ),
    "cdrs/3cx": Suite(
        {
            "call_id": f"coalesce({_optional('historyid')}, {_text('callid')})",
            "record": f"coalesce({_optional('historyid')}, {_text('callid')})",
            "payer": f"coalesce(files.folder_account, {_optional('bill_code')}, {_text('from_no')})",
            "callee": f"coalesce({_optional('dial_no')}, {_optional('final_number')}, {_text('to_no')})",
            "started_at": _text("time_start"),
            "duration": _text("duration"),
            "seconds": 'cast(epoch(try_cast(trim(landed."duration") as interval)) as bigint)',
        },
        _calls_by_the_clock,
        ENOUGH_CALLS,
    ),
    "cdrs/asterisk": Suite(
        {
            "call_id": _text("uniqueid"),
            "record": f"concat_ws('|', {_text('uniqueid')}, {_optional('sequence')})",
            "payer": f"coalesce(files.folder_account, {_optional('accountcode')}, {_text('src')})",
            "callee": _text("dst"),
            "started_at": _text("start"),
            "disposition": _text("disposition"),
            "duration": _text("billsec"),
            "seconds": _amount("billsec"),
        },
        _calls_with_disposition,
        ENOUGH_CALLS,
    ),
    "cdrs/freeswitch": Suite(
        {
            "call_id": _text("uuid"),
            "record": _text("uuid"),
            "payer": f"coalesce(files.folder_account, {_optional('accountcode')}, {_text('caller_id_number')})",
            "callee": _text("destination_number"),
            "started_at": _text("start_stamp"),
            "duration": _text("billsec"),
            "seconds": _amount("billsec"),
        },
        _calls_in_seconds,
        ENOUGH_CALLS,
    ),
    "orders": Suite(
        {
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
        {
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


# What landed ----------------------------------------------------------------------------------------------------------------------


def landed_batches(connection: duckdb.DuckDBPyConnection, new: Collection[int]) -> Iterator[Batch]:
    """The batches of every feed in SUITES with enough new rows: those of the files in ``new``.

    ``connection`` is to the warehouse; reading is enough. A frame has at most SAMPLE_ROWS rows, the same for the same files.
    """
    for feed, suite in SUITES.items():
        file_ids = _of_feed(connection, feed, new)
        files = _files(connection, feed, file_ids)
        if files.rows_landed >= suite.judged_from:
            yield files
        rows_landed = _rows_landed(connection, file_ids)
        if rows_landed >= suite.judged_from:
            yield Batch(feed, "rows", _sample(connection, feed, file_ids, rows_landed), rows_landed)


def _of_feed(connection: duckdb.DuckDBPyConnection, feed: str, file_ids: Collection[int]) -> list[int]:
    """Those of the files that count in a feed and stand in its own table: what sources.toml has landed field by field has no suite."""
    found = connection.execute(
        """
        select files.file_id, sources.landed_as
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        where files.feed = ? and files.file_id in (select unnest(?::integer[])) and files.duplicate_of is null and withdrawn_at is null
        order by files.file_id
        """,
        [feed, sorted(file_ids)],
    ).fetchall()
    table = feed_named(feed).table
    return [file_id for file_id, landed_as in found if landed_as is None or table_of(landed_as) == table]


def _files(connection: duckdb.DuckDBPyConnection, feed: str, file_ids: Sequence[int]) -> Batch:
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
    return Batch(feed, "files", frame, int(frame.loc[0, "rows_read"]))


def _rows_landed(connection: duckdb.DuckDBPyConnection, file_ids: Sequence[int]) -> int:
    """Rows of files in raw, counted in the ledger: the table may hold years."""
    counted = connection.execute(
        "select coalesce(sum(rows_read - rows_rejected), 0) from raw.files where file_id in (select unnest(?::integer[]))", [file_ids]
    ).fetchone()
    assert counted is not None
    return int(counted[0])


def _sample(connection: duckdb.DuckDBPyConnection, feed: str, file_ids: Sequence[int], rows_landed: int) -> pd.DataFrame:
    """Every n-th new row by the hash of its file and line, in the order of that hash: no file and no hour comes first.

    The hash thins out while DuckDB reads, so that what is sorted is a sample already.
    """
    columns = ", ".join(f'{sql} as "{name}"' for name, sql in SUITES[feed].columns.items())
    return connection.execute(
        f"""
        select files.file, landed.line, {columns}
        from raw."{feed_named(feed).table}" as landed
        inner join raw.files as files on landed.file_id = files.file_id
        where landed.file_id in (select unnest(?::integer[])) and hash(landed.file_id, landed.line) % ? = 0
        order by hash(landed.file_id, landed.line), landed.file_id, landed.line
        limit ?
        """,
        [file_ids, -(-rows_landed // SAMPLE_ROWS), SAMPLE_ROWS],
    ).df()


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
    failed = {finding.feed: finding for finding in findings if not finding.success}
    found: list[Unexpected] = []
    for feed in SUITES:
        since = _of_feed(connection, feed, new) if feed in failed else []
        found += _unexpected(connection, feed, _of_feed(connection, feed, before))
        of_new = _unexpected(connection, feed, since)
        if since and not of_new:  # wrong only as a whole: nobody's
            of_new = [Unexpected(None, tuple(since), _said(feed, None, failed[feed].reason, []))]
        found += of_new
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


def _unexpected(connection: duckdb.DuckDBPyConnection, feed: str, file_ids: Sequence[int]) -> list[Unexpected]:
    if not file_ids:
        return []
    frame = _owned_sample(connection, feed, file_ids)
    found = []
    groups = sorted(frame.groupby(["source", "owner"], dropna=False), key=lambda group: -len(group[1]))[:SOURCES_ASKED]
    enough = [group for group in groups if len(group[1]) >= SUITES[feed].judged_from]
    for chosen in (enough, [group for group in groups if len(group[1]) < SUITES[feed].judged_from]):
        for (source, owner), rows in chosen:
            failed = [each for each in check(Batch(feed, "rows", rows.reset_index(drop=True), len(rows))) if not each.success]
            if failed:
                partner_id = owner if isinstance(owner, str) else _owner_of_source(connection, feed, source, file_ids)
                files = sorted(set(rows["file"]))
                says = _said(f"{feed}/{source}".rstrip("/"), partner_id, failed[0].reason.split(": ", 1)[1], files)
                found.append(Unexpected(partner_id, tuple(int(each) for each in sorted(set(rows["file_id"]))), says))
        if found:
            break
    return found + _unexpected_lines(connection, feed, file_ids)


def _unexpected_lines(connection: duckdb.DuckDBPyConnection, feed: str, file_ids: Sequence[int]) -> list[Unexpected]:
    """Sources of which most lines are no rows."""
    files = connection.execute(
        f"""
        select {SOURCE} as source, files.file, files.file_id, files.rows_read, files.rows_rejected, owners.partner_id
        from raw.files as files
        left join ({_owners("payer")}) as owners on trim(files.folder_account) = owners.name
        where files.file_id in (select unnest(?::integer[])) and files.rows_rejected > 0
        order by files.file_id
        """,
        [file_ids],
    ).fetchall()
    found = []
    for source in dict.fromkeys(row[0] for row in files):
        mine = [row for row in files if row[0] == source]
        read, rejected = sum(row[3] for row in mine), sum(row[4] for row in mine)
        if read < SUITES[feed].judged_from or rejected <= (1 - MOST) * read:
            continue
        owners = {row[5] for row in mine}
        partner_id = owners.pop() if len(owners) == 1 else None
        partner_id = partner_id or _owner_of_source(connection, feed, source, file_ids)
        names = [row[1] for row in mine]
        what = f"most lines are rows: expected at most {1 - MOST:.0%}, found {rejected:,} of {read:,} lines rejected".replace("%", " %")
        found.append(Unexpected(partner_id, tuple(row[2] for row in mine), _said(f"{feed}/{source}".rstrip("/"), partner_id, what, names)))
    return found


BELOW_FEED = "substr(files.file, length(files.feed) + 2)"
SOURCE = f"case when {BELOW_FEED} like '%/%' then split_part({BELOW_FEED}, '/', 1) else '' end"
"""The sub-folder of the feed that a file came in, which is where an exchange sends its files; empty: the feed's own folder."""


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


def _owned_sample(connection: duckdb.DuckDBPyConnection, feed: str, file_ids: Sequence[int]) -> pd.DataFrame:
    """Rows of these files as in ``_sample``, with their source and owner: the row's, else that of all other rows of its file."""
    suite = SUITES[feed]
    columns = ", ".join(f'{sql} as "{name}"' for name, sql in suite.columns.items())
    rows = _rows_landed(connection, file_ids)
    return connection.execute(
        f"""
        with sampled as (
            select files.file_id, files.file, landed.line, {SOURCE} as source, {columns}
            from raw."{feed_named(feed).table}" as landed
            inner join raw.files as files on landed.file_id = files.file_id
            where landed.file_id in (select unnest(?::integer[])) and hash(landed.file_id, landed.line) % ? = 0
        ),

        owned as (
            select sampled.*, owners.partner_id
            from sampled
            left join ({_owners(suite.owned_by)}) as owners on sampled."{suite.owned_by}" = owners.name
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


def _owner_of_source(connection: duckdb.DuckDBPyConnection, feed: str, source: str, file_ids: Sequence[int]) -> str | None:
    """Whose the last files of a sub-folder were, where all were one partner's. In the feed's own folder anybody's lie."""
    if not source:
        return None
    suite = SUITES[feed]
    owners = connection.execute(
        f"""
        with earlier as (
            select files.file_id, files.folder_account
            from raw.files as files
            where files.feed = ? and {SOURCE} = ? and files.file_id not in (select unnest(?::integer[]))
            order by files.file_id desc
            limit 5
        )

        select distinct owners.partner_id
        from raw."{feed_named(feed).table}" as landed
        inner join earlier as files on landed.file_id = files.file_id
        inner join ({_owners(suite.owned_by)}) as owners on {suite.columns[suite.owned_by]} = owners.name
        """,
        [feed, source, file_ids],
    ).fetchall()
    return owners[0][0] if len(owners) == 1 else None


def _said(source: str, partner_id: str | None, what: str, files: Sequence[str]) -> str:
    named = ", ".join(files[:FILES_NAMED]) + (f" and {len(files) - FILES_NAMED} files more" if len(files) > FILES_NAMED else "")
    whose = partner_id or "nobody knows whose"
    return (
        f"landed_as_expected: {source} ({whose}): {what}{f'; in {named}' if named else ''}. "
        "Likely its exchange writes another format than before. Mend: tikteller run --accept-landed if the files are right, "
        "else tikteller withdraw FILE for each of them"
    )


# Judging --------------------------------------------------------------------------------------------------------------------------


def load() -> None:
    """Import the library, which takes seconds: done beside the landing of what it is to judge."""
    import great_expectations
    import great_expectations.expectations  # noqa: F401


def check_landing(connection: duckdb.DuckDBPyConnection, new: Collection[int], progress: Progress = silent) -> list[ExpectationResult]:
    """Judge what landed in the files in ``new``: a result per feed and expectation, in the order of SUITES.

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
    expectations = _files_read() if batch.name == "files" else SUITES[batch.feed].expectations()
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
