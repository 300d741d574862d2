"""What resellers earn: their statements as documents. As a table: ``tikteller export commissions``."""

from __future__ import annotations

import argparse
import sys

from orchestration.commands.grammar import AddVerb, adding_to, workspace_of
from orchestration.output import Answer, write

COLUMNS = ("partner_id", "month", "reseller_id", "commission_eur", "is_final", "pdf")


def add_verbs(verb: AddVerb, everywhere: argparse.ArgumentParser, printing: argparse.ArgumentParser) -> None:
    action = adding_to(verb("commissions", _render, "statements of what resellers earn"), "ACTION", everywhere)
    rendering = action("render", _render, "write the statement of each reseller of a month to documents/, as PDF", printing)
    rendering.add_argument("reseller_ids", nargs="*", metavar="RESELLER", help="the chosen ones (all without)")
    rendering.add_argument("--partner", required=True, metavar="P")
    rendering.add_argument("--month", required=True, metavar="MONTH", help="of the invoices, such as 2026-10")
    rendering.add_argument("--language", choices=("nl", "en"), help="nl or en (Dutch for partners in NL and BE)")
    settling = action("settle", _settle, "note that statements were settled: what comes later stands on later ones", printing)
    settling.add_argument("reseller_ids", nargs="*", metavar="RESELLER", help="the chosen ones (all without)")
    settling.add_argument("--partner", required=True, metavar="P")
    settling.add_argument("--month", required=True, metavar="MONTH", help="such as 2026-10")
    settling.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")


def _settle(args: argparse.Namespace) -> int:
    from orchestration.billing.commissions import settle
    from orchestration.commands.month_end import publish_decision

    workspace = workspace_of(args).require()
    settled = settle(workspace, args.partner, args.month, args.reseller_ids)
    rows = [tuple(vars(each).values()) for each in settled]
    write(Answer(("partner_id", "month", "reseller_id", "commission_eur"), rows), args.format, sys.stdout)
    if not settled:
        print(f"no statement of {args.partner} for {args.month} is left to settle", file=sys.stderr)
    return publish_decision(workspace, args.partner) if settled and not args.no_run else 0


def _render(args: argparse.Namespace) -> int:
    from orchestration.billing.commissions import render_statements

    made = render_statements(workspace_of(args).require(), args.partner, args.month, args.reseller_ids, args.language)
    rows = [tuple(str(value) if name == "pdf" else value for name, value in vars(each).items()) for each in made]
    write(Answer(COLUMNS, rows), args.format, sys.stdout)
    for each in made:
        if not each.is_final:
            print(f"{each.reseller_id}: provisional, some invoices are not approved yet", file=sys.stderr)
    if not made:
        print(f"no reseller of {args.partner} earned anything in {args.month}", file=sys.stderr)
    return 0
