"""Invoices as people decide on them: approving drafts, crediting, and handing what was approved to the documents.

A number is given at approval, in the transaction of the approval: consecutive per partner, no gap, no number twice, however many
approve at once (DOMAIN 5). What was approved is stored whole and never computed again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow.parquet as pq
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.closing import freeze, month_named, older_drafts, published
from orchestration.contracts import contract
from orchestration.documents.invoice import Branding, CallRecord, Invoice, InvoiceLine, Language, Party, round_cents
from orchestration.draft_problems import DraftProblem, draft_problems
from orchestration.errors import TiktellerError
from orchestration.output import plain
from orchestration.settlements import SettledLine, credited_by_hand, settled_since
from orchestration.workspace import Workspace

Row = Mapping[str, Any]

INVOICE, CREDIT_NOTE = "invoice", "credit_note"
CREDITED_SINCE = "older than a credit note of its customer (tikteller run, then approve)"
LEGAL_DAY = 15
"""An invoice for a month is issued before this day of the next (DOMAIN 5)."""


@dataclass(frozen=True)
class Approved:
    """One approved invoice or credit note."""

    partner_id: str
    invoice_number: str
    invoice_id: str
    customer_id: str
    month: str
    gross_eur: Decimal
    issued_on: date
    due_on: date


@dataclass(frozen=True)
class Approval:
    """What an approval did: the invoices it made, those that had been approved before, and those that are blocked, with the reason.

    ``problems`` says of a blocked one what has to be mended. ``older_drafts`` are drafts and blocked drafts of earlier months, which
    somebody may have forgotten: month -> how many, and their gross amount.
    """

    approved: Sequence[Approved]
    approved_before: Sequence[str]
    blocked: Mapping[str, str]
    problems: Mapping[str, Sequence[DraftProblem]]
    older_drafts: Mapping[str, tuple[int, Decimal]]


def approve(
    workspace: Workspace,
    partner_id: str,
    month: str,
    invoice_ids: Iterable[str] | None = None,
    issued_on: date | None = None,
) -> Approval:
    """Approve the drafts of a month (all, or the chosen), as they are published. All of them get their numbers, or none does.

    Raises TiktellerError where a chosen invoice is not there, or the partner's own data for an invoice are incomplete.
    """
    month_named(month)
    issued = issued_on or date.today()
    chosen = list(dict.fromkeys(invoice_ids)) if invoice_ids is not None else None
    with published(workspace, partner_id) as (snapshot, name):
        partner = rows_of(snapshot, "select * from partner")[0]
        require_seller(partner)
        invoices = {
            row["invoice_id"]: row
            for row in rows_of(snapshot, "select * from invoices where month = ?", [month])
            if not state.is_credited_by_hand(row["invoice_id"])
        }
        for invoice_id in chosen or ():
            if invoice_id not in invoices:
                raise TiktellerError(
                    f"{partner_id} has no invoice {invoice_id!r} in {month}", mend=f"tikteller invoices list --partner {partner_id}"
                )
        wanted = [invoices[each] for each in (chosen if chosen is not None else sorted(invoices))]
        drafts = [row for row in wanted if row["status"] == "draft"]
        blocked = {row["invoice_id"]: row["block_reason"] for row in wanted if row["status"] == "blocked"}
        lines = _by_invoice(rows_of(snapshot, "select * from invoice_lines where month = ? order by invoice_id, line_number", [month]))
        customers = {row["customer_id"]: row for row in rows_of(snapshot, "select * from customers")}
        names = dict(snapshot.execute("select country, name_nl from countries").fetchall())
        problems = draft_problems(snapshot, month)
        with state.deciding(workspace) as decided:
            older = older_drafts(decided, snapshot, partner_id, month)
            next_number = _locked_numbers(decided, partner)
            known = set(
                decided.execute(
                    sa.select(state.invoices.c.invoice_id).where(state.invoices.c.partner_id == partner_id, state.invoices.c.month == month)
                ).scalars()
            )
            fresh = [row for row in drafts if row["invoice_id"] not in known]
            overtaken = _overtaken(decided, snapshot, partner_id, fresh, lines)
            blocked |= dict.fromkeys(overtaken, CREDITED_SINCE)
            fresh = [row for row in fresh if row["invoice_id"] not in overtaken]
            final = set(
                decided.execute(
                    sa.select(state.frozen_months.c.customer_id).where(
                        state.frozen_months.c.partner_id == partner_id, state.frozen_months.c.month == month
                    )
                ).scalars()
            )
            to_freeze = [row["customer_id"] for row in fresh if row["customer_id"] not in final]
            if to_freeze:
                freeze(workspace, decided, snapshot, name, partner_id, month, to_freeze, "approval")
            made = []
            for row in fresh:
                number = next_number()
                # a draft below nothing is a credit note (the model says so): nobody has to pay it
                due = issued if row["kind"] == CREDIT_NOTE else issued + timedelta(days=partner["payment_term_days"])
                invoice = {**row, "status": "approved", "invoice_number": number, "issued_on": issued, "due_on": due}
                content = _content(invoice, lines[row["invoice_id"]], partner, customers[row["customer_id"]], names)
                made.append(_store(decided, invoice, content))
                state.note(decided, "approve", partner_id, number, row["invoice_id"])
    before = [row["invoice_id"] for row in wanted if row["status"] in ("approved", "credited") or row["invoice_id"] in known]
    return Approval(made, before, blocked, {each: problems.get(each, ()) for each in blocked}, older)


def _overtaken(
    decided: sa.Connection, snapshot: duckdb.DuckDBPyConnection, partner_id: str, drafts: Iterable[Row], lines: Mapping[str, Sequence[Row]]
) -> set[str]:
    """Drafts that settle something and are older than a credit note of their customer: what it credits may be settled on them too."""
    seen = {invoice_id for (invoice_id,) in snapshot.execute("select invoice_id from invoices").fetchall()}
    customers = {customer_id for note, customer_id in credited_by_hand(decided, partner_id).items() if note not in seen}
    return {
        row["invoice_id"]
        for row in drafts
        if row["customer_id"] in customers and any(line["settled_month"] for line in lines[row["invoice_id"]])
    }


def credit(
    workspace: Workspace,
    partner_id: str,
    invoice_number: str,
    reason: str,
    lines: Sequence[int] | None = None,
    issued_on: date | None = None,
) -> Approved:
    """A credit note for an approved invoice, whole or some of its lines; it bears the next number and refers to the invoice.

    Raises TiktellerError where there is no such invoice, or a line of it was credited before, or settled: it would be paid back twice.
    """
    with published(workspace, partner_id) as (snapshot, _), state.deciding(workspace) as decided:
        of_partner = state.invoices.c.partner_id == partner_id
        original = decided.execute(
            sa.select(state.invoices).where(of_partner, state.invoices.c.invoice_number == invoice_number, state.invoices.c.kind == INVOICE)
        ).first()
        if original is None:
            raise TiktellerError(
                f"{partner_id} has no approved invoice {invoice_number!r}", mend=f"tikteller invoices list --partner {partner_id}"
            )
        content = json.loads(original.content)
        next_number = _locked_numbers(decided, content["partner"])
        notes = decided.execute(
            sa.select(state.invoices).where(of_partner, state.invoices.c.credited_invoice_number == invoice_number)
        ).fetchall()
        # a month whose total was below nothing refers to the invoice too, and credits no line of it
        credited = {line.get("credited_line") for note in notes for line in json.loads(note.content)["lines"]}
        settled = settled_since(decided, snapshot, content["invoice"], content["lines"])
        _require_creditable(content["lines"], set(lines) if lines is not None else None, credited, settled, invoice_number)
        wanted = [line for line in content["lines"] if lines is None or line["line_number"] in lines]
        issued = issued_on or date.today()
        note = {
            **content["invoice"],
            "invoice_id": f"{original.invoice_id}-credit-{len(notes) + 1}",
            "kind": CREDIT_NOTE,
            "invoice_number": next_number(),
            "credited_invoice_number": invoice_number,
            "issued_on": issued,
            "due_on": issued,
        }
        negative = [
            {
                **line,
                "invoice_id": note["invoice_id"],
                "credited_line": line["line_number"],
                "line_number": number,
                "amount_eur": -Decimal(line["amount_eur"]),
                # what was called and delivered stays what it was: the identity of lines and calls is not touched
                "exact_eur": Decimal(0),
                "purchase_eur": Decimal(0),
            }
            for number, line in enumerate(wanted, start=1)
        ]
        net, vat = _totals(negative)
        note |= {"net_eur": net, "vat_eur": vat, "gross_eur": net + vat}
        document = {**content, "invoice": note, "lines": negative, "reason": reason}
        stored = _store(decided, note, _dumped(document))
        state.note(decided, "credit", partner_id, stored.invoice_number, f"{invoice_number}: {reason}")
    return stored


def _require_creditable(
    lines: Sequence[Row], wanted: set[int] | None, credited: set[int], settled: Sequence[SettledLine], invoice_number: str
) -> None:
    """Raises TiktellerError where a wanted line (None: all) is not on the invoice, was credited before, or was settled since."""
    on_it = {line["line_number"] for line in lines}
    wanted = on_it if wanted is None else wanted
    of_settled = {each.line_number: each for each in settled}
    left = on_it - credited - set(of_settled)
    may = f"--line N for: {_listed(left)}" if left else "nothing of it is left to credit"
    problem, mend = "", may
    if foreign := wanted - on_it:
        problem = f"line {_listed(foreign)} is not on it"
    elif again := wanted & credited:
        problem = f"line {_listed(again)} was credited before"
    elif twice := wanted & set(of_settled):
        told = (of_settled[line] for line in sorted(twice))
        by = "; ".join(f"line {each.line_number} was settled on {each.invoice_number}, line {each.settling_line}" for each in told)
        problem = f"it would be paid back twice: {by}"
        mend = f"correct the order in its feed: what remains of it is settled on the next invoice ({may})"
    if problem:
        raise TiktellerError(f"invoice {invoice_number} cannot be credited so: {problem}", mend=mend)


def _listed(lines: Iterable[int]) -> str:
    return ", ".join(map(str, sorted(lines)))


def approved_invoices(
    workspace: Workspace, partner_id: str | None = None, month: str | None = None, numbers: Sequence[str] | None = None
) -> Iterator[Invoice]:
    """What was approved, as documents need it, in the order of the numbers' making; the calls come from what was frozen with it."""
    query = sa.select(state.invoices).order_by(state.invoices.c.approved_at, state.invoices.c.invoice_number)
    for column, value in (("partner_id", partner_id), ("month", month)):
        if value is not None:
            query = query.where(state.invoices.c[column] == value)
    if numbers is not None:
        query = query.where(state.invoices.c.invoice_number.in_(list(numbers)))
    with state.engine(workspace).connect() as decided:

        @lru_cache(maxsize=2)
        def frozen(freeze_id: int) -> dict[str, list[CallRecord]]:
            content = decided.execute(sa.select(state.freezes.c.calls).where(state.freezes.c.freeze_id == freeze_id)).scalar_one()
            return _calls_by_customer(content)

        for row in decided.execute(query).fetchall():
            content = json.loads(row.content)
            freeze_id = decided.execute(
                sa.select(state.frozen_months.c.freeze_id).where(
                    state.frozen_months.c.partner_id == row.partner_id,
                    state.frozen_months.c.customer_id == row.customer_id,
                    state.frozen_months.c.month == row.month,
                )
            ).scalar_one_or_none()
            is_of_month = not state.is_credited_by_hand(row.invoice_id)
            calls = frozen(freeze_id).get(row.customer_id, []) if freeze_id is not None and is_of_month else []
            yield _document(workspace, content, calls)


