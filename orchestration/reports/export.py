"""One report as one file: asked, written row by row, counted; in bounded memory whatever its size."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from orchestration.progress import Progress, silent
from orchestration.reports import answering
from orchestration.reports.contents import Column, Contents, RunningTotals
from orchestration.reports.definition import MEANINGS, Report, kind_of
from orchestration.reports.delimited import DIALECTS, write_csv
from orchestration.reports.question import Question, question
from orchestration.serving.sql import FETCH_ROWS, Edition, editions, opened
from orchestration.workspace import Workspace

FileFormat = Literal["csv", "xlsx", "parquet"]
FILE_FORMATS: tuple[FileFormat, ...] = ("csv", "xlsx", "parquet")
Locale = Literal["en", "nl"]

SAID_EVERY_S = 10


@dataclass(frozen=True)
class Exported:
    """What was written."""

    rows: int
    seconds: float


def export(
    workspace: Workspace,
    report: Report,
    asked: Mapping[str, str],
    path: Path,
    form: FileFormat,
    partner_id: str | None = None,
    locale: Locale = "en",
    progress: Progress = silent,
) -> Exported:
    """Write the report to ``path``, of one partner or of all.

    ``asked`` are the parameters as typed, by name. Large sorts and sheets are put aside beside ``path``, where there must be room
    for the file anyway. Raises UsageError and TiktellerError as ``question`` does.
    """
    began = time.monotonic()
    report = answering(report, asked)
    with (
        tempfile.TemporaryDirectory(prefix=".tikteller-", dir=path.parent) as scratch,
        opened(workspace, partner_id, spill=Path(scratch)) as connection,
    ):
        asking = question(connection, report, asked, locale)
        about = _About(report, asking, partner_id, editions(connection))
        if form == "parquet":
            rows = _write_parquet(connection, asking, path, about, _Said(report, progress))
        else:
            rows = _write_rows(connection, report, asking, path, form, locale, about, Path(scratch), _Said(report, progress))
    return Exported(rows, time.monotonic() - began)


@dataclass(frozen=True)
class _About:
    """What is said of the file in the file."""

    report: Report
    asking: Question
    partner_id: str | None
    editions: Sequence[Edition]

    def lines(self) -> list[tuple[str, str]]:
        partners = sorted({edition.partner_id for edition in self.editions})
        return [
            ("Report", f"{self.report.name}: {self.report.says}"),
            ("Partner", self.partner_id or f"all: {', '.join(partners)}"),
            *(self.asking.words or (("Period", "all that is published"),)),
            ("Snapshot", ", ".join(sorted({edition.snapshot for edition in self.editions}))),
            ("Published at", ", ".join(sorted({f"{edition.published_at:%Y-%m-%d %H:%M:%S} UTC" for edition in self.editions}))),
        ]


@dataclass
class _Said:
    """Says every few seconds how far a long export is."""

    report: Report
    progress: Progress
    rows: int = 0

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        began = said = time.monotonic()
        for batch in batches:
            yield batch
            self.rows += len(batch)
            if time.monotonic() - said > SAID_EVERY_S:
                said = time.monotonic()
                self.progress(f"exporting {self.report.name}", self.rows, said - began)


def _write_rows(
    connection: duckdb.DuckDBPyConnection,
    report: Report,
    asking: Question,
    path: Path,
    form: FileFormat,
    locale: Locale,
    about: _About,
    scratch: Path,
    said: _Said,
) -> int:
    result = connection.execute(asking.sql, dict(asking.bindings))
    names = [column[0] for column in result.description]
    said_of = _meanings(report) if form == "xlsx" else {}
    columns = tuple(
        Column(name, kind=kind_of(name, str(data_type)), meaning=said_of.get(name, "")) for name, data_type, *_ in result.description
    )
    totals = RunningTotals(names, report.sums, report.shares) if form == "xlsx" else RunningTotals(names, (), {})
    rows = totals.counted(row for batch in said.batches(iter(lambda: result.fetchmany(FETCH_ROWS), [])) for row in batch)
    contents = Contents(report.title, columns, rows, totals, lambda: [*about.lines(), ("Rows", f"{totals.rows:,}")])
    if form == "csv":
        dialect = DIALECTS[locale]
        with path.open("w", encoding=dialect.encoding, newline="") as stream:
            write_csv(contents, stream, dialect)
    else:
        from orchestration.reports.workbook import write_workbook

        write_workbook(contents, path, scratch)
    return totals.rows


def _meanings(report: Report) -> dict[str, str]:
    """Column -> what it means: as the report says itself, else as the published tables declare, the first one first, else as always."""
    from orchestration.warehouse.contracts import meanings

    found = dict(MEANINGS)
    for table in reversed(report.tables):
        found |= meanings(table)
    return {name: said.replace("`", "") for name, said in (found | dict(report.meanings)).items()}


def _write_parquet(connection: duckdb.DuckDBPyConnection, asking: Question, path: Path, about: _About, said: _Said) -> int:
    """Decimals as decimals; what was asked stands in the file's metadata as ``tikteller.<name>``."""
    from pyarrow import parquet

    batches = connection.sql(asking.sql, params=dict(asking.bindings)).to_arrow_reader(FETCH_ROWS)
    metadata = {f"tikteller.{name.lower().replace(' ', '_')}": value for name, value in about.lines()}
    schema = batches.schema.with_metadata(metadata)
    with parquet.ParquetWriter(path, schema) as writer:
        for batch in said.batches(batches):
            writer.write_batch(batch.replace_schema_metadata(metadata))
    return said.rows
