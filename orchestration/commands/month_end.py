"""The month end: closing months; listing, approving, crediting and rendering invoices."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from orchestration.commands.grammar import FAILED, AddVerb, adding_to, count, day, workspace_of
from orchestration.errors import UsageError
from orchestration.output import Answer, Format, write
from orchestration.workspace import Workspace

if TYPE_CHECKING:
    from orchestration.billing.storing import Approved
    from orchestration.billing.vat_returns import VatReturn
    from orchestration.documents.rendering import FailedInvoice


def add_verbs(verb: AddVerb, everywhere: argparse.ArgumentParser, printing: argparse.ArgumentParser) -> None:
    close = verb("close", _close, "close a month of a partner: what was rated and charged in it never changes again")
    close.add_argument("month", metavar="MONTH", help="such as 2026-10")
    close.add_argument("--partner", required=True, metavar="P")
    close.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")

    invoices = verb("invoices", _invoices_usage, "list, approve, credit and render invoices")
    action = adding_to(invoices, "ACTION", everywhere)

    listing = action("list", _invoices_list, "drafts, blocked with the reason, approved and credited", printing)
    listing.add_argument("--partner", metavar="P")
    listing.add_argument("--month", metavar="MONTH", help="such as 2026-10")
    listing.add_argument("--status", choices=("draft", "blocked", "approved", "credited"))

    approve = action("approve", _invoices_approve, "give drafts their numbers; what is approved never changes again", printing)
    approve.add_argument("invoice_ids", nargs="*", metavar="INVOICE_ID", help="the chosen ones (all drafts of the month without)")
    approve.add_argument("--partner", required=True, metavar="P")
    approve.add_argument("--month", metavar="MONTH", help="such as 2026-10 (default: that of the ids, else the last one that is over)")
    approve.add_argument("--date", type=day, metavar="DATE", help="the day of issue (today)")
    approve.add_argument(
        "--before-month-end", action="store_true", help="though the month is not over: what comes later stands in the next"
    )
    approve.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")

    credit = action("credit", _invoices_credit, "a credit note for an approved invoice, or for some of its lines", printing)
    credit.add_argument("invoice_number", metavar="NUMBER")
    credit.add_argument("--partner", required=True, metavar="P")
    credit.add_argument("--reason", required=True, metavar="TEXT", help="stands on the credit note")
    credit.add_argument("--line", type=count, action="append", metavar="N", help="this line only; may be given again")
    credit.add_argument("--date", type=day, metavar="DATE", help="the day of issue (today)")
    credit.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")

    rendering = action("render", _invoices_render, "write PDF, UBL and call specification of what is approved to documents/", printing)
    rendering.add_argument("invoice_numbers", nargs="*", metavar="NUMBER", help="the chosen ones (all without); of drafts their INVOICE_ID")
    rendering.add_argument("--draft", action="store_true", help="drafts as the PDF that they will be, before anybody approves them")
    rendering.add_argument("--partner", metavar="P")
    rendering.add_argument("--month", metavar="MONTH")
    rendering.add_argument("--profile", choices=("nlcius", "peppol"), default="nlcius", help="what the UBL says it follows (nlcius)")

    vat = adding_to(verb("vat", _vat_usage, "VAT per quarter: what the return says, and that it was filed"), "ACTION", everywhere)
    for name, run, says in (
        ("list", _vat_list, "what the return of a quarter says: net and VAT per category and percent"),
        ("file", _vat_file, "note that the return was filed: what comes later for the quarter stands in a later one"),
    ):
        one = vat(name, run, says, printing)
        one.add_argument("--partner", required=True, metavar="P")
        one.add_argument("--quarter", required=True, metavar="QUARTER", help="such as 2026-Q3")
        if name == "file":
            one.add_argument("--no-run", action="store_true", help="do not publish it at once; the next run does")


def _close(args: argparse.Namespace) -> int:
    from orchestration.billing.closing import close_month
    from orchestration.billing.draft_problems import by_problem, told_some
    from orchestration.billing.drafts import incomplete_drafts, listed
    from orchestration.serving.snapshots import published

    workspace = workspace_of(args).require()
    closed = close_month(workspace, args.partner, args.month)
    print(f"{closed.month} of {closed.partner_id} is closed: {closed.calls:,} calls and {closed.charges:,} charges are final")
    if closed.moved_calls:
        print(f"{closed.moved_calls:,} calls have no price yet and go to the next open month once they have (tikteller status)")
    for each in closed.unread:
        postponed = "they are not billed, and the draft of the next open month waits for them"
        print(f"{each.customer_id}: {each.seats()}, {each.last_read()}: {postponed}. Fix: {each.fix}")
    if closed.drafts or closed.blocked:
        print(f"{closed.drafts:,} invoices are still to be approved, {closed.blocked:,} were blocked (tikteller invoices list)")
    _tell_of_older(closed.older_drafts)
    with published(workspace, closed.partner_id) as (snapshot, _):
        incomplete = incomplete_drafts(workspace, snapshot, closed.month)
    if incomplete:
        print(f"{_drafts(len(incomplete))} of {closed.month} cannot be approved yet:", file=sys.stderr)
        _tell(list(told_some([f"{sentence} ({_drafts(len(of))})" for sentence, of in by_problem(incomplete).items()])))
    if args.no_run:
        return 0
    code = publish_decision(workspace, args.partner)
    # what a draft waited for has moved on, so it may be one that can be approved now
    if code == 0 and closed.blocked and (drafts := listed(workspace, closed.partner_id, closed.month, "draft")):
        print(f"{len(drafts):,} can be approved now: tikteller invoices approve --partner {closed.partner_id} --month {closed.month}")
    return code


def _tell_of_older(older_drafts: Mapping[str, tuple[int, Decimal]]) -> None:
    for month, (drafts, gross_eur) in older_drafts.items():
        print(f"{month} still has {_drafts(drafts)}, {gross_eur} EUR (tikteller invoices list --month {month})", file=sys.stderr)


def _drafts(many: int) -> str:
    return f"{many:,} {'draft' if many == 1 else 'drafts'}"


def _tell(remarks: Sequence[str]) -> None:
    for remark in remarks:
        print(remark, file=sys.stderr)


def _invoices_usage(args: argparse.Namespace) -> int:
    raise UsageError("invoices needs an action", fix="tikteller invoices list, approve, credit or render")


def _invoices_list(args: argparse.Namespace) -> int:
    from orchestration.billing.drafts import customer_names, listed

    workspace = workspace_of(args).require()
    rows = listed(workspace, args.partner, args.month, args.status)
    if args.format == "table" and rows:
        rows = _for_people(rows, customer_names(workspace, args.partner))
    columns = tuple(rows[0]) if rows else ("partner_id", "customer_id", "month", "invoice_id", "status")
    write(Answer(columns, [tuple(row.values()) for row in rows]), args.format, sys.stdout)
    return 0


def _for_people(rows: Sequence[Mapping[str, Any]], names: Mapping[tuple[str, str], str]) -> list[dict[str, Any]]:
    """The rows with their customers' names, and a last one that adds them up."""
    shown = []
    for row in rows:
        with_name: dict[str, Any] = {}
        for column, value in row.items():
            with_name[column] = value
            if column == "customer_id":
                with_name["customer_name"] = names.get((row["partner_id"], value))
        shown.append(with_name)
    total: dict[str, Any] = dict.fromkeys(shown[0])
    total |= {column: sum((Decimal(row[column] or 0) for row in rows), Decimal(0)) for column in ("net_eur", "vat_eur", "gross_eur")}
    return [*shown, total | {"partner_id": "total", "customer_name": f"{len(rows):,} {'invoice' if len(rows) == 1 else 'invoices'}"}]


