"""What a new batch of a feed is judged by: the shapes of its columns, and how many of its rows have to fit.

The readings are shapes to recognise a column by; what a row means is decided by staging alone (``dbt_project/macros/parsing.sql``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from orchestration.landing.feeds import DECLARED, feed_named
from orchestration.warehouse.formulas import formula, rule

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

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


def files_read() -> list[Expectation]:
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
