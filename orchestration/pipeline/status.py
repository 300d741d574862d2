"""What stands published, what waits and what the last run said; read without the warehouse, so also while a run goes on."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from typing import Any, TextIO

import duckdb

from orchestration import run_lock, serving, state
from orchestration.billing.draft_problems import by_problem
from orchestration.errors import TiktellerError
from orchestration.landing import register
from orchestration.landing.arrivals import arrivals
from orchestration.landing.waiting import published_files, waiting_among
from orchestration.output import Answer, Format, records, write
from orchestration.serving.snapshots import asked
from orchestration.workspace import PLATFORM, Workspace

PLATFORM_QUESTIONS = {
    "not_as_expected": "select held_because as what from partner_snapshots where partner_id is null order by 1",
    "feeds": """
        select
            feed, count(*) as files, sum(rows_read)::bigint as rows_read, sum(rows_kept)::bigint as rows_kept,
            sum(rows_duplicate)::bigint as rows_duplicate, sum(rows_quarantined)::bigint as rows_quarantined,
            date_trunc('second', max(ingested_at)) as newest_at
        from ingested_files group by feed order by feed
    """,
    "refused_files": """
        select feed, file, reject_reason as reason, size_bytes, rows_read
        from ingested_files where reject_reason is not null order by ingested_at desc, file
    """,
    "withdrawn": """
        select feed, file, file_id, withdrawn_at from ingested_files where withdrawn_at is not null order by file_id desc limit 50
    """,
    "quarantine": """
        select reason, count(*) as rows, string_agg(distinct feed, ', ' order by feed) as feeds
        from quarantine group by reason order by rows desc, reason
    """,
    "rows_to_fix": """
        select file, line, reason, fix from quarantine
        where feed not like 'cdrs/%' and fix is not null and reason <> 'deck_version_blocked' order by file_id desc, line limit 50
    """,
    "deck_problems": """
        select
            deck_id, file, problem, count(distinct line) as lines, min(line) as first_line, any_value(fix order by line) as fix,
            case when not is_blocking then 'reported' when is_overtaken then 'held back, overtaken' else 'held back' end as version
        from deck_problems group by deck_id, file, problem, is_blocking, is_overtaken, ingested_at
        order by ingested_at desc, file, deck_id, problem
    """,
    "unrated_calls": """
        select partner_id, status_reason as reason, billing_month as month, sum(calls)::bigint as calls, min(fix) as fix
        from unrated_calls group by all order by all
    """,
    "held_back": """
        select
            partner_id, month, reason, subject, count(distinct invoice_id) as drafts, sum(occurrences)::bigint as occurrences,
            min(example) as example, min(fix) as fix
        from draft_problems where reason <> 'missing_reading' group by partner_id, month, reason, subject
        order by month, partner_id, drafts desc, reason, subject limit 50
    """,
    "unread_pbxs": """
        select partner_id, month, customer_id, subject as pbx_id, charged_month, example as last_read_on, fix
        from draft_problems where reason = 'missing_reading' order by all
    """,
    "overdue": """
        select
            partner_id, as_of_date, sum(open_eur) filter (where open_eur > 0)::decimal(18, 2) as open_eur,
            coalesce(sum(open_eur) filter (where days_overdue > 0), 0)::decimal(18, 2) as overdue_eur,
            count(*) filter (where days_overdue > 0) as overdue_invoices,
            count(distinct customer_id) filter (where days_overdue > 0) as overdue_customers
        from open_items where invoice_id is not null
        group by partner_id, as_of_date having sum(open_eur) filter (where open_eur > 0) > 0 order by all
    """,
    "unowned_payments": """
        select partner_id, invoice_number, status_reason as reason, happened_on as paid_on, -amount_eur as amount_eur, file, line, fix
        from (
            select
                *, sum(amount_eur) over (partition by partner_id, settles_invoice_number) as total_eur,
                case status_reason
                    when 'ambiguous_invoice' then 'several partners have this number: withdraw the file, give partner_id, land it'
                    else 'no invoice has this number: withdraw the file, fix the number, land it'
                end as fix
            from receivables
            where kind = 'payment' and status_reason in ('unknown_invoice', 'ambiguous_invoice')
        )
        where total_eur <> 0 order by happened_on desc, file, line limit 50
    """,
    "unmatched": """
        select partner_id, feed, reason, count(*) as rows, min(value) as example, min(fix) as fix
        from unmatched_rows group by partner_id, feed, reason order by all
    """,
    "mandates": """
        select partner_id, customer_id, mandate_problem, iban, mandate_id from mandates where mandate_problem is not null order by all
    """,
    "unguarded": "select partner_id, customer_id, ids_range_eur from ids_ranges where range_problem is not null order by all",
    "months": "select partner_id, month, status, calls, unrated_calls, sale_eur, margin_eur from partner_months order by all",
}
"""Section -> its question to the platform's snapshot."""

