"""``sql`` and ``export``: questions to what is published."""

from __future__ import annotations

import argparse
import sys
from itertools import islice
from pathlib import Path
from typing import TextIO

from orchestration.commands.grammar import AddVerb, replacing, workspace_of
from orchestration.errors import UsageError
from orchestration.output import FORMATS, Answer, Format, write

TABLE_ROWS = 1_000


def add_verbs(verb: AddVerb) -> None:
    sql = verb("sql", _sql, "ask what is published, read-only")
    sql.add_argument("statement", metavar="SELECT", help='such as "select * from margins"')
    sql.add_argument("--partner", metavar="P", help="this partner's file; without: all partners' tables")
    sql.add_argument("--format", choices=(*FORMATS, "parquet"), default="table", help="table (default), json, csv or parquet")
    sql.add_argument("--out", type=Path, metavar="FILE", help="write here instead of to standard output")

    export = verb("export", _export, "write one of finance's reports to a file")
    export.add_argument("report", metavar="REPORT", help="which one; --help lists them")
    export.later = _export_arguments


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
