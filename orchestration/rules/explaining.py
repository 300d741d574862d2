"""Why a call costs what it costs (``explain``), and what one would cost (``quote``): both run the batch's own SQL on what is published.

``rated_calls`` (dbt_project/macros/rating.sql) and ``int_called_numbers`` are rendered onto the tables in schema ``rating`` of the
partner's snapshot; their columns are every step of the way, so that nothing here knows a rule.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import duckdb

from orchestration import serving
from orchestration.errors import TiktellerError
from orchestration.warehouse.formulas import model, rule
from orchestration.workspace import PLATFORM, Workspace

QUOTED_CUSTOMER = "(quote)"

Steps = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Explained:
    """One call: every column of every step (``facts``), and the steps for a person: what, how, result."""

    facts: Mapping[str, Any]
    steps: Steps

    @property
    def record(self) -> dict[str, Any]:
        return {**self.facts, "steps": [dict(zip(("step", "how", "result"), step, strict=True)) for step in self.steps]}


FACTS = """
    partner_id, customer_id, call_date, direction, disposition, callee as dialled, number_class, callee_e164 as number, country, line_type,
    listed_country, listed_line_type,
    number_kind, is_onnet, destination, deck_id, deck_prefix, deck_file_id, deck_line, deck_rows, purchase_fee_e8, purchase_rate_e8,
    first_increment_s, next_increment_s, purchase_billed_s, call_plan_id, assigned_plan_id, assigned_to, assignment_file_id,
    assignment_line, rate_country, rate_line_type, plan_file_id, plan_line, plan_fee_e8, plan_rate_e8, plan_rate_ppm, onnet_billing,
    rounding_seconds, rounding_decimals, duration_s, billed_s, status, status_reason, has_deck_price, purchase_eur, sale_eur,
    sale_eur - purchase_eur as margin_eur
"""


def quote(workspace: Workspace, partner_id: str, plan: str, number: str, seconds: int, at: date | None = None) -> Explained:
    """What an answered outbound call of a customer with that plan would cost and sell for on a day (default: the newest that has calls)."""
    if seconds < 0:
        raise TiktellerError("a call lasts zero seconds or more", fix="--seconds 61")
    with opened(workspace, partner_id) as connection:
        known = connection.execute("select distinct call_plan_id from snap.rating.int_call_plans order by 1").fetchall()
        plans = [row[0] for row in known]
        if plan not in plans:
            raise TiktellerError(f"{partner_id} has no call plan {plan!r}", fix=f"one of {', '.join(plans) or 'none yet'}")
        day = at or connection.execute("select coalesce(max(call_date), current_date) from snap.daily_calls").fetchone()[0]
        connection.execute(
            "create temp table asked as select 'quote' as call_key, ?::varchar as partner_id, ?::varchar as customer_id, "
            "?::varchar as callee, ?::date as call_date, 'outbound' as direction, 'answered' as disposition, ?::bigint as duration_s",
            [partner_id, QUOTED_CUSTOMER, number, day, seconds],
        )
        connection.execute(
            "create temp table quoted_plan as select 'call' as plan_kind, ?::varchar as partner_id, ?::varchar as customer_id, "
            "'0001-01-01'::date as valid_from, "
            "'9999-12-31'::date as valid_to, ?::varchar as plan_id, 'quote' as assigned_to, null::integer as assignment_file_id, "
            "null::bigint as assignment_line",
            [partner_id, QUOTED_CUSTOMER, plan],
        )
        facts = _rated(connection, {"int_customer_plans": "quoted_plan"})
        return Explained(facts, _steps(connection, facts))


def explain(workspace: Workspace, call_id: str, partner_id: str | None = None) -> list[Explained]:
    """Every published call (leg) with that ``call_id`` or ``call_key``, step by step from its record to its price."""
    partners = (partner_id,) if partner_id else serving.published_partners(workspace)
    found = [explained for partner in partners for explained in _explained(workspace, partner, call_id)]
    if not found:
        raise TiktellerError(
            f"no call {call_id!r} is published for {', '.join(partners) or 'any partner'}",
            fix="look for it in the quarantine: tikteller sql \"select * from quarantine where raw like '%...%'\"",
        )
    return found


def _explained(workspace: Workspace, partner_id: str, call_id: str) -> Iterator[Explained]:
    with opened(workspace, partner_id) as connection:
        calls = connection.execute(
            "select call_key from snap.calls where call_id = $id or call_key = $id order by 1", {"id": call_id}
        ).fetchall()
        for (call_key,) in calls:
            connection.execute(
                "create or replace temp table asked as select * replace (dialled as callee) from snap.calls where call_key = ?",
                [call_key],
            )
            columns = [column[0] for column in connection.execute("from asked").description]
            published = dict(zip(columns, connection.execute("from asked").fetchone(), strict=True))
            connection.execute(
                "create or replace temp table asked as select call_key, partner_id, customer_id, callee, call_date, direction, "
                "disposition, duration_s::bigint as duration_s from asked"
            )
            rated = _rated(connection, {})
            file = _file(connection, published["file_id"])
            agrees = (rated["status"], rated["sale_eur"], rated["purchase_eur"]) == tuple(
                published[name] for name in ("status", "sale_eur", "purchase_eur")
            )
            facts = {
                **{
                    name: published[name]
                    for name in ("call_key", "call_id", "source", "leg", "caller", "started_at", "billing_month", "records")
                },
                "file": file,
                "line": published["line"],
                "raw": _raw(workspace, file, published["line"]),
                **rated,
                **{
                    f"published_{name}": published[name]
                    for name in ("status", "status_reason", "billed_s", "purchase_eur", "sale_eur", "margin_eur")
                },
                "agrees": agrees,
            }
            first = (
                "record",
                f"{file} line {published['line']}" + (f", the first of {published['records']} records" if published["records"] > 1 else ""),
                facts["raw"] or "(the file is not in landing any more)",
            )
            who = (
                "who pays",
                f"{published['caller']} on {published['call_date']} ({published['started_at']} UTC)",
                f"{published['customer_id']}, billed in {published['billing_month']}",
            )
            last = (
                "published",
                "as above"
                if agrees
                else "final: it stands on an approved invoice or in a closed month, and was rated by what was known then",
                _price(published["status"], published["sale_eur"], published["purchase_eur"]),
            )
            yield Explained(facts, [first, who, *_steps(connection, rated), last])


@contextmanager
def opened(workspace: Workspace, partner_id: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """The partner's snapshot as ``snap`` and the platform's as ``platform``, to read, with room for tables of one's own."""
    snapshot, platform = (serving.current_snapshot(workspace, owner) for owner in (partner_id, PLATFORM))
    with closing(duckdb.connect(config={"python_enable_replacements": "false"})) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for path, name in ((snapshot, "snap"), (platform, "platform")):
            serving.attach(connection, path, name)
        yield connection


