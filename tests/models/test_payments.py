"""A payment is a payment: it counts once, however often its file is written, and two that look alike are two."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from decimal import Decimal

from orchestration import warehouse
from orchestration.landing import ledger
from orchestration.landing.ingest import ingest
from orchestration.workspace import Workspace
from tests.models.conftest import failures, run_dbt

HEADER = "invoice_number,paid_on,amount_eur,partner_id,reference"
SEARCHED = {
    "twice in one file": ("TWICE", "121.00"),
    "paid and returned": ("BACK", "0.00"),
    "grown": ("GROWN", "70.00"),
    "grown on top": ("TOP", "70.00"),
    "fixed in its place": ("FIXED", "90.00"),
    "another file": ("OTHER", "20.00"),
    "the same file again": ("AGAIN", "11.00"),
    "the place is used again": ("PLACE", "3.00"),
    "a reference twice": ("REF", "60.50"),
    "returned under its reference": ("RETURNED", "0.00"),
    "returned under its reference that day": ("RETURNED2", "0.00"),
    "a reference for two invoices": ("REF2", "5.00"),
    "another reference": ("REF3", "4.00"),
    "a number spelled otherwise": ("REF4", "8.00"),
    "two partners": ("BOTH", "2.00"),
    "nobody": ("NOBODY", None),
    "compressed": ("ZIPPED", "12.00"),
}
"""What is shown -> the invoice number (without case and blanks) and what is paid of it."""

FIRST = {
    "bank": (
        "TWICE,2026-10-10,60.50,,", "TWICE,2026-10-10,60.50,,",
        "BACK,2026-10-10,121,,", "BACK,2026-10-10,-121,,",
        "REF,2026-10-10,6.05,,R1", "REF2,2026-10-10,5,,R1",
        "REF3,2026-10-10,2,,R2", "REF3,2026-10-10,2,,R3",
        "REF4,2026-10-10,80,,R4",
        "BOTH,2026-10-10,1,P,R5", "BOTH,2026-10-10,1,Q,R5",
        "RETURNED,2026-10-10,121,,R6", "RETURNED2,2026-10-10,121,,R6", "RETURNED2,2026-10-10,-121,,R6",
        "NOBODY,2026-10-10,1,X,",
    ),
    "grown": ("GROWN,2026-10-10,60,,",),
    "top": ("TOP,2026-10-10,60,,",),
    "fixed": ("FIXED,2026-10-10,60,,",),
    "place": ("PLACE,2026-10-10,1,,",),
    "other": ("OTHER,2026-10-10,10,,",),
    "again": ("AGAIN,2026-10-10,11,,",),
    "zipped": ("ZIPPED,2026-10-10,6,,",),
}  # fmt: skip
THEN = {
    "bank-2": ("REF,2026-10-10,60.50,,R1", "ref 4,2026-10-10,8,,R4", "RETURNED,2026-10-12,-121,,R6"),
    "grown": ("GROWN,2026-10-10,60,,", "GROWN,2026-10-10,10,,"),
    "top": ("TOP,2026-10-11,10,,", "TOP,2026-10-10,60,,"),
    "fixed": ("FIXED,2026-10-10,90,,",),
    "place": ("PLACE,2026-10-11,2,,",),
    "other-2": ("OTHER,2026-10-10,10,,", "OTHER-2,2026-10-10,1,,"),
    "again-2": ("AGAIN,2026-10-10,11,,",),
}


def test_a_payment_counts_once_and_two_that_look_alike_are_two(new_workspace: Workspace) -> None:
    """A customer would be dunned for what it paid twice on one day, or what it paid would count double in a file that grew."""
    (new_workspace.landing / "partners").mkdir(parents=True)
    (new_workspace.landing / "partners" / "a.csv").write_text("partner_id,name,tier,deck_id\nP,P,premium,D\nQ,Q,premium,D\n")
    for files in (FIRST, THEN):
        for name, rows in files.items():
            _write(new_workspace, name, rows)
        _ingest(new_workspace)
    (new_workspace.landing / "payments" / "zipped.csv").unlink()
    _write(new_workspace, "zipped", (*FIRST["zipped"], "ZIPPED,2026-10-12,6,,"), ending=".csv.gz")
    _ingest(new_workspace)
    chosen = ("+stg_landing__payments", "+int_landed_rows")
    results = run_dbt(new_workspace, "build", "--select", *chosen, "--resource-type", "model", "--resource-type", "seed")
    assert not failures(results), "\n".join(failures(results))
    with warehouse.connect(new_workspace, read_only=True) as connection:
        amounts = "select invoice_key, sum(amount_eur)::decimal(18, 2) from staging.stg_landing__payments group by all"
        fates = "select reason, count(*) from intermediate.int_landed_rows where feed = 'payments' and disposition <> 'kept' group by all"
        paid, told = (dict(connection.execute(question).fetchall()) for question in (amounts, fates))
    found = {what: paid.get(number) for what, (number, _) in SEARCHED.items()}
    assert found == {what: amount and Decimal(amount) for what, (_, amount) in SEARCHED.items()}
    assert told == {"replaced": 6, "unknown_partner": 1}, "the ledger says of every row what it became"


def _write(workspace: Workspace, name: str, rows: Iterable[str], ending: str = ".csv") -> None:
    path = workspace.landing / "payments" / f"{name}{ending}"
    path.parent.mkdir(exist_ok=True)
    content = "\n".join((HEADER, *rows, "")).encode()
    path.write_bytes(gzip.compress(content) if ending.endswith(".gz") else content)


def _ingest(workspace: Workspace) -> None:
    with warehouse.connect(workspace) as connection:
        ledger.create_raw(connection)
        ingest(workspace, connection, "now")