def _invoices_approve(args: argparse.Namespace) -> int:
    from orchestration.billing.approving import approve
    from orchestration.billing.draft_problems import by_problem, told, told_some
    from orchestration.billing.drafts import INCOMPLETE, is_late, month_to_approve

    workspace = workspace_of(args).require()
    month = args.month or month_to_approve(workspace, args.partner, args.invoice_ids)
    done = approve(workspace, args.partner, month, args.invoice_ids or None, args.date, before_month_end=args.before_month_end)
    _write_approved(done.approved, args.format)
    for invoice_id in done.approved_before:
        print(f"{invoice_id} was approved before", file=sys.stderr)
    of_several = {sentence: of for sentence, of in by_problem(done.problems).items() if len(of) > 1 and of[0].reason == INCOMPLETE}
    for sentence, of in of_several.items():
        print(f"{_drafts(len(of))} are blocked: {of[0].reason}\n  {sentence}", file=sys.stderr)
    for invoice_id, reason in done.blocked.items():
        own = [each for each in done.problems[invoice_id] if each.sentence() not in of_several]
        if own or not done.problems[invoice_id]:
            print(f"{invoice_id} is blocked: {reason}", file=sys.stderr)
        for line in told(own):
            print(f"  {line}", file=sys.stderr)
    for line in told_some(done.remarks):
        print(f"remark: {line}", file=sys.stderr)
    _tell_of_older(done.older_drafts)
    if done.approved and is_late(done.approved[0].issued_on, month):
        print(f"invoices for {month} had to be issued before the 15th of the next month", file=sys.stderr)
    if not done.approved and (INCOMPLETE in done.blocked.values() or (args.invoice_ids and done.blocked)):
        return FAILED
    return publish_decision(workspace, args.partner) if done.approved and not args.no_run else 0