def _document(workspace: Workspace, content: Row, calls: Sequence[CallRecord]) -> Invoice:
    invoice, partner, customer = content["invoice"], content["partner"], content["customer"]
    return Invoice(
        partner_id=invoice["partner_id"],
        customer_id=invoice["customer_id"],
        invoice_number=invoice["invoice_number"],
        month=invoice["month"],
        issued_on=date.fromisoformat(invoice["issued_on"]),
        due_on=date.fromisoformat(invoice["due_on"]),
        seller=party_of(partner),
        buyer=party_of(customer),
        lines=tuple(_line(line, content["country_names"]) for line in content["lines"]),
        net_eur=Decimal(invoice["net_eur"]),
        vat_eur=Decimal(invoice["vat_eur"]),
        gross_eur=Decimal(invoice["gross_eur"]),
        kind=invoice["kind"],
        credited_invoice_number=invoice.get("credited_invoice_number"),
        branding=branding_of(workspace, partner),
        language=language_of(partner, customer),
        time_zone=partner["time_zone"],
        notes=(content["reason"],) if content.get("reason") else (),
        calls=tuple(calls),
    )


def branding_of(workspace: Workspace, partner: Row) -> Branding:
    """How a partner's documents look; ``logo_file`` is a path in the workspace."""
    logo = workspace.root / partner["logo_file"] if partner.get("logo_file") else None
    return Branding(
        logo.read_bytes() if logo and logo.is_file() else None,
        partner.get("brand_color"),
        partner.get("footer"),
        partner.get("closing_name"),
    )


