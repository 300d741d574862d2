"""What the models are told of the sources: ``raw.file_sources`` (a row per file of call records) and ``raw.source_words``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import PurePosixPath

import duckdb

from orchestration import serving
from orchestration.landing.sources import MOST_STRIPPED, ROLES, Source, default_sources, places, source_of

ALTERNATIVES = 3
PLACES = tuple(f"{role}_{number}" for role in ROLES for number in range(1, ALTERNATIVES + 1))
"""Per role the places of the columns that may hold it: the first that is not empty counts."""

COLUMNS = {
    "file_id": "integer not null",
    "source_name": "varchar not null",
    "format": "varchar not null",
    "account": "varchar",
    "time_zone": "varchar",
    "date_order": "varchar",
    **{f"strip_{number}": "varchar" for number in range(1, MOST_STRIPPED + 1)},
    "default_direction": "varchar",
    "partner_id": "varchar",
    "header": "varchar",
    "fingerprint": "varchar not null",
    "landed_as": "varchar not null",
    **dict.fromkeys(PLACES, "integer"),
}
WORD_COLUMNS = {"source_name": "varchar not null", "role": "varchar not null", "word": "varchar not null", "meaning": "varchar not null"}


@dataclass(frozen=True)
class FileOfSource:
    """A file in the ledger, whose it is, and the header that it has where it is landed field by field."""

    file_id: int
    file: str
    source: Source
    header: tuple[str, ...] | None = None

    @property
    def account(self) -> str | None:
        return self.source.account_of(PurePosixPath(self.file))

    @property
    def row(self) -> list[object]:
        source, form = self.source, self.source.format
        strip = [text for text, _ in zip_longest(source.strip_digits, range(MOST_STRIPPED))][:MOST_STRIPPED]
        at = places(form, self.header) if source.is_field_by_field else {}
        of_role = [(*at.get(role, ()), *[None] * ALTERNATIVES)[:ALTERNATIVES] for role in ROLES]
        return [
            self.file_id,
            source.name,
            form.name,
            self.account,
            source.time_zone,
            form.date_order,
            *strip,
            source.direction,
            source.partner_id,
            json.dumps(self.header) if self.header is not None else None,
            source.fingerprint,
            source.landed_as,
            *[place for places_of_role in of_role for place in places_of_role],
        ]


def create_raw(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables of the sources, empty where they are new."""
    for table, columns in (("file_sources", COLUMNS), ("source_words", WORD_COLUMNS)):
        connection.execute(f"create table if not exists raw.{table} ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")


@dataclass(frozen=True)
class LandedText:
    """A text that stands in the warehouse: its name and number, the bytes that it had, and how it was cut up (None: as its feed says)."""

    file: str
    file_id: int
    feed: str
    sha256: str
    size_bytes: int
    modified_us: int
    landed_as: str | None

    @property
    def table(self) -> str:
        """The raw table in which it stands."""
        return self.feed if self.landed_as is None else table_of(self.landed_as)


def landed_texts(connection: duckdb.DuckDBPyConnection) -> dict[str, list[LandedText]]:
    """By file the call records and price lists that stand under its name: several where it has grown, or was overwritten."""
    result = connection.execute("""
        select
            files.file, files.file_id, files.feed, files.sha256, files.size_bytes, epoch_us(files.modified_at) as modified_us,
            sources.landed_as
        from raw.files as files left join raw.file_sources as sources on files.file_id = sources.file_id
        where files.duplicate_of is null and files.withdrawn_at is null and (sources.file_id is not null or files.feed = 'purchase_rates')
        order by files.file_id
    """)
    found: dict[str, list[LandedText]] = {}
    for text in serving.rows_as(LandedText, result):
        found.setdefault(text.file, []).append(text)
    return found


def table_of(landed_as: str) -> str:
    """The raw table in which a file stands that was landed so."""
    return json.loads(landed_as)[0] or "cdrs_declared"


def write_file_sources(cursor: duckdb.DuckDBPyConnection, files: Sequence[FileOfSource]) -> None:
    """A row for each file, in the transaction of the caller."""
    if files:
        cursor.execute("delete from raw.file_sources where list_contains(?::integer[], file_id)", [[file.file_id for file in files]])
        values = ", ".join(f"unnest(?::{kind.removesuffix(' not null')}[])" for kind in COLUMNS.values())
        cursor.execute(
            f"insert into raw.file_sources select {values}", [list(column) for column in zip(*(file.row for file in files), strict=True)]
        )


def renew(connection: duckdb.DuckDBPyConnection, declared: Sequence[Source], before: Callable[[], None]) -> None:
    """Let ``raw`` say of every file what its source says today. ``before`` hears of it first where that reads any otherwise than before.

    Raw rows are as they were: what is read otherwise is read again from them.
    """
    remembered = {
        file_id: rest
        for file_id, *rest in connection.execute("select file_id, fingerprint, header, landed_as from raw.file_sources").fetchall()
    }
    ledger = connection.execute(
        "select file_id, file from raw.files where feed like 'cdrs/%' and duplicate_of is null and withdrawn_at is null order by file_id"
    ).fetchall()
    changed: list[FileOfSource] = []
    is_other = False
    sources = [*default_sources(), *(source for source in declared if not source.format.is_price_list)]
    for file_id, file in ledger:
        source = source_of(declared, PurePosixPath(file).parent)
        if source is None:  # no longer declared: what is known of it stays
            continue
        fingerprint, header, landed_as = remembered.get(file_id, (None, None, source.landed_as))
        # a file that is gone from landing/ and would have to be cut up otherwise is read as it was
        if fingerprint != source.fingerprint and landed_as == source.landed_as:
            changed.append(FileOfSource(file_id, file, source, tuple(json.loads(header)) if header else None))
            is_other = is_other or fingerprint is not None
    if is_other:
        before()
    connection.execute("begin")
    try:
        write_file_sources(connection, changed)
        write_words(connection, sources)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


def write_words(connection: duckdb.DuckDBPyConnection, sources: Iterable[Source]) -> None:
    """The words of these sources, in the place of all but those of sources that only earlier files have."""
    known = {source.name: source for source in sources}
    kept = [row[0] for row in connection.execute("select distinct source_name from raw.file_sources").fetchall() if row[0] not in known]
    connection.execute("delete from raw.source_words where not list_contains(?::varchar[], source_name)", [kept])
    rows = [(name, *word) for name, source in known.items() for word in source.format.words]
    if rows:
        connection.executemany("insert into raw.source_words values (?, ?, ?, ?)", rows)
