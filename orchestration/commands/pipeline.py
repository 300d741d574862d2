"""The verbs of the operator: ``run``, ``status``, ``withdraw``, ``rerate``, ``release`` and ``read-pbx``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orchestration.commands.grammar import FAILED, AddVerb, day, one_line, workspace_of
from orchestration.output import Answer, write


def add_verbs(verb: AddVerb, printing: argparse.ArgumentParser) -> None:
    run = verb("run", _run, "ingest what is new in landing, build, check and publish")
    run.add_argument("--accept-landed", action="store_true", help="publish although what landed fails its expectations")
    run.add_argument("--rebuild", action="store_true", help="make the warehouse anew from landing/; what lies there no longer is kept")
    stands = verb("status", _status, "freshness, files, quarantine, unrated calls, months, what waits, the last run", printing)
    stands.add_argument("--check", action="store_true", help="exit 1 where anything landed is not published, or the last run failed")

    taking = verb("withdraw", _withdraw, "take a landed file back: its rows stop counting, what is frozen stays")
    taking.add_argument("file", metavar="FILE", help="its path, such as cdrs/standard/2026-10-01.csv, or its file_id")
    taking.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")

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

    pbxs = verb("read-pbx", _read_pbx, "read how many extensions 3CX PBXs have, and land it", printing)
    pbxs.add_argument("--config", type=Path, required=True, metavar="FILE", help="a TOML file with your PBXs (docs/operator.md)")
    pbxs.add_argument("--only", action="append", default=[], metavar="PBX_ID", help="this PBX alone; may be given again")


def _run(args: argparse.Namespace) -> int:
    from orchestration.pipeline.runs import run
    from orchestration.pipeline.settings import RunSettings
    from orchestration.progress import printed

    chosen = RunSettings(accept_landed=args.accept_landed, rebuild=args.rebuild)
    report = run(workspace_of(args).require(), printed(), chosen)
    for line in report.lines():
        print(line)
    return 0 if report.went_well else FAILED


def _status(args: argparse.Namespace) -> int:
    from orchestration.pipeline.status import status

    found = status(workspace_of(args))
    found.write(args.format, sys.stdout)
    return 0 if found.is_well or not args.check else FAILED


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
        print(f"tikteller: {each.pbx.pbx_id}: {one_line(each.problem)}", file=sys.stderr)
    return FAILED if found.failed else 0