def _invoices_credit(args: argparse.Namespace) -> int:
    from orchestration.billing.crediting import credit

    workspace = workspace_of(args).require()
    note = credit(workspace, args.partner, args.invoice_number, args.reason, args.line, args.date)
    _write_approved([note], args.format)
    _tell(note.remarks)
    return 0 if args.no_run else publish_decision(workspace, args.partner)


def _write_approved(approved: Sequence[Approved], form: Format) -> None:
    columns = ("partner_id", "invoice_number", "invoice_id", "customer_id", "month", "gross_eur", "issued_on", "due_on")
    write(Answer(columns, [tuple(getattr(each, name) for name in columns) for each in approved]), form, sys.stdout)


def _invoices_render(args: argparse.Namespace) -> int:
    from orchestration.billing.approved import renderable_invoices
    from orchestration.documents.rendering import render_all

    workspace = workspace_of(args).require()
    if args.draft:
        return _render_drafts(workspace, args)
    invoices = renderable_invoices(workspace, args.partner, args.month, args.invoice_numbers or None)
    done = render_all(invoices, workspace.documents, profile=args.profile)
    columns = ("partner_id", "month", "invoice_number", "pdf", "ubl", "calls")
    write(Answer(columns, [tuple(str(getattr(each, name)) for name in columns) for each in done.made]), args.format, sys.stdout)
    for each in done.made:
        for remark in each.remarks:
            print(f"{each.invoice_number}: {remark}", file=sys.stderr)
    return _told_failures(done.failed, len(done.made) + len(done.failed))


def _render_drafts(workspace: Workspace, args: argparse.Namespace) -> int:
    from orchestration.billing.drafts import draft_documents, month_to_approve
    from orchestration.documents.rendering import FailedInvoice, render_draft

    if not args.partner:
        raise UsageError("drafts are those of one partner", fix="add --partner P")
    month = args.month or month_to_approve(workspace, args.partner, args.invoice_numbers)
    made, failed = [], []
    for draft in draft_documents(workspace, args.partner, month, args.invoice_numbers):
        if isinstance(draft, FailedInvoice):
            failed.append(draft)
        else:
            made.append((draft.partner_id, draft.month, draft.customer_id, str(render_draft(draft, workspace.documents))))
    write(Answer(("partner_id", "month", "customer_id", "pdf"), made), args.format, sys.stdout)
    return _told_failures(failed, len(made) + len(failed))


def _told_failures(failed: Sequence[FailedInvoice], of: int) -> int:
    for each in failed:
        print(f"{each.invoice_number} was not rendered: {each.message}", file=sys.stderr)
    if failed:
        print(f"{len(failed):,} of {of:,} were not rendered; the others are written", file=sys.stderr)
    return FAILED if failed else 0


def _vat_usage(args: argparse.Namespace) -> int:
    raise UsageError("vat needs an action", fix="tikteller vat list or file")


def _vat_list(args: argparse.Namespace) -> int:
    from orchestration.billing.vat_returns import vat_return

    _write_vat(vat_return(workspace_of(args).require(), args.partner, args.quarter), args.format)
    return 0


def _vat_file(args: argparse.Namespace) -> int:
    from orchestration.billing.vat_returns import earlier_drafts, file_return

    workspace = workspace_of(args).require()
    filed = file_return(workspace, args.partner, args.quarter)
    _write_vat(filed, args.format)
    if not filed:
        print(f"{args.quarter} of {args.partner} was filed with nothing in it", file=sys.stderr)
    _tell_of_older(earlier_drafts(workspace, args.partner, args.quarter))
    return 0 if args.no_run else publish_decision(workspace, args.partner)


def _write_vat(rows: Sequence[VatReturn], form: Format) -> None:
    columns = ("partner_id", "quarter", "vat_category", "vat_percent", "invoices", "drafts", "net_eur", "vat_eur", "filed_at")
    write(Answer(columns, [tuple(getattr(each, name) for name in columns) for each in rows]), form, sys.stdout)


def publish_decision(workspace: Workspace, partner_id: str) -> int:
    """Run the pipeline, so that readers see what was decided; fails where this partner does not have it."""
    from orchestration.pipeline.runs import run

    report = run(workspace)
    for line in report.lines() if not report.went_well else ():
        print(line, file=sys.stderr)
    return 0 if report.published or partner_id in report.partners else FAILED