HEADINGS = {
    "partners": "Published",
    "not_as_expected": "Landed, not as expected, and nobody's that is known",
    "feeds": "Files and rows",
    "refused_files": "Files refused as a whole",
    "quarantine": "Quarantine",
    "rows_to_fix": "Rows to fix (call records apart, the newest 50)",
    "deck_problems": "Deck problems",
    "unrated_calls": "Calls without a price",
    "held_back": "Drafts kept back (the first 50 reasons)",
    "incomplete": "Drafts whose documents could not be made as they should (approve refuses them)",
    "unread_pbxs": "PBXs without a reading at the month's end: drafts kept back",
    "overdue": "Not paid (as of the newest day that landed)",
    "unowned_payments": "Payments that settle no invoice (the newest 50)",
    "unmatched": "Landed, and can never match anything (table unmatched_rows)",
    "mandates": "Mandates that cannot be used",
    "unguarded": "Customers whose IDS range cannot be read",
    "months": "Months (calls, in the month in which they were made)",
    "waiting": "Waiting in landing (not published)",
    "pending": "Landed, and neither published nor withdrawn (fix what the last run says, or tikteller withdraw FILE)",
    "withdrawn": "Withdrawn (land it again to bring it back)",
}

PENDING_COLUMNS = ("feed", "file", "file_id", "arrived_at", "in_landing")
INCOMPLETE_COLUMNS = ("partner_id", "drafts", "example", "subject", "why", "fix")
WAITING_COLUMNS = ("feed", "files", "size_bytes")
PARTNER_COLUMNS = ("partner_id", "newest_call_at", "calls", "published_at", "snapshot", "held_because")


@dataclass(frozen=True)
class Status:
    """The sections in the order in which an operator reads them. ``last_run`` is the report that the run left; None before one."""

    sections: dict[str, Answer]
    strays: list[str] = field(default_factory=list)
    last_run: dict[str, Any] | None = None
    running: str | None = None
    warnings: list[str] = field(default_factory=list)

    @property
    def is_well(self) -> bool:
        """For monitors: all that landed is published, and the last run said so."""
        run = self.last_run
        waits = any(self.sections[name].rows for name in ("waiting", "pending") if name in self.sections)
        return bool(run and run.get("published") and not run.get("pending") and not waits)

    def write(self, form: Format, stream: TextIO) -> None:
        """table: a heading and a table per section that has rows; json: one object; csv: one line per value of every section."""
        if form == "json":
            sections = {name: list(records(answer)) for name, answer in self.sections.items()}
            whole = {"running": self.running, "last_run": self.last_run, **sections, "not_read": self.strays, "warnings": self.warnings}
            stream.write(json.dumps(whole, ensure_ascii=False, indent=2) + "\n")
        elif form == "csv":
            write(Answer(("section", "row", "column", "value"), self._values()), "csv", stream)
        else:
            if self.running:
                stream.write(f"a run is going on: {self.running}\n")
            stream.write(f"{self._headline()}\n")
            stream.writelines(f"WARNING: {warning}\n" for warning in self.warnings)
            for name, answer in self.sections.items():
                if answer.rows:
                    stream.write(f"\n{HEADINGS[name]}\n")
                    write(answer, "table", stream)
            stream.writelines(f"not read: {stray}\n" for stray in self.strays)

    def _headline(self) -> str:
        if self.last_run is None:
            return "nothing run yet; Fix: tikteller run"
        run = self.last_run
        problem = "; ".join(str(run.get("problem")).splitlines())
        if run.get("published"):
            fate = f"published {run['snapshot']}"
        elif run.get("problem") is None and run.get("snapshot"):
            held = ", ".join(str(each.get("partner_id")) for each in run.get("held") or ())
            fate = f"published {run['snapshot']}{f', NOT for {held}' if held else ', with files that are not as expected'}"
        else:
            fate = f"NOT published: {problem}"
        return f"last run: started {run.get('started_at')}, {run.get('seconds', 0):.0f} s, {fate}"

    def _values(self) -> Iterator[tuple]:
        for name, answer in self.sections.items():
            for number, row in enumerate(answer.rows, start=1):
                for column, value in zip(answer.columns, row, strict=True):
                    yield name, number, column, value


