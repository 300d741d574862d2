"""What customers still owe: letters about it, and collecting it."""

from __future__ import annotations

import argparse
import sys
from datetime import date
from pathlib import Path

from orchestration.commands.grammar import AddVerb, day, replacing, workspace_of
from orchestration.errors import TiktellerError, UsageError
from orchestration.output import Answer, write

LETTER_COLUMNS = (
    "partner_id", "customer_id", "customer", "kind", "status", "invoices", "open_eur", "costs_eur", "asked_eur", "pay_by", "reason", "path",
)  # fmt: skip
DEBIT_COLUMNS = ("message_id", "customer_id", "invoice_number", "amount_eur", "iban", "mandate_id", "sequence", "collect_on")


def add_verbs(verb: AddVerb, printing: argparse.ArgumentParser) -> None:
    reminders = verb("reminders", _reminders, "which reminders and formal notices are due; --send writes them, each once", printing)
    reminders.add_argument("--partner", required=True, metavar="P")
    reminders.add_argument("--as-of", type=day, metavar="DATE", help="the day of the letters (today)")
    reminders.add_argument("--all", action="store_true", help="all that is overdue: also what waits, is held, is off or had its letters")
    reminders.add_argument("--send", action="store_true", help="write the letters to documents/ and remember them")
    reminders.add_argument("--restore", action="store_true", help="only write letters again that are gone from documents/, byte for byte")

    debit = verb("direct-debit", _direct_debit, "a SEPA file (pain.008) that collects a month's open invoices, each once", printing)
    debit.add_argument("--partner", required=True, metavar="P")
    debit.add_argument("--month", required=True, metavar="MONTH", help="of the invoices, such as 2026-10")
    debit.add_argument("--collect-on", type=day, required=True, metavar="DATE", help="the day on which customers are debited")
    debit.add_argument("--out", type=Path, required=True, metavar="FILE", help="the file to write; one that is there is replaced")
    debit.add_argument("--creditor-id", metavar="ID", help="incassant-ID (partners.creditor_id, else made of the KvK number)")
    debit.add_argument(
        "--again", action="append", default=[], metavar="NUMBER", help="its collection failed or came back: collect it again"
    )


def _reminders(args: argparse.Namespace) -> int:
    from orchestration.receivables import dunning

    if args.send and args.restore:
        raise UsageError("--send and --restore do not go together", fix="--send also writes what an interrupted one left")
    workspace, as_of = workspace_of(args).require(), args.as_of or date.today()
    if args.send and as_of > date.today():
        raise UsageError(
            f"{as_of} is still to come: who pays until then would be dunned, and each letter goes out once",
            fix="leave --send out to look ahead",
        )
    if args.restore:
        print(f"{dunning.file_letters(workspace, args.partner, missing=True):,} letters written again", file=sys.stderr)
        return 0
    found = (dunning.send if args.send else dunning.notices)(workspace, args.partner, as_of)
    shown = found if args.all else [each for each in found if each.status in ("due", "written")]
    rows = [
        (
            each.partner_id, each.customer_id, each.customer, each.kind, each.status, " ".join(each.invoice_numbers), each.open_eur,
            each.costs_eur, each.asked_eur, each.pay_by, each.reason, each.path,
        )
        for each in shown
    ]  # fmt: skip
    write(Answer(LETTER_COLUMNS, rows), args.format, sys.stdout)
    if not shown:
        print(dunning.outlook(workspace, args.partner, as_of, found), file=sys.stderr)
    for line in dunning.told(args.partner, found):
        print(line, file=sys.stderr)
    if not args.send and shown:
        try:
            dunning.require_payments(workspace)
        except TiktellerError as error:
            print(error, file=sys.stderr)
        print("nothing is written yet: add --send", file=sys.stderr)
    return 0


def _direct_debit(args: argparse.Namespace) -> int:
    from orchestration.documents.bank import next_business_day, why_closed
    from orchestration.receivables import collecting

    workspace = workspace_of(args).require()
    with replacing(args.out) as unfinished:
        made = collecting.direct_debits(
            workspace, args.partner, args.month, args.collect_on, creditor_id=args.creditor_id, again=args.again
        )
        unfinished.write_bytes(made.content)
    collecting.filed(workspace, args.partner, made.message_id)
    write(Answer(DEBIT_COLUMNS, [tuple(getattr(each, name) for name in DEBIT_COLUMNS) for each in made.debits]), args.format, sys.stdout)
    total = sum(each.amount_eur for each in made.debits)
    print(f"{args.out}: {len(made.debits):,} invoices, {total} EUR, creditor id {made.creditor_id}", file=sys.stderr)
    if made.made_before:
        print(f"this file was made before, at {made.made_before}: a bank that has had it refuses it", file=sys.stderr)
    for each in made.refused:
        print(f"{each.customer_id} cannot be debited for {each.invoice_number}: {each.reason}. Fix: {each.fix}", file=sys.stderr)
    for count, what in ((made.without_mandate, "have no mandate"), (made.collected_before, "are collected by an earlier file")):
        if count:
            print(f"{count:,} open invoices of {args.month} {what}", file=sys.stderr)
    if closed := why_closed(args.collect_on):
        business_day = next_business_day(args.collect_on)
        print(f"{args.collect_on} is {closed}: banks collect on business days, the next is {business_day}", file=sys.stderr)
    return 0