def relations(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Where the models that rating reads are published, by name; of the partner attached as ``snap``."""
    found = connection.execute(
        "select table_name, database_name from duckdb_tables() where schema_name = 'rating' order by database_name = 'snap'"
    ).fetchall()
    return {table: f"{database}.rating.{table}" for table, database in found}


def _rated(connection: duckdb.DuckDBPyConnection, instead: Mapping[str, str]) -> dict[str, Any]:
    """All steps of the one call in table ``asked``."""
    known = relations(connection) | {"int_calls_attributed": "calls_to_read"} | dict(instead)
    connection.execute("create or replace temp view calls_to_read as select *, cast(null as varchar) as reject_reason from asked")
    connection.execute(f"create or replace temp table numbers as {model('int_called_numbers', known)}")
    result = connection.execute(
        f"select {FACTS} from ({rule('''{{ rated_calls('asked') }}''', known | {'int_called_numbers': 'numbers'})})"
    )
    columns = [column[0] for column in result.description]
    row = result.fetchone()
    if row is None:
        raise TiktellerError("the number could not be read at all", fix="write it as +31201234567 or 0201234567")
    return dict(zip(columns, row, strict=True))


def _steps(connection: duckdb.DuckDBPyConnection, facts: Mapping[str, Any]) -> Steps:
    day, where = facts["call_date"], f"{facts['country']} {facts['line_type']}"
    steps: Steps = [("number", f"{facts['dialled']} is {_article(facts['number_class'])}", facts["number"] or "")]
    if facts["country"]:
        listed = f"{facts['listed_country']} {facts['listed_line_type']}"
        how = f"numbering plans: {facts['number_kind'] or facts['listed_line_type']}" if where == listed else f"as the deck says on {day}"
        steps.append(("destination", how, where))
    if facts["is_onnet"]:
        billed = "charged as any call" if facts["onnet_billing"] else "free"
        steps.append(("on-net", "the called number belongs to the platform", f"purchase 0; sale {billed}"))
    if facts["deck_prefix"] and facts["deck_rows"] == 1:
        place = _place(connection, facts["deck_file_id"], facts["deck_line"])
        rate = f"{_e8(facts['purchase_fee_e8'])} + {_e8(facts['purchase_rate_e8'])} a minute"
        increments = f"first {facts['first_increment_s']} s, then {facts['next_increment_s']} s"
        row = f"{facts['deck_prefix']} {facts['destination']}: {rate}, {increments}"
        steps.append(("deck row", f"longest prefix of {facts['deck_id']} valid on {day}, {place}", row))
    if facts["assigned_plan_id"]:
        place = _place(connection, facts["assignment_file_id"], facts["assignment_line"])
        steps.append(("plan", f"of the {facts['assigned_to']} on {day}, {place}", facts["assigned_plan_id"]))
    if facts["rate_country"]:
        place = _place(connection, facts["plan_file_id"], facts["plan_line"])
        row = f"{facts['rate_country']} {facts['rate_line_type']}: {_terms(facts)}"
        steps.append(("plan row", f"the most specific for {where}, {place}", row))
    if facts["status_reason"] == "free_number":
        bought = "purchase as the deck says for just these" if facts["has_deck_price"] else "purchase 0, the deck has no row for just these"
        row = f"the plan has no row for just {facts['country']} SPECIAL"
        steps.append(("free number", f"nobody pays for a call to it, and {row}", f"sale 0; {bought}"))
    steps += _arithmetic(facts)
    why = facts["status_reason"] or ""
    reason = connection.execute("select why || '. Fix: ' || fix from snap.rating.unrated_reasons where status_reason = ?", [why]).fetchone()
    steps.append(("price", reason[0] if reason else why, _price(facts["status"], facts["sale_eur"], facts["purchase_eur"])))
    return steps


def _arithmetic(facts: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The sums that were made, as a person would write them; the amounts are the SQL's."""
    if not facts["has_deck_price"]:
        return
    talked = facts["duration_s"]
    cost_fee, cost_rate = Fraction(facts["purchase_fee_e8"] or 0, 10**8), Fraction(facts["purchase_rate_e8"] or 0, 10**8)
    if not facts["is_onnet"] or facts["direction"] == "inbound":
        seconds = facts["purchase_billed_s"]
        yield ("purchase", f"{talked} s -> {seconds} s; {_sum(cost_fee, cost_rate, seconds)}", f"{facts['purchase_eur']:f}")
    if facts["status_reason"] == "free_number":
        return
    percent = Fraction(facts["plan_rate_ppm"], 10**6) if facts["plan_rate_ppm"] is not None else None
    fee = Fraction(facts["plan_fee_e8"], 10**8) if facts["plan_fee_e8"] is not None else cost_fee * (percent or 0)
    minute = Fraction(facts["plan_rate_e8"], 10**8) if percent is None else cost_rate * percent
    seconds = facts["billed_s"]
    steps = f"{talked} s in steps of {facts['rounding_seconds']} s -> {seconds} s"
    rounding = f"rounded once to {facts['rounding_decimals']} decimals, half away from zero"
    yield ("sale", f"{steps}; {_sum(fee, minute, seconds)}, {rounding}", f"{facts['sale_eur']:f}")


def _sum(fee: Fraction, minute: Fraction, seconds: int) -> str:
    return f"{_plain(fee)} + {seconds} x {_plain(minute)} / 60 = {_plain(fee + minute * seconds / 60)}"


def _terms(facts: Mapping[str, Any]) -> str:
    if facts["plan_rate_ppm"] is None:
        return f"{_e8(facts['plan_fee_e8'])} + {_e8(facts['plan_rate_e8'])} a minute"
    percent = _plain(Fraction(facts["plan_rate_ppm"], 10**4))
    if facts["plan_fee_e8"] is None:
        return f"{percent} % of purchase fee and minute (a SPECIAL number without a row of its own)"
    return f"{_e8(facts['plan_fee_e8'])} + {percent} % of the purchase minute"


def _price(status: str, sale: Decimal | None, purchase: Decimal | None) -> str:
    if sale is None or purchase is None:
        return f"{status}: no price"
    return f"{status}: sale {sale:f}, purchase {purchase:f}, margin {sale - purchase:f} EUR"


def _article(number_class: str) -> str:
    return {
        "public": "a public number",
        "internal": "an extension",
        "feature_code": "a feature code",
        "no_number": "no number: a place in a dialplan of the exchange",
        "unparsable": "no number that can be read",
    }.get(number_class, number_class)


def _e8(amount: int | None) -> str:
    return _plain(Fraction(amount or 0, 10**8))


def _plain(amount: Fraction) -> str:
    """A decimal without zeros at its end; what has no end is cut behind ten decimals and says so."""
    text = f"{Decimal(amount.numerator * 10**10 // amount.denominator).scaleb(-10):f}".rstrip("0").rstrip(".")
    return text if (amount * 10**10).denominator == 1 else f"{text}..."


def _file(connection: duckdb.DuckDBPyConnection, file_id: int | None) -> str | None:
    found = connection.execute("select file from platform.ingested_files where file_id = ?", [file_id]).fetchone()
    return found[0] if found else None


def _place(connection: duckdb.DuckDBPyConnection, file_id: int | None, line: int | None) -> str:
    file = _file(connection, file_id)
    return f"{file} line {line}" if file else "asked for"


def _raw(workspace: Workspace, file: str | None, line: int) -> str | None:
    """The line as it lies in landing/; None where the file is gone."""
    path = workspace.landing / file if file else None
    if path is None or not path.is_file():
        return None
    content = path.read_bytes()
    text = (gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content).decode("utf-8-sig", "replace")
    lines = text.splitlines()
    return lines[line - 1] if line <= len(lines) else None
