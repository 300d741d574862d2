"""What somebody asked of a report, made into one SELECT: every parameter is checked, and says what there is where it is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import duckdb

from orchestration.errors import TiktellerError, UsageError
from orchestration.reports.definition import PARAMETERS, Parameter, Report

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
NAMED = 12
"""How many known values an error names before it says "and so many more"."""


@dataclass(frozen=True)
class Question:
    """One SELECT with its bindings, and in words what was asked."""

    sql: str
    bindings: Mapping[str, Any]
    words: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Condition:
    """One comparison on the rows of a report."""

    sql: str
    binding: str
    value: Any


def question(connection: duckdb.DuckDBPyConnection, report: Report, asked: Mapping[str, str], language: str) -> Question:
    """The SELECT of the report for these parameters.

    Raises UsageError: a parameter that the report does not take, needs, or that is not of its form; TiktellerError: nothing published yet
    that the report reads, or a value that is not among those that there are.
    """
    require_published(connection, report)
    require_taken(report, asked)
    conditions = [*_period(report, asked)]
    for name, column in report.filters.items():
        if name in asked:
            _require_known(connection, report, _parameter(name), column, asked[name])
            conditions.append(Condition(f"{column} = ${name}", name, asked[name]))
    if "month" in asked:
        _require_month(connection, asked["month"])
    bindings: dict[str, Any] = {condition.binding: condition.value for condition in conditions}
    words = [(f"{_parameter(name).option}", value) for name, value in asked.items()]
    if report.as_of:
        bindings["as_of"] = _as_of(connection, report, asked.get("as_of"))
        if "as_of" not in asked:
            words.append(("--as-of", f"{bindings['as_of']} (the newest day that landed)" if bindings["as_of"] else "no day has landed yet"))
    if "$language" in report.source + report.summary:
        bindings["language"] = language
    where = " and ".join(condition.sql for condition in conditions) or "true"
    columns = ", ".join(report.columns) or "*"
    sql = f"""
        with source as ({report.source}),
        chosen as (select * from source where {where}),
        reported as ({report.summary or "select * from chosen"})
        select {columns} from reported order by {report.order}
    """
    return Question(sql, bindings, tuple(words))


def require_published(connection: duckdb.DuckDBPyConnection, report: Report) -> None:
    """Raise TiktellerError where a table that the report reads is not there."""
    missing = [table for table in report.tables if table not in _tables(connection)]
    if missing:
        raise TiktellerError(
            f"nothing is published yet for report {report.name}: there is no table {', '.join(missing)}", fix="tikteller run, then again"
        )


def require_taken(report: Report, asked: Mapping[str, str]) -> None:
    """Raise UsageError for a parameter that the report does not take, or one that it needs."""
    from orchestration.reports import REPORTS

    for name in asked:
        if name not in report.takes:
            others = [other.name for other in REPORTS.values() if name in other.takes]
            options = ", ".join(_parameter(taken).option for taken in report.takes)
            raise UsageError(
                f"report {report.name} takes no {_parameter(name).option}",
                fix=f"it takes {options or 'nothing'} beside --partner; {_parameter(name).option} is taken by {', '.join(others)}",
            )
    for name in report.required:
        if name not in asked:
            parameter = _parameter(name)
            raise UsageError(
                f"report {report.name} is about {parameter.says}: which one is not said", fix=f"add {parameter.option} {parameter.metavar}"
            )


def _period(report: Report, asked: Mapping[str, str]) -> list[Condition]:
    month, first, last = asked.get("month"), asked.get("from"), asked.get("to")
    if month and (first or last):
        raise UsageError("--month and --from or --to say the period twice", fix="give the one or the other")
    if month:
        if not MONTH.fullmatch(month):
            raise UsageError(f"--month {month} is no month", fix="write it as YYYY-MM, such as 2026-10")
        if report.month:
            return [Condition(f"{report.month} = $month", "month", month)]
        return _days(report.day, _day("--month", month, last=False), _day("--month", month, last=True))
    if report.day:
        days = (_day("--from", first, last=False) if first else None, _day("--to", last, last=True) if last else None)
        _require_order(first, last, *days)
        return _days(report.day, *days)
    for option, value in (("--from", first), ("--to", last)):
        if value and not MONTH.fullmatch(value):
            raise UsageError(f"report {report.name} goes by months: {option} {value} is none", fix="write it as YYYY-MM, such as 2026-10")
    _require_order(first, last, first, last)
    conditions = [Condition(f"{report.month} >= $first_month", "first_month", first)] if first else []
    return [*conditions, *([Condition(f"{report.month} <= $last_month", "last_month", last)] if last else [])]


def _days(column: str, first: date | None, last: date | None) -> list[Condition]:
    conditions = [Condition(f"{column} >= $first_date", "first_date", first)] if first else []
    return [*conditions, *([Condition(f"{column} <= $last_date", "last_date", last)] if last else [])]


def _require_order(first: str | None, last: str | None, start: Any, end: Any) -> None:
    if start and end and start > end:
        raise UsageError(f"--from {first} lies after --to {last}", fix="turn them round")


def _day(option: str, text: str, *, last: bool) -> date:
    """A day as it is written; of a month its first day or its last."""
    try:
        if MONTH.fullmatch(text):
            first = date.fromisoformat(f"{text}-01")
            return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1) if last else first
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except (ValueError, OverflowError):
        pass
    raise UsageError(f"{option} {text} is no day", fix="write it as YYYY-MM-DD, such as 2026-10-31, or as a month, YYYY-MM")


def _as_of(connection: duckdb.DuckDBPyConnection, report: Report, asked: str | None) -> date | None:
    if asked:
        return _day("--as-of", asked, last=True)
    return connection.execute(report.as_of).fetchone()[0]


def _require_month(connection: duckdb.DuckDBPyConnection, month: str) -> None:
    """Raise TiktellerError where nothing at all is known of the month; a month in which this report has no row is no error."""
    tables = _tables(connection)
    monthly = {"daily_calls": "month", "margins": "month", "invoices": "month", "service_charges": "invoice_month"}
    selects = [f"select {column} as month from {table}" for table, column in monthly.items() if table in tables]
    known = [row[0] for row in connection.execute(f"{' union '.join(selects)} order by 1").fetchall()] if selects else [month]
    if month not in known:
        raise TiktellerError(f"nothing is known of month {month}", fix=f"there are {', '.join(known) or 'no months yet'}")


def _require_known(connection: duckdb.DuckDBPyConnection, report: Report, parameter: Parameter, column: str, value: str) -> None:
    asking = parameter.known or f"select distinct {column} from {report.tables[0]}"
    if connection.execute(f"select 1 from ({asking}) as known(value) where cast(value as varchar) = ? limit 1", [value]).fetchone():
        return
    known = [str(row[0]) for row in connection.execute(f"from ({asking}) as known(value) where value is not null order by 1").fetchall()]
    near = difflib.get_close_matches(value, known, NAMED) if len(known) > NAMED else known
    named = ", ".join(near or known[:NAMED])
    more = len(known) - len(near or known[:NAMED])
    raise TiktellerError(
        f"there is no {parameter.name} {value!r}{_elsewhere(connection, report, parameter, value)}",
        fix=f"there are {named}{f' and {more} more' if more else ''}" if known else f"there is no {parameter.name} at all yet",
    )


def _elsewhere(connection: duckdb.DuckDBPyConnection, report: Report, parameter: Parameter, value: str) -> str:
    """Says which other report knows the value, such as a service plan that was asked of the price list of call plans."""
    from orchestration.reports import REPORTS

    if parameter.known:
        return ""
    for other in REPORTS.values():
        column = other.filters.get(parameter.name)
        if other is report or not column or other.tables[0] not in _tables(connection):
            continue
        if connection.execute(f"select 1 from {other.tables[0]} where {column} = ? limit 1", [value]).fetchone():
            return f" in report {report.name}; report {other.name} has it"
    return ""


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute(
        "select table_name from duckdb_tables() where not internal union select view_name from duckdb_views() where not internal"
    )
    return {row[0] for row in rows.fetchall()}


def _parameter(name: str) -> Parameter:
    return next(parameter for parameter in PARAMETERS if parameter.name == name)