def language_of(partner: Row, customer: Row) -> Language:
    """Dutch for customers in NL and BE, else English (decided)."""
    return "nl" if (customer.get("country") or partner["country"]) in ("NL", "BE") else "en"


def party_of(row: Row) -> Party:
    """A partner or a customer as documents name it."""
    names = ("name", "street", "postal_code", "city", "vat_number", "coc_number", "email", "iban", "bic")
    return Party(**{name: row.get(name) for name in names}, country=row.get("country") or "NL", kind=row.get("kind") or "business")


def _line(line: Row, country_names: Mapping[str, str]) -> InvoiceLine:
    is_call = line["kind"] in ("calls", "airtime") and line.get("country") is not None
    return InvoiceLine(
        line_number=int(line["line_number"]),
        kind=line["kind"],
        description=line["description"],
        quantity=int(line["quantity"]),
        amount_eur=Decimal(line["amount_eur"]),
        vat_category=line["vat_category"],
        vat_percent=Decimal(line["vat_percent"]),
        country=line.get("country"),
        country_name=country_names.get(line["country"]) if is_call else None,
        line_type=line.get("line_type"),
        service_code=line.get("service_code"),
        pbx_id=line.get("pbx_id"),
        duration_s=int(line["duration_s"]) if line.get("duration_s") is not None else None,
        service_name=line.get("service_name"),
        settled_month=line.get("settled_month"),
        period_start=date.fromisoformat(line["period_start"]) if line.get("period_start") else None,
        period_end=date.fromisoformat(line["period_end"]) if line.get("period_end") else None,
    )


