"""Great Expectations on what landed: is a feed's new batch, as a whole, of the shape that it should be?

An exchange that changed its format, shifted a column or stopped measuring time gives rows that are each put into quarantine, quietly,
while the night's figures come out too low. So a feed that is wrong in bulk fails here, by its suite (``suites.py``), and then it is asked
whose it is (``unexpected.py``). A single bad row or one wrong file does not: staging and landing quarantine those with their reason.

Importing Great Expectations takes 7 s, so only functions that judge do it; it gets pandas frames, as it has no DuckDB source.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from orchestration.landing.feeds import DECLARED
from orchestration.landing.file_sources import table_of
from orchestration.landing.suites import (
    DECLARED_SUITE,
    SUITES,
    Suite,
    files_read,
)
from orchestration.progress import Progress, silent

if TYPE_CHECKING:
    import duckdb
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult as Judgement
    from great_expectations.datasource.fluent.interfaces import Batch as GxBatch
    from great_expectations.expectations.expectation import Expectation

SAMPLE_ROWS = 20_000  # 3 MB as a frame; 10 million rows would be 1.6 GB. A share is known to a percent point


@dataclass(frozen=True)
class Batch:
    """One frame to judge. ``rows``: a row per sampled raw row, with its file and line. ``files``: a single row that sums up the ledger.

    ``rows_landed`` counts what the frame stands for: the raw rows, or the rows read from the files.
    """

    feed: str
    suite: Suite
    name: Literal["rows", "files"]
    frame: pd.DataFrame
    rows_landed: int


@dataclass(frozen=True)
class ExpectationResult:
    """How one expectation came out. ``rows`` were looked at; ``expected`` and ``observed`` are for people.

    Examples in ``observed`` name the file and line and give the shape of the text only (digits as 9, letters as a): they end in
    logs and in metadata, where nobody's number belongs.
    """

    feed: str
    table: str
    expectation: str
    success: bool
    observed: str
    expected: str
    rows: int
    seconds: float

    @property
    def reason(self) -> str:
        """``cdrs/asterisk: the call began at a moment: expected ..., found ...``."""
        return f"{self.feed}: {self.expectation}: expected {self.expected}, found {self.observed}"


def landed_batches(connection: duckdb.DuckDBPyConnection, new: Collection[int]) -> Iterator[Batch]:
    """The batches of every feed that is judged and has enough new rows: those of the files in ``new``.

    ``connection`` is to the warehouse; reading is enough. A frame has at most SAMPLE_ROWS rows, the same for the same files.
    """
    for (feed, suite), file_ids in by_feed(connection, new).items():
        files = _files(connection, feed, suite, file_ids)
        if files.rows_landed >= suite.judged_from:
            yield files
        rows_landed = count_landed(connection, file_ids)
        if rows_landed >= suite.judged_from:
            yield Batch(feed, suite, "rows", _sample(connection, suite, file_ids, rows_landed), rows_landed)


def are_judged(feeds: Iterable[str]) -> bool:
    """Whether any of these feeds is judged, those of declared sources among them."""
    return any(feed in SUITES or feed.startswith("cdrs/") for feed in feeds)


def by_feed(connection: duckdb.DuckDBPyConnection, file_ids: Collection[int]) -> dict[tuple[str, Suite], list[int]]:
    """Those of the files that count, by the feed that they came in and the suite of the table in which they stand."""
    found = connection.execute(
        """
        select files.feed, files.file_id, sources.landed_as
        from raw.files as files
        left join raw.file_sources as sources on files.file_id = sources.file_id
        where files.file_id in (select unnest(?::integer[])) and files.duplicate_of is null and withdrawn_at is null
        order by files.feed, files.file_id
        """,
        [sorted(file_ids)],
    ).fetchall()
    by_feed: dict[tuple[str, Suite], list[int]] = {(feed, suite): [] for feed, suite in SUITES.items()}
    for feed, file_id, landed_as in found:
        suite = SUITES.get(feed)
        if landed_as is not None and table_of(landed_as) == DECLARED.table:
            suite = DECLARED_SUITE
        if suite:
            by_feed.setdefault((feed, suite), []).append(file_id)
    return {judged: of_feed for judged, of_feed in by_feed.items() if of_feed}


def _files(connection: duckdb.DuckDBPyConnection, feed: str, suite: Suite, file_ids: Sequence[int]) -> Batch:
    """The new files summed up. The largest file that was rejected as a whole is set aside: the run goes on without one wrong file."""
    frame = connection.execute(
        """
        with new_files as (
            select rows_read, rows_rejected, reject_reason
            from raw.files
            where file_id in (select unnest(?::integer[]))
        ),

        summed as (
            select
                count(*) as files,
                count(reject_reason) as files_rejected,
                coalesce(max(rows_read) filter (where reject_reason is not null), 0) as rows_set_aside,
                coalesce(sum(rows_read), 0) - rows_set_aside as rows_read,
                coalesce(sum(rows_rejected), 0) - rows_set_aside as rows_rejected
            from new_files
        )

        select
            files,
            files_rejected,
            cast(rows_read as bigint) as rows_read,
            cast(rows_rejected as bigint) as rows_rejected,
            100 * rows_rejected / nullif(rows_read, 0) as rejected_percent
        from summed
        """,
        [file_ids],
    ).df()
    return Batch(feed, suite, "files", frame, int(frame.loc[0, "rows_read"]))


def count_landed(connection: duckdb.DuckDBPyConnection, file_ids: Sequence[int]) -> int:
    """Rows of files in raw, counted in the ledger: the table may hold years."""
    counted = connection.execute(
        "select coalesce(sum(rows_read - rows_rejected), 0) from raw.files where file_id in (select unnest(?::integer[]))", [file_ids]
    ).fetchone()
    assert counted is not None
    return int(counted[0])


def _sample(connection: duckdb.DuckDBPyConnection, suite: Suite, file_ids: Sequence[int], rows_landed: int) -> pd.DataFrame:
    """Every n-th new row by the hash of its file and line, in the order of that hash: no file and no hour comes first.

    The hash thins out while DuckDB reads, so that what is sorted is a sample already.
    """
    return connection.execute(
        f"""
        with {landed_rows(suite)}
        select files.file, landed.line, {named_columns(suite)}
        from ({suite.reads()}) as landed
        {FILES_OF_LANDED}
        order by hash(landed.file_id, landed.line), landed.file_id, landed.line
        limit ?
        """,
        [file_ids, max(1, -(-rows_landed // SAMPLE_ROWS)), SAMPLE_ROWS],
    ).df()


FILES_OF_LANDED = """
        inner join raw.files as files on landed.file_id = files.file_id
        left join raw.file_sources as sources on landed.file_id = sources.file_id
