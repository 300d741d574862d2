"""The rules, asked one by one: ``explain``, ``quote``, ``what-if``, ``pvc`` and ``ids-backtest``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.commands.grammar import AddVerb, count, day, workspace_of
from orchestration.errors import UsageError
from orchestration.output import Answer, Format, write

if TYPE_CHECKING:
    from orchestration.rules.explaining import Explained


def add_verbs(verb: AddVerb, printing: argparse.ArgumentParser) -> None:
    explain = verb("explain", _explain, "every step from a call's record to its price", printing)
    explain.add_argument("call_id", metavar="CALL_ID", help="its call_id or call_key")
    explain.add_argument("--partner", metavar="P", help="look in this partner's calls only")

    quote = verb("quote", _quote, "what a call would cost and sell for, and why", printing)
    quote.add_argument("--partner", required=True, metavar="P")
    quote.add_argument("--plan", required=True, metavar="PLAN", help="a call_plan_id of the partner")
    quote.add_argument("--to", required=True, metavar="NUMBER", help="as it would be dialled, such as 0201234567 or +4930123456")
    quote.add_argument("--seconds", required=True, type=count, metavar="N")
    quote.add_argument("--at", type=day, metavar="DATE", help="rates of this day (default: the newest day with calls)")

    what_if = verb("what-if", _what_if, "what a call plan would have earned on the calls that were made, exactly", printing)
    what_if.add_argument("--partner", required=True, metavar="P")
    what_if.add_argument("--plan", metavar="PLAN", help="a plan that exists")
    what_if.add_argument("--rates", type=Path, metavar="FILE", help="a draft: CSV with the columns of call_plan_rates")
    what_if.add_argument("--onnet-billing", action="store_true", help="the draft charges on-net calls")
    what_if.add_argument("--rounding-seconds", type=count, default=1, metavar="N", help="seconds step of the draft (1)")
    what_if.add_argument("--rounding-decimals", type=count, default=4, metavar="N", help="price decimals of the draft (4)")
    what_if.add_argument("--from", dest="first_month", metavar="MONTH", help="the first month of calls, such as 2026-08")
    what_if.add_argument("--to", dest="last_month", metavar="MONTH", help="the last month, included")
    what_if.add_argument("--customer", action="append", metavar="C", help="this customer only; may be given again")
    what_if.add_argument("--had-plan", metavar="PLAN", help="only calls that were made under this plan")
    what_if.add_argument("--by", choices=("total", "customer", "month", "both"), default="both", help="one row per what (both)")

    verb("pvc", _pvc, "what one call takes of a line and how many fit, with the arithmetic", printing).later = _pvc_arguments

    says = "what a limit of the fraud guard would have caught: alarms, the calls that raised them, what a block would have saved"
    backtest = verb("ids-backtest", _ids_backtest, says, printing)
    backtest.add_argument("--partner", required=True, metavar="P", help="whose customers")
    backtest.add_argument(
        "--range", required=True, dest="limits", metavar="RANGE", help="stages in EUR, such as 40-80-120; the highest blocks"
    )
    backtest.add_argument("--customer", metavar="C", help="this customer only; without: all, whatever their own range")
    backtest.add_argument("--from", dest="first_day", type=day, metavar="DATE", help="the first day, such as 2026-10-01")
    backtest.add_argument("--to", dest="last_day", type=day, metavar="DATE", help="the last day, included")
    backtest.add_argument("--summary", action="store_true", help="only what each stage caught together (a table always begins with it)")


def _explain(args: argparse.Namespace) -> int:
    from orchestration.rules.explaining import explain

    _write_explained(explain(workspace_of(args).require(), args.call_id, args.partner), args.format)
    return 0


def _quote(args: argparse.Namespace) -> int:
    from orchestration.rules.explaining import quote

    _write_explained([quote(workspace_of(args).require(), args.partner, args.plan, args.to, args.seconds, args.at)], args.format)
    return 0


def _write_explained(explained: Sequence[Explained], form: Format) -> None:
    if form == "table":
        for number, each in enumerate(explained):
            if number:
                print()
            write(Answer(("step", "how", "result"), each.steps), form, sys.stdout)
    else:
        records = [each.record for each in explained]
        write(Answer(tuple(records[0]), [tuple(record.values()) for record in records]), form, sys.stdout)


def _what_if(args: argparse.Namespace) -> int:
    from orchestration.rules.what_if import DraftPlan, Scope, price_draft, price_plan, read_rates, totals

    if (args.plan is None) == (args.rates is None):
        raise UsageError("give --plan or --rates", fix="--plan for a plan that exists, --rates FILE for a draft")
    workspace = workspace_of(args).require()
    scope = Scope(args.first_month, args.last_month, args.customer, args.had_plan)
    if args.plan:
        result = price_plan(workspace, args.partner, args.plan, scope)
    else:
        draft = DraftPlan(read_rates(args.rates), args.onnet_billing, args.rounding_seconds, args.rounding_decimals)
        result = price_draft(workspace, args.partner, draft, scope)
    columns = (
        "customer_id",
        "month",
        "calls",
        "unpriced_calls",
        "sale_eur",
        "purchase_eur",
        "margin_eur",
        "sale_now_eur",
        "difference_eur",
    )
    rows = [
        (
            each.customer_id,
            each.month,
            each.calls,
            each.unpriced_calls,
            each.sale_eur,
            each.purchase_eur,
            each.margin_eur,
            each.sale_now_eur,
            each.sale_eur - each.sale_now_eur,
        )
        for each in totals(result.outcomes, args.by)
    ]
    write(Answer(columns, rows), args.format, sys.stdout)
    return 0


def _pvc_arguments(parser: argparse.ArgumentParser) -> None:
    from orchestration.rules.capacity import add_arguments

    add_arguments(parser)


def _pvc(args: argparse.Namespace) -> int:
    from orchestration.rules import capacity

    answer = capacity.run(args)
    if args.format == "table":
        rows = [(step, how, result) for step, how, result in capacity.describe(answer)]
        write(Answer(("step", "arithmetic", "result"), rows), "table", sys.stdout)
    else:
        record = capacity.as_record(answer)
        write(Answer(tuple(record), [tuple(record.values())]), args.format, sys.stdout)
    return 0


def _ids_backtest(args: argparse.Namespace) -> int:
    from orchestration.rules.ids_backtest import BacktestRequest, backtest

    found = backtest(workspace_of(args), BacktestRequest(args.partner, args.limits, args.customer, args.first_day, args.last_day))
    if args.format != "table":
        write(found.summary if args.summary else found.crossings, args.format, sys.stdout)
        return 0
    print(f"{found.judged_days:,} days of {found.judged_customers:,} customers judged\n")
    write(found.summary, "table", sys.stdout)
    if not args.summary and found.crossings.rows:
        print()
        write(found.crossings, "table", sys.stdout)
    return 0