def _calls_by_customer(content: bytes) -> dict[str, list[CallRecord]]:
    rated = pq.read_table(io.BytesIO(content)).to_pylist()
    found: dict[str, list[CallRecord]] = {}
    for call in sorted(rated, key=lambda each: (each["customer_id"], each["started_at"], each["call_key"])):
        if call["status"] != "rated":
            continue
        found.setdefault(call["customer_id"], []).append(
            CallRecord(
                call_date=call["call_date"],
                started_at=call["started_at"],
                caller=call["caller"] or "",
                callee=call["callee"],
                duration_s=call["billed_s"],
                amount_eur=call["sale_eur"],
                destination=call["destination"],
                country=call["country"],
                line_type=call["line_type"],
                kind="airtime" if call["leg"] == "airtime" else "calls",
            )
        )
    return found


def _locked_numbers(decided: sa.Connection, partner: Row) -> Callable[[], str]:
    """The partner's numbers, its sequence locked until the transaction ends; each call gives the next."""
    partner_id = partner["partner_id"]
    sequences = state.invoice_sequences
    insert = state.insert_or_ignore(decided, sequences)
    decided.execute(insert, [{"partner_id": partner_id, "last_number": int(partner["last_invoice_number"])}])
    query = sa.select(sequences.c.last_number).where(sequences.c.partner_id == partner_id).with_for_update()
    last = decided.execute(query).scalar_one()
    # a partner may move its sequence forward, never back onto a number that was given
    last = max(last, int(partner["last_invoice_number"]))

    def following() -> str:
        nonlocal last
        last += 1
        decided.execute(sequences.update().where(sequences.c.partner_id == partner_id).values(last_number=last))
        return f"{partner['invoice_prefix']}{last:0{int(partner['invoice_number_length'])}d}{partner['invoice_suffix']}"

    return following


def _store(decided: sa.Connection, invoice: Row, content: str) -> Approved:
    decided.execute(
        state.invoices.insert().values(
            partner_id=invoice["partner_id"],
            invoice_number=invoice["invoice_number"],
            invoice_id=invoice["invoice_id"],
            kind=invoice["kind"],
            credited_invoice_number=invoice.get("credited_invoice_number"),
            customer_id=invoice["customer_id"],
            month=invoice["month"],
            issued_on=f"{invoice['issued_on']}",
            due_on=f"{invoice['due_on']}",
            content=content,
            content_sha256=state.sha256(content.encode()),
            approved_at=state.now(),
            approved_by=state.whoami(),
        )
    )
    return Approved(
        invoice["partner_id"],
        invoice["invoice_number"],
        invoice["invoice_id"],
        invoice["customer_id"],
        invoice["month"],
        Decimal(invoice["gross_eur"]),
        invoice["issued_on"],
        invoice["due_on"],
    )


def _content(invoice: Row, lines: Sequence[Row], partner: Row, customer: Row, country_names: Mapping[str, str]) -> str:
    used = {line["country"] for line in lines if line["country"]}
    return _dumped(
        {
            "invoice": {name: invoice[name] for name in contract("invoices")},
            "lines": [dict(line) for line in lines],
            "partner": dict(partner),
            "customer": dict(customer),
            "country_names": {country: country_names[country] for country in sorted(used) if country in country_names},
        }
    )


