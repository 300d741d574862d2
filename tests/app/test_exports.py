"""Fails if a file that finance books from differs from what the page shows, or runs a formula that a customer wrote into his name."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from openpyxl import load_workbook

from apps.exports import Column, Report, to_csv, to_xlsx

NAMES = ('=HYPERLINK("http://x","y")', "+31 bv", "-1+1", "@sum", 'Café \'t Hoekje; "De Kade"', "3-4")
AMOUNTS = tuple(Decimal(amount) for amount in ("0.004500", "1234567.891234", "-12.500000", "0.000000", "19.990000", "1.005000"))


@pytest.fixture
def report() -> Report:
    rows = pd.DataFrame(
        {
            "customer": NAMES,
            "line_type": ["FIX", "MOB", None, "FIX", "MOB", "SPECIAL"],
            "sale_eur": AMOUNTS,
            "margin_percent_of_sale": pd.Series([None, *[Decimal("12.34")] * 5], dtype=object),
        }
    )
    return Report(
        file_name="margins",
        title="Marges",
        total_heading="Totaal",
        parameters_heading="Gegevens",
        columns=(
            Column("customer", "Klant"),
            Column("line_type", "Soort lijn", words={"FIX": "vast", "MOB": "mobiel"}),
            Column("sale_eur", "Verkoop", "money"),
            Column("margin_percent_of_sale", "Marge %", "percent"),
        ),
        rows=rows,
        totals={"sale_eur": sum(AMOUNTS), "margin_percent_of_sale": None},
        parameters=(("Stand van", "22 november 2026 07:15"),),
    )


def sheet(book: bytes, number: int) -> list[list[tuple[Any, str]]]:
    """Cells of one sheet as (value, type): n a number, s text, f a formula; read without the library that wrote them."""
    return [[(cell.value, cell.data_type) for cell in row] for row in load_workbook(io.BytesIO(book)).worksheets[number - 1].rows]


def test_csv_holds_every_amount_exactly(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report).decode())))
    assert [Decimal(row["sale_eur"]) for row in rows] == list(AMOUNTS)
    assert sum(Decimal(row["sale_eur"]) for row in rows) == report.totals["sale_eur"]
    assert [row["line_type"] for row in rows] == ["FIX", "MOB", "", "FIX", "MOB", "SPECIAL"], "codes as published, not words"


def test_csv_disarms_formulas_and_leaves_numbers_alone(report: Report) -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report).decode())))
    assert not any(re.match(r"[=+@-]", row["customer"]) for row in rows)
    assert rows[4]["customer"] == NAMES[4]
    assert rows[5]["customer"] == NAMES[5]
    assert rows[2]["sale_eur"] == "-12.500000"


def test_xlsx_is_the_table_with_its_total(report: Report) -> None:
    heading, *rows, total = sheet(to_xlsx(report), 1)
    assert [value for value, _ in heading] == ["Klant", "Soort lijn", "Verkoop", "Marge %"]
    assert [row[0][0] for row in rows] == list(NAMES)
    assert [row[1][0] for row in rows] == ["vast", "mobiel", None, "vast", "mobiel", "SPECIAL"]
    assert [Decimal(str(row[2][0])) for row in rows] == list(AMOUNTS)
    assert total[0][0] == "Totaal"
    assert Decimal(str(total[2][0])) == report.totals["sale_eur"]


def test_xlsx_runs_nothing(report: Report) -> None:
    book = to_xlsx(report)
    assert {kind for row in sheet(book, 1) for _, kind in row} == {"s", "n"}
    assert "hyperlink" not in zipfile.ZipFile(io.BytesIO(book)).read("xl/worksheets/sheet1.xml").decode().lower()


def test_xlsx_says_what_was_asked_and_as_of_when(report: Report) -> None:
    assert [[value for value, _ in row] for row in sheet(to_xlsx(report), 2)] == [["Stand van", "22 november 2026 07:15"]]
