"""What becomes final: the calls and charges of a month, kept as they are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import closing

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.errors import TiktellerError
from orchestration.serving.publishing import ledger_fingerprint
from orchestration.workspace import PLATFORM, Workspace

FROZEN_CALLS = """
    select calls.*, files.content as file_sha256
    from calls left join (select distinct file_id, {content} as content from ingested_files) as files using (file_id)
    where calls.billing_month = $month and calls.status <> 'unrated' and calls.customer_id in (select unnest($customers::varchar[]))
    order by calls.call_key
"""

FROZEN_CHARGES = """
    select * from service_charges
    where invoice_month = $month and status_reason is null and customer_id in (select unnest($customers::varchar[]))
    order by customer_id, kind, service_code, order_id, line_number, pbx_id, month
"""


def freeze(
    workspace: Workspace,
    decided: sa.Connection,
    snapshot: duckdb.DuckDBPyConnection,
    snapshot_name: str,
    partner_id: str,
    month: str,
    customers: Sequence[str],
    occasion: str,
) -> tuple[int, int]:
    """Store what is published for these customers and this month, in the transaction of the decision; returns calls and charges."""
    # by its text a file is known again in any compression
    content = "coalesce(content_sha256, sha256)" if _names_texts(snapshot) else "sha256"
    calls, charges = (
        snapshot.sql(sql, params={"month": month, "customers": list(customers)}).to_arrow_table()
        for sql in (FROZEN_CALLS.format(content=content), FROZEN_CHARGES)
    )
    calls_bytes, charges_bytes = _parquet(calls), _parquet(charges)
    freeze_id = state.id_of(
        decided.execute(
            state.freezes.insert().values(
                partner_id=partner_id,
                month=month,
                occasion=occasion,
                snapshot=snapshot_name,
                made_at=state.now(),
                made_by=state.whoami(),
                calls=calls_bytes,
                calls_sha256=state.sha256(calls_bytes),
                charges=charges_bytes,
                charges_sha256=state.sha256(charges_bytes),
            )
        )
    )
    if customers:
        decided.execute(
            state.frozen_months.insert(),
            [{"customer_id": each, "month": month, "partner_id": partner_id, "freeze_id": freeze_id} for each in customers],
        )
    with closing(serving.connect(serving.current_snapshot(workspace, PLATFORM))) as platform:
        files = _files_known_to(snapshot, platform, partner_id)
    if files:
        decided.execute(
            state.insert_or_ignore(decided, state.frozen_files),
            [{"partner_id": partner_id, "sha256": each, "freeze_id": freeze_id} for each in files],
        )
    for first_date, last_date in _days_left_open(snapshot, month, customers):
        decided.execute(
            state.rerate_requests.insert().values(first_date=first_date, last_date=last_date, reason=f"{occasion} {partner_id} {month}")
        )
    return calls.num_rows, charges.num_rows


def _files_known_to(snapshot: duckdb.DuckDBPyConnection, platform: duckdb.DuckDBPyConnection, partner_id: str) -> list[str]:
    """Contents of the files that the partner's snapshot was made from: of one that was held back, fewer than the platform knows.

    A file that is taken for known though its calls are in no snapshot would be billed to nobody.
    """
    own, whole = serving.edition_of(snapshot), serving.edition_of(platform)
    if own.get("snapshot") == whole.get("snapshot") or "ledger" not in own:
        return _known_texts(platform)
    if own["ledger"] != ledger_fingerprint(platform, "ingested_files", own["through_file_id"]):
        raise TiktellerError(
            f"the snapshot of {partner_id} was held back, and the warehouse has been made anew since: nobody knows which calls it had",
            fix="fix what holds it back (tikteller status), tikteller run, then again",
        )
    return _known_texts(platform, own["through_file_id"])


def _known_texts(platform: duckdb.DuckDBPyConnection, through_file_id: int | None = None) -> list[str]:
    """By what the files up to that one (None: all) can be known again: their bytes, and their text in any compression."""
    known = "unnest([sha256, content_sha256])" if _names_texts(platform) else "sha256"
    rows = platform.execute(
        f"select distinct {known} as known from ingested_files where file_id <= coalesce(?, file_id)", [through_file_id]
    ).fetchall()
    return [row[0] for row in rows if row[0]]


def _names_texts(snapshot: duckdb.DuckDBPyConnection) -> bool:
    """Whether the snapshot says what text a file has; older ones know only its bytes."""
    return "content_sha256" in {row[0] for row in snapshot.execute("describe ingested_files").fetchall()}


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def _days_left_open(snapshot: duckdb.DuckDBPyConnection, month: str, customers: Sequence[str]) -> list[tuple[str, str]]:
    """Days with calls of the month that were not frozen: they have to move to the next open month."""
    rows = snapshot.execute(
        "select distinct cdr_date from calls where billing_month = $month and status = 'unrated'"
        " and customer_id in (select unnest($customers::varchar[])) order by 1",
        {"month": month, "customers": list(customers)},
    ).fetchall()
    return [(f"{day}", f"{day}") for (day,) in rows]