def status(workspace: Workspace) -> Status:
    """Everything there is to know without running. Sections whose tables are not published yet are left out."""
    workspace.require()
    found, strays = arrivals(workspace.landing)
    landed: set[tuple[str, str]] = set()
    warnings: list[str] = []
    sections: dict[str, Answer] = {}
    standing: dict[str, tuple[str | None, str | None]] = {}
    try:
        registered = register.read(workspace)
    except TiktellerError as error:
        registered = []
        warnings.append(str(error))
    with ExitStack() as opened:
        platform = None
        try:
            snapshot = serving.current_snapshot(workspace, PLATFORM)
            platform = opened.enter_context(closing(serving.connect(snapshot)))
            state.require_not_older(workspace)
            state.require_known(workspace, serving.edition_of(platform), snapshot)
        except TiktellerError as error:
            if platform or (workspace.serving / PLATFORM / serving.POINTER).exists():
                warnings.append(str(error))
        if platform:
            where = asked(platform, "select partner_id, snapshot, held_because from partner_snapshots where partner_id is not null")
            standing = {partner_id: (name, why) for partner_id, name, why in where.rows} if where else {}
        sections["partners"] = Answer(PARTNER_COLUMNS, list(_partners(workspace, standing, warnings)))
        if platform:
            sections |= {name: answer for name, sql in PLATFORM_QUESTIONS.items() if (answer := asked(platform, sql))}
            landed = published_files(workspace, platform, registered)
        sections["incomplete"] = Answer(INCOMPLETE_COLUMNS, list(_incomplete(workspace)))
    waiting: dict[str, tuple[int, int]] = {}
    for each in waiting_among(workspace, found, landed, registered):
        files, size_bytes = waiting.get(each.feed.name, (0, 0))
        waiting[each.feed.name] = (files + 1, size_bytes + each.size_bytes)
    sections["waiting"] = Answer(WAITING_COLUMNS, [(feed, *sizes) for feed, sizes in waiting.items()])
    names = {each.file for each in found}
    sections["pending"] = Answer(
        PENDING_COLUMNS,
        [(each.feed, each.file, each.file_id, each.arrived_at, each.file in names) for each in registered if each.is_pending],
    )
    last_run = _last_run(workspace, warnings)
    return Status(sections, [f"{stray.file}: {stray.why}" for stray in strays], last_run, run_lock.holder(workspace), warnings)


def _partners(workspace: Workspace, standing: Mapping[str, tuple[str | None, str | None]], warnings: list[str]) -> Iterator[tuple]:
    """A row for each partner: what it sees, and why that is not the newest; ``warnings`` gets what is wrong with a file."""
    published = serving.published_partners(workspace)
    for partner_id in sorted({*published, *standing}):
        name, why = standing.get(partner_id, (None, None))
        if partner_id not in published:
            if name is not None:
                warnings.append(f"the snapshot {name} of {partner_id} is gone. Fix: {serving.MADE_ANEW}")
            yield partner_id, None, None, None, None, why
            continue
        snapshot = serving.current_snapshot(workspace, partner_id)
        try:
            with closing(serving.connect(snapshot)) as connection:
                calls = asked(connection, "select max(started_at), count(*) from calls")
                published_at = asked(connection, "select date_trunc('second', published_at) from _snapshot")
        except TiktellerError as error:
            warnings.append(str(error))
            yield partner_id, None, None, None, snapshot.stem, why
            continue
        newest, count = next(iter(calls.rows)) if calls else (None, None)
        (at,) = next(iter(published_at.rows), (None,)) if published_at else (None,)
        yield partner_id, newest, count, at, snapshot.stem, why


def _incomplete(workspace: Workspace) -> Iterator[tuple]:
    """What of partners and customers keeps drafts from getting their numbers, though no model holds them back."""
    from orchestration.billing.drafts import incomplete_drafts

    for partner_id in serving.published_partners(workspace):
        # a snapshot that cannot be read is told with its partner; one of before may lack a column
        with suppress(TiktellerError, duckdb.Error, LookupError):
            with closing(serving.connect(serving.current_snapshot(workspace, partner_id))) as snapshot:
                found = incomplete_drafts(workspace, snapshot)
            for of in by_problem(found).values():
                yield partner_id, len(of), of[0].invoice_id, of[0].subject, of[0].why, of[0].fix


def _last_run(workspace: Workspace, warnings: list[str]) -> dict[str, Any] | None:
    try:
        return dict(json.loads(workspace.last_run.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        warnings.append(f"{workspace.last_run} is not readable; the next run writes it anew")
        return None
