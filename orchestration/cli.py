"""The command line: one verb each, thin. A verb imports what it needs when it is called, so that the others stay quick."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TextIO

from orchestration.commands import commissions, month_end, receivables, sources, state
from orchestration.commands.grammar import FAILED, INTERRUPTED, MISUSED, Parser, adding_to, count, day, replacing, workspace_of
from orchestration.errors import TiktellerError, UsageError
from orchestration.output import FORMATS, Answer, Format, write
from orchestration.workspace import PROJECT_ROOT

if TYPE_CHECKING:
    from orchestration.rules.explaining import Explained

DEFAULT_PORT = 8501
TABLE_ROWS = 1_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 1 when it failed, 2 for wrong usage, 130 when interrupted. Errors are one line on stderr."""
    args = _parser().parse_args(arguments, argparse.Namespace(workspace=None, debug=False))
    try:
        code = args.verb(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader has seen enough, as in `tikteller sql ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("tikteller: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if args.debug:
            raise
        print(f"tikteller: {_one_line(error)}", file=sys.stderr)
        return MISUSED if isinstance(error, UsageError) else FAILED


def _one_line(error: Exception) -> str:
    if isinstance(error, TiktellerError):
        return " ".join(str(error).split())
    where = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else str(error)
    return " ".join(f"{type(error).__name__}: {where}. Fix: the same with --debug shows where; please report it".split())


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument("--workspace", metavar="DIR", help="where all is kept (TIKTELLER_WORKSPACE, else data/)")
    everywhere.add_argument("--debug", action="store_true", help="show the traceback of an error")
    printing = argparse.ArgumentParser(add_help=False)
    printing.add_argument("--format", choices=FORMATS, default="table", help="table (default), json or csv")

    parser = Parser(prog="tikteller", description="Call records in; exact invoices, margins and line capacity out.", parents=[everywhere])
    verb = adding_to(parser, "VERB", everywhere)

    verb("init", _init, "make an empty workspace")

    demo = verb("demo-data", _demo_data, "land realistic files in every feed, with known dirt in them")
    demo.add_argument("--calls", type=count, default=200_000, metavar="N", help="calls to make (200000)")
    demo.add_argument("--months", type=count, default=3, metavar="M", help="months up to October 2026 (3)")
    demo.add_argument("--seed", type=count, default=1, metavar="S", help="the same seed gives the same bytes (1)")
    demo.add_argument("--deck-prefixes", type=count, metavar="N", help="prefixes of the first partner's purchase deck (a few thousand)")

    run = verb("run", _run, "ingest what is new in landing, build, check and publish")
    run.add_argument("--accept-landed", action="store_true", help="publish although what landed fails its expectations")
    run.add_argument("--rebuild", action="store_true", help="make the warehouse anew from landing/; what lies there no longer is kept")
    stands = verb("status", _status, "freshness, files, quarantine, unrated calls, months, what waits, the last run", printing)
    stands.add_argument("--check", action="store_true", help="exit 1 where anything landed is not published, or the last run failed")

    taking = verb("withdraw", _withdraw, "take a landed file back: its rows stop counting, what is frozen stays")
    taking.add_argument("file", metavar="FILE", help="its path, such as cdrs/standard/2026-10-01.csv, or its file_id")
    taking.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")

    sql = verb("sql", _sql, "ask what is published, read-only")
    sql.add_argument("statement", metavar="SELECT", help='such as "select * from margins"')
    sql.add_argument("--partner", metavar="P", help="this partner's file; without: all partners' tables")
    sql.add_argument("--format", choices=(*FORMATS, "parquet"), default="table", help="table (default), json, csv or parquet")
    sql.add_argument("--out", type=Path, metavar="FILE", help="write here instead of to standard output")

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

    rerate = verb("rerate", _rerate, "rate days again; what is on approved invoices stays as it was billed")
    rerate.add_argument("--from", dest="first_day", type=day, required=True, metavar="DATE", help="the first day, such as 2026-10-01")
    rerate.add_argument("--to", dest="last_day", type=day, required=True, metavar="DATE", help="the last day, included")
    rerate.add_argument("--partner", metavar="P", help="tell what changed for this partner only")

    release = verb("release", _release, "let another partner have a customer, an account or a number from a day on")
    release.add_argument("feed", choices=("customers", "accounts", "numbers"))
    release.add_argument("key", metavar="KEY", help="the customer_id, the account, or the first_number as it was landed")
    release.add_argument("--to", dest="partner", required=True, metavar="P", help="the partner whose row waits")
    release.add_argument("--from", dest="first_day", type=day, required=True, metavar="DATE", help="its valid_from, or a day before it")
    release.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")

    month_end.add_verbs(verb, everywhere, printing)
    receivables.add_verbs(verb, printing)
    commissions.add_verbs(verb, everywhere, printing)
    sources.add_verbs(verb, everywhere)
    state.add_verbs(verb, everywhere, printing)

    export = verb("export", _export, "write one of finance's reports to a file")
    export.add_argument("report", metavar="REPORT", help="which one; --help lists them")
    export.later = _export_arguments

    pbxs = verb("read-pbx", _read_pbx, "read how many extensions 3CX PBXs have, and land it", printing)
    pbxs.add_argument("--config", type=Path, required=True, metavar="FILE", help="a TOML file with your PBXs (docs/operator.md)")
    pbxs.add_argument("--only", action="append", default=[], metavar="PBX_ID", help="this PBX alone; may be given again")

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

    app = verb("app", _app, "serve the dashboard")
    app.add_argument("--port", type=count, default=DEFAULT_PORT, metavar="N", help=f"where it listens ({DEFAULT_PORT})")
    app.add_argument("--headless", action="store_true", help="open no browser")
    return parser


def _init(args: argparse.Namespace) -> int:
    from orchestration.landing.feeds import FEEDS

    workspace = workspace_of(args)
    is_new = not workspace.exists()
    workspace.create(tuple(feed.name for feed in FEEDS))
    print(f"{workspace.root} {'is a workspace now' if is_new else 'is a workspace already'}: put files in {workspace.landing}/<feed>/")
    return 0


def _demo_data(args: argparse.Namespace) -> int:
    from orchestration.demo import generate
    from orchestration.landing.feeds import FEEDS
    from orchestration.progress import printed

    workspace = workspace_of(args)
    workspace.create(tuple(feed.name for feed in FEEDS))
    summary = generate(
        workspace, calls=args.calls, months=args.months, seed=args.seed, progress=printed(), deck_prefixes=args.deck_prefixes
    )
    replaced = f", {summary.replaced} of them replaced" if summary.replaced else ""
    print(
        f"{summary.calls:,} calls from {summary.first_day} to {summary.last_day}, seed {summary.seed}: "
        f"{sum(summary.rows.values()):,} rows in {summary.files} files{replaced}, {summary.seconds:.1f} s"
    )
    return 0


def _run(args: argparse.Namespace) -> int:
    from orchestration.pipeline.runs import run
    from orchestration.pipeline.settings import RunSettings
    from orchestration.progress import printed

    chosen = RunSettings(accept_landed=args.accept_landed, rebuild=args.rebuild)
    report = run(workspace_of(args).require(), printed(), chosen)
    for line in report.lines():
        print(line)
    return 0 if report.went_well else FAILED


def _withdraw(args: argparse.Namespace) -> int:
    from orchestration import run_lock
    from orchestration.landing.register import withdraw
    from orchestration.pipeline.runs import run

    workspace = workspace_of(args).require()
    with run_lock.shared(workspace):
        taken = withdraw(workspace, args.file)
    for each in taken:
        twin = f", the same as {each.duplicate_of}" if each.duplicate_of else ""
        print(f"{each.file} (file {each.file_id}{twin}) is withdrawn; to bring it back, land it again: a copy, or touch it where it lies")
    if args.no_run:
        return 0
    report = run(workspace)
    for line in report.lines() if not report.went_well else ():
        print(line, file=sys.stderr)
    return 0 if report.went_well else FAILED


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


def _rerate(args: argparse.Namespace) -> int:
    from orchestration.pipeline.rerating import rerate
    from orchestration.progress import printed

    report, changes = rerate(workspace_of(args).require(), args.first_day, args.last_day, args.partner, printed())
    for line in (*(change.line for change in changes), *(() if report.published else report.lines())):
        print(line)
    return 0 if report.published else FAILED


def _release(args: argparse.Namespace) -> int:
    from orchestration.commands.month_end import publish_decision
    from orchestration.landing.key_releases import release

    workspace = workspace_of(args).require()
    released = release(workspace, args.feed, args.key, args.partner, args.first_day)
    print(f"{released.key} of {released.feed} may be {released.partner_id}'s from {released.released_from} on")
    return 0 if args.no_run else publish_decision(workspace, args.partner)


def _status(args: argparse.Namespace) -> int:
    from orchestration.pipeline.status import status

    found = status(workspace_of(args))
    found.write(args.format, sys.stdout)
    return 0 if found.is_well or not args.check else FAILED


def _sql(args: argparse.Namespace) -> int:
    from orchestration.serving.sql import answer, opened, write_parquet

    if args.format == "parquet" and not args.out:
        raise UsageError("parquet is no text for a terminal", fix="add --out FILE")
    with opened(workspace_of(args), args.partner) as connection:
        if args.format == "parquet":
            with replacing(args.out) as unfinished:
                write_parquet(connection, args.statement, unfinished)
        elif args.out:
            with replacing(args.out) as unfinished, unfinished.open("w", encoding="utf-8", newline="") as stream:
                _write_shown(answer(connection, args.statement), args.format, stream)
        else:
            _write_shown(answer(connection, args.statement), args.format, sys.stdout)
    return 0


def _write_shown(found: Answer, form: Format, stream: TextIO) -> None:
    """A table is for people, and has to be held as a whole before its columns have a width: it stops where nobody reads on."""
    if form != "table":
        write(found, form, stream)
        return
    rows = iter(found.rows)
    write(Answer(found.columns, list(islice(rows, TABLE_ROWS))), form, stream)
    if next(rows, None) is not None:
        print(f"only the first {TABLE_ROWS:,} rows; --format csv (or json, parquet) gives them all", file=sys.stderr)


def _export_arguments(parser: argparse.ArgumentParser) -> None:
    from orchestration.reports import REPORTS
    from orchestration.reports.definition import PARAMETERS
    from orchestration.reports.export import FILE_FORMATS

    parser.add_argument("--format", choices=FILE_FORMATS, help="csv, xlsx or parquet; without it, what FILE ends in")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write; one that is there is replaced")
    parser.add_argument("--partner", metavar="P", help="of this partner; without: of all")
    for parameter in PARAMETERS:
        takers = ", ".join(report.name for report in REPORTS.values() if parameter.name in report.takes)
        parser.add_argument(
            parameter.option, dest=f"asked_{parameter.name}", metavar=parameter.metavar, help=f"{parameter.says} ({takers})"
        )
    parser.add_argument("--locale", choices=("en", "nl"), default="en", help="nl: Dutch names; a CSV with ; and a decimal comma")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    width = max(map(len, REPORTS))
    parser.epilog = "reports:\n" + "\n".join(f"  {report.name:<{width}}  {report.says}" for report in REPORTS.values())


def _export(args: argparse.Namespace) -> int:
    from orchestration.progress import printed
    from orchestration.reports import report_named
    from orchestration.reports.export import FILE_FORMATS, export

    report = report_named(args.report)
    form = args.format or args.out.suffix.removeprefix(".").lower()
    if form not in FILE_FORMATS:
        raise UsageError(f"{args.out} does not say what it is to be", fix=f"add --format {', '.join(FILE_FORMATS)}")
    asked = {name.removeprefix("asked_"): value for name, value in vars(args).items() if name.startswith("asked_") and value is not None}
    workspace = workspace_of(args)
    with replacing(args.out) as unfinished:
        done = export(workspace, report, asked, unfinished, form, args.partner, args.locale, printed())
    print(f"{done.rows:,} rows in {args.out}, {done.seconds:.1f} s")
    return 0


def _read_pbx(args: argparse.Namespace) -> int:
    from orchestration.connectors import readings

    workspace = workspace_of(args).require()
    found = readings.read_pbxs(workspace, readings.chosen(readings.read_configuration(args.config), args.only))
    file = found.file.relative_to(workspace.root) if found.file else None
    rows = [
        (each.pbx.pbx_id, each.pbx.customer_id, each.pbx.service_code, each.read_at, each.extensions, None if each.problem else str(file))
        for each in found.readings
    ]
    write(Answer(("pbx_id", "customer_id", "service_code", "read_at", "extensions", "file"), rows), args.format, sys.stdout)
    for each in found.failed:
        print(f"tikteller: {each.pbx.pbx_id}: {_one_line(each.problem)}", file=sys.stderr)
    return FAILED if found.failed else 0


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


def _app(args: argparse.Namespace) -> NoReturn:
    import socket

    workspace = workspace_of(args).require()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", args.port))
        except (OSError, OverflowError) as error:
            raise TiktellerError(
                f"the dashboard cannot listen on port {args.port}: {getattr(error, 'strerror', None) or error}",
                fix=f"another program may be there; try tikteller app --port {args.port + 1}",
            ) from error
    print(f"The dashboard of {workspace.root} is at http://localhost:{args.port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "streamlit", "run", "apps/dashboard.py", "--server.port", str(args.port)]
    command += ["--server.headless", "true" if args.headless else "false"]
    os.chdir(PROJECT_ROOT)  # where .streamlit/ is
    # in this process's place, so that whoever ends us ends the server too
    os.execve(sys.executable, command, {**os.environ, "TIKTELLER_WORKSPACE": str(workspace.root)})


if __name__ == "__main__":
    sys.exit(main())
