"""Rating days again because somebody asks for it; days whose calls are on approved invoices keep what was billed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from orchestration import serving, state
from orchestration.errors import TiktellerError
from orchestration.pipeline.runs import RunReport, run
from orchestration.progress import Progress, silent
from orchestration.workspace import Workspace

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Totals:
    """What stands published for a partner's days."""

    calls: int
    unrated: int
    sale_eur: Decimal
    purchase_eur: Decimal


@dataclass(frozen=True)
class Rerated:
    """One partner's days before and after."""

    partner_id: str
    before: Totals
    after: Totals

    @property
    def line(self) -> str:
        before, after = self.before, self.after
        if before == after:
            return f"{self.partner_id}: {after.calls:,} calls, nothing changed"
        return (
            f"{self.partner_id}: calls {before.calls:,} -> {after.calls:,}, without a price {before.unrated:,} -> {after.unrated:,}, "
            f"sale {before.sale_eur:f} -> {after.sale_eur:f}, purchase {before.purchase_eur:f} -> {after.purchase_eur:f}"
        )


def rerate(
    workspace: Workspace, first_day: date, last_day: date, partner_id: str | None = None, progress: Progress = silent
) -> tuple[RunReport, list[Rerated]]:
    """Ask for the days (both included, the partner's local days) to be rated again, and run; what changed per partner.

    A day is rated as a whole: the other partners' calls of it are rated again too, and by the same inputs get the same prices.
    """
    if last_day < first_day:
        raise TiktellerError(f"there is no day from {first_day} to {last_day}", mend="give the earlier day in --from")
    partners = serving.published_partners(workspace)
    if partner_id and partner_id not in partners:
        raise TiktellerError(f"nothing is published for partner {partner_id!r} (published: {', '.join(partners) or 'none yet'})")
    chosen = [partner_id] if partner_id else list(partners)
    before = {each: _totals(workspace, each, first_day, last_day) for each in chosen}
    with state.deciding(workspace) as decided:
        # the day on a record may be the day before or after the partner's
        decided.execute(
            state.rerate_requests.insert().values(
                first_date=f"{first_day - A_DAY}", last_date=f"{last_day + A_DAY}", reason=f"asked for {partner_id or 'all partners'}"
            )
        )
        state.note(decided, "rerate", partner_id, f"{first_day} to {last_day}")
    report = run(workspace, progress)
    return report, list(_compared(workspace, before, first_day, last_day)) if report.problem is None else []


def _compared(workspace: Workspace, before: dict[str, Totals], first_day: date, last_day: date) -> Iterator[Rerated]:
    for partner_id, earlier in before.items():
        yield Rerated(partner_id, earlier, _totals(workspace, partner_id, first_day, last_day))


def _totals(workspace: Workspace, partner_id: str, first_day: date, last_day: date) -> Totals:
    with closing(serving.connect(serving.current_snapshot(workspace, partner_id))) as snapshot:
        result = snapshot.execute(
            "select count(*) as calls, count(*) filter (where status = 'unrated') as unrated, coalesce(sum(sale_eur), 0) as sale_eur, "
            "coalesce(sum(purchase_eur), 0) as purchase_eur from calls where call_date between ? and ?",
            [first_day, last_day],
        )
        (totals,) = serving.rows_as(Totals, result)
    return totals
