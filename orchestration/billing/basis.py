"""What the invoices of a partner are made of: its rows in one snapshot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from orchestration.billing.parties import (
    read_logo,
)
from orchestration.serving.snapshots import Row, rows_of
from orchestration.workspace import Workspace


@dataclass(frozen=True)
class Basis:
    """What documents of drafts are made of, beside the drafts: their partner, its logo, lines and customers by id, names of countries."""

    partner: Row
    logo: bytes | None
    lines: Mapping[str, Sequence[Row]]
    customers: Mapping[str, Row]
    country_names: Mapping[str, str]


def basis_of(workspace: Workspace, snapshot: duckdb.DuckDBPyConnection, month: str | None) -> Basis:
    """For the drafts of a month, or of all."""
    partner = rows_of(snapshot, "select * from partner")[0]
    of_drafts = """
        select * from invoice_lines
        where invoice_id in (select invoice_id from invoices where status in ('draft', 'blocked') and month = coalesce(?, month))
        order by invoice_id, line_number
    """
    return Basis(
        partner,
        read_logo(workspace, partner),
        by_invoice(rows_of(snapshot, of_drafts, [month])),
        {row["customer_id"]: row for row in rows_of(snapshot, "select * from customers")},
        dict(snapshot.execute("select country, name_nl from countries").fetchall()),
    )


def by_invoice(lines: Iterable[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        found.setdefault(line["invoice_id"], []).append(line)
    return found