"""


def landed_rows(suite: Suite) -> str:
    """Raw rows of the files that are given first, of so many one as is given next."""
    return (
        f'landed as (select * from raw."{suite.table}" as landed '
        "where landed.file_id in (select unnest(?::integer[])) and hash(landed.file_id, landed.line) % ? = 0)"
    )


def named_columns(suite: Suite) -> str:
    return ", ".join(f'{sql} as "{name}"' for name, sql in suite.columns().items())


def load() -> None:
    """Import the library, which takes seconds: done beside the landing of what it is to judge."""
    import great_expectations
    import great_expectations.expectations  # noqa: F401


def check_landing(connection: duckdb.DuckDBPyConnection, new: Collection[int], progress: Progress = silent) -> list[ExpectationResult]:
    """Judge what landed in the files in ``new``: a result per feed and expectation, in the order of SUITES, declared sources last.

    Feeds without new rows, or with too few to tell, give no result. Raises nothing on bad data: look at ``success``.
    """
    results: list[ExpectationResult] = []
    for batch in landed_batches(connection, new):
        began = time.monotonic()
        results += check(batch)
        progress(f"expectations {batch.feed}, {batch.name}", batch.rows_landed, time.monotonic() - began)
    return results


def check(batch: Batch) -> list[ExpectationResult]:
    """Judge one batch by its suite, in memory: nothing is written, sent or drawn."""
    expectations = files_read() if batch.name == "files" else batch.suite.expectations()
    landed = _handed_over(batch)
    return [_judged(batch, landed, expectation) for expectation in expectations]


def _handed_over(batch: Batch) -> GxBatch:
    import great_expectations as gx
    from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults, ProgressBarsConfig

    quiet = DataContextConfig(
        store_backend_defaults=InMemoryStoreBackendDefaults(),  # the default context makes a folder for reports in /tmp
        progress_bars=ProgressBarsConfig(globally=False),
        analytics_enabled=False,
    )
    context = gx.get_context(mode="ephemeral", project_config=quiet)
    asset = context.data_sources.add_pandas("landing").add_dataframe_asset(batch.feed)
    return asset.add_batch_definition_whole_dataframe(batch.name).get_batch(batch_parameters={"dataframe": batch.frame})


def _judged(batch: Batch, landed: GxBatch, expectation: Expectation) -> ExpectationResult:
    began = time.monotonic()
    where = ["file", "line"] if batch.name == "rows" else []
    asked = {"result_format": "SUMMARY", "partial_unexpected_count": 1, "unexpected_index_column_names": where}
    judgement = landed.validate(expectation, result_format=asked)
    return ExpectationResult(
        feed=batch.feed,
        table=batch.suite.table,
        expectation=str(expectation.description),
        success=bool(judgement.success),
        observed=_observed(judgement, batch, expectation),
        expected=_expected(expectation),
        rows=len(batch.frame) if batch.name == "rows" else batch.rows_landed,
        seconds=time.monotonic() - began,
    )


def _expected(expectation: Expectation) -> str:
    """``at least 60 % of the rows``, or the bounds of a single figure."""
    mostly = getattr(expectation, "mostly", 1)
    if mostly < 1:
        return f"at least {mostly:.0%} of the rows".replace("%", " %")
    low, high = getattr(expectation, "min_value", None), getattr(expectation, "max_value", None)
    bounds = (("at least", low), ("at most", high))
    return " and ".join(f"{side} {bound:g}" for side, bound in bounds if bound is not None)


def _observed(judgement: Judgement, batch: Batch, expectation: Expectation) -> str:
    """What was found; of rows that fail also one that misses the shape, by file and line."""
    result = judgement.result
    if "observed_value" in result:
        return "nothing to measure" if result["observed_value"] is None else f"{result['observed_value']:g}"
    if "element_count" not in result:
        return f"that Great Expectations could not judge it: {judgement.exception_info}"
    if batch.name == "files":
        return _files_observed(batch)
    given = result["element_count"] - result.get("missing_count", 0)
    if not given:
        return "nothing given"
    found = f"{100 * (given - result['unexpected_count']) / given:.1f} % of {given:,}"
    missing = [] if judgement.success else result["partial_unexpected_index_list"]
    return "; not ".join([found, *(_example(row, row[expectation.column]) for row in missing)])


def _files_observed(batch: Batch) -> str:
    (files,) = batch.frame.to_dict("records")
    return (
        f"{files['rejected_percent']:.1f} % of {files['rows_read']:,} lines rejected "
        f"({files['files_rejected']} of {files['files']} files as a whole)"
    )


def _example(row: dict[str, Any], value: object) -> str:
    """``cdrs/asterisk/x.csv line 17 ('aaaa-aaaaaaaa')``: where it stands and what it looks like, without what it says."""
    shape = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", str(value)))
    return f"{row['file']} line {row['line']} ({shape[:60]!r})"