def _dumped(content: Row) -> str:
    return json.dumps(content, default=plain, ensure_ascii=False, sort_keys=True)


def _totals(lines: Sequence[Row]) -> tuple[Decimal, Decimal]:
    """Net and VAT, rounded once per category on the sum of its lines."""
    by_category: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        key = (line["vat_category"], f"{line['vat_percent']}")
        by_category[key] = by_category.get(key, Decimal(0)) + Decimal(line["amount_eur"])
    vat = sum((round_cents(net * Decimal(percent) / 100) for (_, percent), net in by_category.items()), Decimal(0))
    return sum(by_category.values(), Decimal(0)), vat


def require_seller(partner: Row) -> None:
    """Raises TiktellerError where the law wants more of the partner on its documents than has landed."""
    missing = [name for name in ("street", "postal_code", "city", "vat_number", "coc_number", "iban") if not partner.get(name)]
    if missing:
        raise TiktellerError(
            f"{partner['partner_id']} cannot send invoices yet: its {', '.join(missing)} must stand on them",
            mend="land them in feed partners",
        )


def rows_of(connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any] = ()) -> list[dict[str, Any]]:
    """The rows that a question to a snapshot finds, by column."""
    result = connection.execute(sql, list(values))
    columns = [column[0] for column in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _by_invoice(lines: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line["invoice_id"], []).append(line)
    return found


def listed(
    workspace: Workspace, partner_id: str | None = None, month: str | None = None, status: str | None = None
) -> list[dict[str, Any]]:
    """Invoices as they stand: what is published, and what was decided since."""
    decided: dict[tuple[str, str], sa.Row] = {}
    if state.version(workspace):
        with state.engine(workspace).connect() as connection:
            decided = {(row.partner_id, row.invoice_id): row for row in connection.execute(sa.select(state.invoices))}
    columns = (
        "partner_id, customer_id, month, invoice_id, kind, invoice_number, credited_invoice_number, status, block_reason, net_eur, "
        "vat_eur, gross_eur, issued_on, due_on"
    )
    found: list[dict[str, Any]] = []
    for partner in [partner_id] if partner_id else serving.published_partners(workspace):
        with closing(serving.connect(serving.current_snapshot(workspace, partner))) as snapshot:
            found += rows_of(snapshot, f"select {columns} from invoices")
    seen = {(row["partner_id"], row["invoice_id"]) for row in found}
    for row in found:
        newer = decided.get((row["partner_id"], row["invoice_id"]))
        if newer is not None and row["status"] in ("draft", "blocked"):
            row |= {
                "status": "approved",
                "block_reason": None,
                "invoice_number": newer.invoice_number,
                "issued_on": date.fromisoformat(newer.issued_on),
                "due_on": date.fromisoformat(newer.due_on),
            }
    for key, row in decided.items():
        if key not in seen and partner_id in (None, row.partner_id):
            invoice = json.loads(row.content)["invoice"]
            found.append({name: invoice.get(name) for name in found[0]} if found else dict(invoice))
    kept = [row for row in found if month in (None, row["month"]) and status in (None, row["status"])]
    return sorted(kept, key=lambda row: (row["partner_id"], row["month"], row["customer_id"], row["invoice_id"]))


def is_late(issued_on: date, month: str) -> bool:
    """Whether an invoice for ``month`` is issued later than the law wants: on or after the 15th of the next month."""
    following = (date.fromisoformat(f"{month}-01") + timedelta(days=31)).replace(day=LEGAL_DAY)
    return issued_on >= following


def month_to_approve(workspace: Workspace, partner_id: str, invoice_ids: Sequence[str] = ()) -> str:
    """The month of the chosen invoices, else the last one that is over and has drafts. Raises TiktellerError where that names no month."""
    rows = listed(workspace, partner_id)
    months = sorted({row["month"] for row in rows if (row["invoice_id"] in invoice_ids if invoice_ids else row["status"] == "draft")})
    if invoice_ids and len(months) == 1:
        return months[0]
    with closing(serving.connect(serving.current_snapshot(workspace, partner_id))) as snapshot:
        (newest,) = snapshot.execute("select max(call_date) from daily_calls").fetchone()
    over = [month for month in months if newest and f"{newest + timedelta(days=1)}"[:7] > month]
    if invoice_ids or not over:
        raise TiktellerError(f"no month of {partner_id} can be told to be meant", mend="name it: --month 2026-10")
    return over[-1]
