"""The order of arrival, remembered beside the decisions: which file came when, under which number, and whether it still counts.

The warehouse can be made anew at any time; what came later than what cannot be seen in landing/ any more. So the state has a row for
every file that a run has seen (``state.arrivals``), and its number is the file's id in the ledger for ever. A *content* is a text in a
feed, at a place where the folder says something of the rows; under other names or compressed it is the same content and counts once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path, PurePosixPath

import duckdb
import sqlalchemy as sa

from orchestration import serving, state
from orchestration.errors import TiktellerError
from orchestration.landing.arrivals import Arrival, arrivals, folder_account, kind_of, place_of, shown
from orchestration.landing.feeds import FEEDS
from orchestration.landing.file_sources import table_of
from orchestration.landing.layout import has_header
from orchestration.landing.scan import Scan
from orchestration.landing.sources import SOURCES_FILE, read_sources, source_of
from orchestration.workspace import PLATFORM, Workspace

LEDGER = """
    select
        file_id, feed, file, sha256, content_sha256, size_bytes, modified_at, ingested_at, duplicate_of, withdrawn_at
    from {ledger} order by file_id
"""

PRICES = "purchase_rates"
"""The feed of price lists: one text may be the list of several decks."""


@dataclass(frozen=True)
class Registered:
    """A row of ``state.arrivals``."""

    file_id: int
    feed: str
    file: str
    place: str
    sha256: str
    content_sha256: str | None
    size_bytes: int
    modified_at: str
    arrived_at: str
    duplicate_of: int | None = None
    landed_at: str | None = None
    published_at: str | None = None
    withdrawn_at: str | None = None
    withdrawn_by: str | None = None
    moved_to: int | None = None
    gone_at: str | None = None

    @property
    def is_live(self) -> bool:
        return self.withdrawn_at is None

    @property
    def is_pending(self) -> bool:
        """Landed, and neither published nor withdrawn: nobody may forget it."""
        return self.is_live and self.landed_at is not None and self.published_at is None and self.duplicate_of is None

    @property
    def content(self) -> str:
        """What it is known by: the text, or the bytes where an older release noted only these."""
        return self.content_sha256 or self.sha256

    def has_landed_again(self, arrival: Arrival) -> bool:
        """Whether a withdrawn file was put there again since: written anew, or taken out and brought back."""
        return self.gone_at is not None or self.modified_at != written(arrival.modified_at)


@dataclass(frozen=True)
class Fate:
    """What is to be done with a file that lies in landing/: by its number, at the moment when it first came.

    load       its rows are read, under this number
    duplicate  the content of ``original_id`` again: noted, not read
    stands     it is in the warehouse already; only how it lies there may be new
    away       it was withdrawn and has not landed again
    """

    what: str
    file_id: int
    arrived_at: datetime | None = None
    original_id: int | None = None
    moved_from: Registered | None = None


def written(moment: datetime) -> str:
    """A moment in UTC as the state keeps it, to the microsecond."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


def read(workspace: Workspace) -> list[Registered]:
    """All that was registered, by number. Nothing where the state is not there yet."""
    if not state.exists(workspace):
        return []
    columns = [state.arrivals.c[field.name] for field in fields(Registered)]
    with state.engine(workspace).connect() as decided:
        return [Registered(*row) for row in decided.execute(sa.select(*columns).order_by(state.arrivals.c.file_id))]


def pending(workspace: Workspace) -> list[Registered]:
    """What landed and was neither published nor withdrawn."""
    return [each for each in read(workspace) if each.is_pending]


def withdraw(workspace: Workspace, named: str) -> list[Registered]:
    """Take back what landed under a name (a path, or the number of one file): its text counts no more under any name; the rows withdrawn.

    Raises TiktellerError where nothing of that name counts.
    """
    workspace.require()
    known = opened(workspace, None)
    file = _below_landing(workspace, named)
    live = [row for row in known if row.is_live and row.landed_at is not None]
    chosen = [row for row in live if row.file == file] or [row for row in live if named.isdecimal() and row.file_id == int(named)]
    if not chosen:
        raise TiktellerError(
            f"nothing that counts has landed as {named}",
            fix="give its path as in ingested_files (cdrs/standard/2026-10-01.csv), or its file_id",
        )
    taken = {row.file_id: row for each in chosen for row in known.withdraw(each, state.whoami())}
    found = {arrival.file: arrival for arrival in arrivals(workspace.landing)[0]}
    for row in taken.values():
        if row.file in found:  # it has landed again when this is another time
            known.change(replace(row, modified_at=written(found[row.file].modified_at), gone_at=None))
    with state.deciding(workspace) as decided:
        known.write(decided)
        for row in taken.values():
            state.note(decided, "withdraw", None, row.file, f"file {row.file_id}, sha256 {row.sha256}")
    return sorted(taken.values(), key=lambda row: row.file_id)


def _below_landing(workspace: Workspace, named: str) -> str:
    """The name as the ledger has it: relative to landing/, wherever the person stands."""
    given = Path(named).expanduser()
    for path in (given.parent.resolve() / given.name, workspace.landing / named):
        if path.is_relative_to(workspace.landing):
            return shown(PurePosixPath(path.relative_to(workspace.landing).as_posix()))
    return named


class Register:
    """The register in the hands of one landing: what is known, and the numbers that are given. Nothing is in the state before ``write``."""

    def __init__(self, workspace: Workspace, rows: Iterable[Registered]) -> None:
        self._workspace = workspace
        self._rows: dict[int, Registered] = {}
        self._by_name: dict[tuple[str, str, str], int] = {}
        self._standing: dict[tuple[str, str, str], int] = {}
        self._places: dict[tuple[str, str], set[str]] = {}
        self._new: dict[int, Registered] = {}
        self._changed: dict[int, Registered] = {}
        self._moves: list[tuple[Registered, Arrival]] = []
        self._next_id = 1
        declared = read_sources(workspace.root / SOURCES_FILE)
        self._source_of = cache(lambda folder: source_of(declared, folder))
        for row in rows:
            place = self._place_of(row)
            if row.feed == PRICES and place != row.place:
                self.change(replace(row, place=place))
            else:
                self._enter(replace(row, place=place))

    def __iter__(self):  # type: ignore[no-untyped-def]
        return iter(list(self._rows.values()))

    def _place(self, file: str) -> str:
        return place_of(file, self._source_of(PurePosixPath(file).parent))

    def _place_of(self, row: Registered) -> str:
        """Its place today; of a price list that has gone from a folder that is declared no more, what it was: folders are renamed."""
        place = self._place(row.file)
        is_left = row.feed == PRICES and not place and not (self._workspace.landing / row.file).exists()
        return row.place if is_left else place

    def _enter(self, row: Registered) -> None:
        self._rows[row.file_id] = row
        self._next_id = max(self._next_id, row.file_id + 1)
        kind = kind_of(row.feed)
        self._by_name[kind, row.file, row.content] = row.file_id
        self._places.setdefault((kind, row.content), set()).add(row.place)
        key = (kind, row.place, row.content)
        if row.is_live and row.duplicate_of is None:
            self._standing[key] = row.file_id
        elif self._standing.get(key) == row.file_id:
            del self._standing[key]

    def change(self, row: Registered) -> None:
        """Enter a row in place of the one with its number; in the state with the next ``write``."""
        self._enter(row)
        (self._new if row.file_id in self._new else self._changed)[row.file_id] = row

    def add(self, row: Registered) -> None:
        self._enter(row)
        self._new[row.file_id] = row

    def latest(self, arrival: Arrival, contents: Iterable[str]) -> Registered | None:
        """The newest row of this file with one of these contents, the first that is known."""
        for each in contents:
            if (file_id := self._by_name.get((kind_of(arrival.feed.name), arrival.file, each))) is not None:
                return self._rows[file_id]
        return None

    def order_of(self, arrival: Arrival, contents: Iterable[str]) -> float:
        """The number by which a file is taken in its turn; those that have none come after all others."""
        found = self.latest(arrival, contents)
        return found.file_id if found and found.is_live else float("inf")

    def fate(self, arrival: Arrival, scan: Scan, ledger: Mapping[int, str], lying: Set[str]) -> Fate:
        """What is to be done with a file that does not stand in the warehouse.

        ``ledger``: the numbers that do, with their names; ``lying``: the names of all files in landing/.
        """
        found = self.latest(arrival, (scan.content_sha256, scan.sha256))
        if found and not found.is_live:
            if not found.has_landed_again(arrival):
                return Fate("away", found.file_id)
            found = None
        if found:
            if found.content_sha256 is None:
                found = replace(found, content_sha256=scan.content_sha256)
                self.change(found)
            original = self._rows[found.duplicate_of or found.file_id]
            if original.file_id not in ledger:
                return Fate("load", original.file_id, moment(original.arrived_at))
            if ledger.get(found.file_id) == arrival.file:  # compressed anew, to other bytes
                return Fate("stands", found.file_id)
            if found.file_id != original.file_id:
                return Fate("duplicate", found.file_id, moment(found.arrived_at), original.file_id)
        return self._fate_of_new(arrival, scan, ledger, lying)

    def _fate_of_new(self, arrival: Arrival, scan: Scan, ledger: Mapping[int, str], lying: Set[str]) -> Fate:
        original = self._original(arrival.place, arrival, scan) if scan.text_bytes else None
        row = self._numbered(arrival, scan, original.file_id if original else None)
        if original and original.file_id not in ledger:  # it was archived: its rows come from here now, in its place
            self.change(replace(row, landed_at=row.arrived_at))
            return Fate("load", original.file_id, moment(original.arrived_at))
        if original:
            return Fate("duplicate", row.file_id, moment(row.arrived_at), original.file_id)
        moved_from = self._moved(arrival, scan, row.file_id, lying)
        return Fate("load", row.file_id, moment(row.arrived_at), moved_from=moved_from)

    def _original(self, place: str, arrival: Arrival, scan: Scan) -> Registered | None:
        for content in (scan.content_sha256, scan.sha256):
            if (file_id := self._standing.get((kind_of(arrival.feed.name), place, content))) is not None:
                return self._rows[file_id]
        return None

    def _numbered(self, arrival: Arrival, scan: Scan, duplicate_of: int | None) -> Registered:
        row = Registered(
            file_id=self._next_id,
            feed=arrival.feed.name,
            file=arrival.file,
            place=arrival.place,
            sha256=scan.sha256,
            content_sha256=scan.content_sha256,
            size_bytes=arrival.size_bytes,
            modified_at=written(arrival.modified_at),
            arrived_at=written(_now()),
            duplicate_of=duplicate_of,
        )
        self.add(row)
        return row

    def _moved(self, arrival: Arrival, scan: Scan, file_id: int, lying: Set[str]) -> Registered | None:
        """The same rows stood at another place, where the folder says something else of them: they stand here now, and there no more.

        A call was made once, whereas a list may price several decks: it has moved only where it has gone since the last landing.
        """
        kind = kind_of(arrival.feed.name)
        if kind == "cdrs" and scan.lines <= has_header(arrival.feed, scan.head):  # two quiet exchanges write the same header
            return None
        places = self._places.get((kind, scan.content_sha256), set()) | self._places.get((kind, scan.sha256), set())
        for place in sorted(places - {arrival.place}):
            original = self._original(place, arrival, scan)
            if original is not None and (kind == "cdrs" or self._has_just_gone(original, lying)):
                self.withdraw(original, state.whoami(), moved_to=file_id)
                self._moves.append((original, arrival))
                return original
        return None

    def _has_just_gone(self, original: Registered, lying: Set[str]) -> bool:
        """Whether a content lies nowhere at its place any more, and no landing has seen that yet."""
        names = self._names(original)
        return not any(row.file in lying for row in names) and any(row.gone_at is None for row in names)

    def _names(self, original: Registered) -> list[Registered]:
        """All that counts of a content at its place: it may have landed under several names."""
        return [
            row
            for row in self._rows.values()
            if row.is_live and row.place == original.place and row.content == original.content
            if kind_of(row.feed) == kind_of(original.feed)
        ]

    def withdraw(self, original: Registered, who: str, moved_to: int | None = None) -> list[Registered]:
        """Let a content count no more, under all the names that it has landed under; the rows as they are now."""
        changed = {"withdrawn_at": written(_now()), "withdrawn_by": who, "moved_to": moved_to}
        taken = [replace(row, **changed) for row in self._names(original)]
        for row in taken:
            self.change(row)
        return taken

    def are_apart(self, file_id: int, other_id: int) -> bool:
        """Whether the folders of two files say different things of their rows."""
        return file_id in self._rows and other_id in self._rows and self._rows[file_id].place != self._rows[other_id].place

    def part(self, lying: Set[str]) -> None:
        """Let each price list that was noted as a duplicate of one at another place be a list of its own, under its number.

        Its folder was declared since, or an older release took it for a duplicate. What is gone from landing/ could not be read.
        """
        for row in self:
            if row.feed != PRICES or row.duplicate_of is None or not row.is_live or row.file not in lying:
                continue
            if self.are_apart(row.file_id, row.duplicate_of):
                original = self._standing.get((PRICES, row.place, row.content))
                self.change(replace(row, duplicate_of=original, landed_at=None, published_at=None))

    def moved(self, row: Registered) -> Registered | None:
        """Where a content that moved came to stand, however often it moved since; None where it did not."""
        while row.moved_to is not None and not row.is_live:
            row = self._rows[row.moved_to]
            if row.moved_to is None or row.is_live:
                return row
        return None

    def write(self, decided: sa.Connection | None = None) -> None:
        """Put what is new into the state, in one transaction (or in that of ``decided``)."""
        if not self._new and not self._changed:
            return
        if decided is None:
            with state.deciding(self._workspace) as transaction:
                self.write(transaction)
            return
        if self._new:
            decided.execute(state.arrivals.insert(), [vars(row) for row in self._new.values()])
        if self._changed:
            values = {field.name: sa.bindparam(f"new_{field.name}") for field in fields(Registered)}
            changing = state.arrivals.update().where(state.arrivals.c.file_id == sa.bindparam("new_file_id")).values(values)
            decided.execute(changing, [{f"new_{name}": value for name, value in vars(row).items()} for row in self._changed.values()])
        for moved_from, arrival in self._moves:
            state.note(decided, "move", None, moved_from.file, f"to {arrival.file}")
        self._moves.clear()
        self._new.clear()
        self._changed.clear()

    def top_up(self, ledger: Sequence[tuple], is_published: bool = False, is_authority: bool = True) -> None:
        """Take up what a ledger has and the register lacks: one of an older release, or of before the state was lost or restored.

        Raises TiktellerError where the two contradict each other and the ledger is that of the warehouse at work (``is_authority``).
        """
        now = written(_now())
        for (
            file_id,
            feed,
            file,
            sha256,
            content,
            size_bytes,
            modified_at,
            ingested_at,
            duplicate_of,
            withdrawn_at,
        ) in ledger:
            content = content or (None if file.lower().endswith(".gz") else sha256)
            known = self._rows.get(file_id)
            if known is None:
                row = Registered(
                    *(file_id, feed, file, self._place(file), sha256, content, size_bytes, written(modified_at), written(ingested_at)),
                    duplicate_of,
                )
                gone = {"withdrawn_at": written(withdrawn_at), "withdrawn_by": ""} if withdrawn_at else {}
                self.add(replace(row, landed_at=now, published_at=now if is_published else None, **gone))
                continue
            is_other_text = known.sha256 != sha256 and content and known.content_sha256 and known.content_sha256 != content
            if is_authority and known.feed != feed and kind_of(known.feed) == kind_of(feed):  # its folder was declared since, or is no more
                known = replace(known, feed=feed)
                self.change(known)
            if kind_of(known.feed) != kind_of(feed) or is_other_text:
                if is_authority:
                    raise TiktellerError(
                        f"file {file_id} is {file} in the warehouse and {known.file} in the state: one was restored, or is another's",
                        fix="tikteller run --rebuild; the state's order counts",
                    )
            elif known.is_live and withdrawn_at is not None:  # decided after the backup that the state was restored from
                self.change(replace(known, landed_at=now, withdrawn_at=written(withdrawn_at), withdrawn_by=""))
            elif duplicate_of is not None and known.duplicate_of is None:  # it is noted as a duplicate, and has become a content of its own
                continue
            elif known.landed_at is None or (is_published and known.published_at is None):
                self.change(
                    replace(known, landed_at=known.landed_at or now, published_at=known.published_at or (now if is_published else None))
                )


def opened(workspace: Workspace, connection: duckdb.DuckDBPyConnection | None, is_authority: bool = True) -> Register:
    """The register, up to date with the warehouse's ledger and with what stands published. Numbers are never given twice."""
    register = Register(workspace, read(workspace))
    if connection is not None:
        register.top_up(connection.execute(LEDGER.format(ledger="raw.files")).fetchall(), is_authority=is_authority)
    register.top_up(_published_ledger(workspace), is_published=True, is_authority=False)
    register.write()
    return register


def _published_ledger(workspace: Workspace) -> list[tuple]:
    """The ledger as operators see it; nothing where nothing is published, or by an older release that did not say enough."""
    try:
        with serving.connect(serving.current_snapshot(workspace, PLATFORM)) as platform:
            columns = {row[0] for row in platform.execute("describe ingested_files").fetchall()}
            if "content_sha256" in columns:
                known = """(
                    select * exclude (duplicate_of), original_file_id as duplicate_of from ingested_files
                    -- what is not as expected waits for somebody's word
                    where file_id not in (select file_id from _unexpected_files)
                )"""
            else:
                known = """(
                    select
                        * exclude (duplicate_of), null as content_sha256, null::integer as duplicate_of, null::timestamp as withdrawn_at
                    from ingested_files where duplicate_of is null
                )"""
            return platform.execute(LEDGER.format(ledger=known)).fetchall()
    except (TiktellerError, duckdb.Error):
        return []


def note_published(workspace: Workspace) -> None:
    """What stands published now is pending no more."""
    opened(workspace, None)


def note_gone(register: Register, found: Iterable[Arrival]) -> None:
    """Remember of withdrawn files that they were taken out of landing/: whoever brings one back lands it again.

    One that moved, and was left where it lay, does not come back by a new date alone while it lies where it moved to.
    """
    dates = {arrival.file: written(arrival.modified_at) for arrival in found}
    for row in register:
        if row.is_live or row.gone_at is not None:
            continue
        if row.file not in dates:
            register.change(replace(row, gone_at=written(_now())))
        elif row.modified_at != dates[row.file] and (moved := register.moved(row)) and moved.is_live and moved.file in dates:
            register.change(replace(row, modified_at=dates[row.file]))


def note_archived(register: Register, lying: Set[str]) -> None:
    """Remember which price lists have gone from landing/: those that count on do not move any more when another deck gets the same."""
    for row in register:
        if row.feed != PRICES:
            continue
        if row.file not in lying and row.gone_at is None:
            register.change(replace(row, gone_at=written(_now())))
        elif row.file in lying and row.gone_at is not None and row.is_live:
            register.change(replace(row, gone_at=None))


def forget_duplicates(register: Register, connection: duckdb.DuckDBPyConnection, lying: Set[str]) -> None:
    """Take the duplicates out of the warehouse's ledger that are no longer those of the register: they are looked at again."""
    noted = connection.execute(
        "select file_id, duplicate_of from raw.files where feed = ? and duplicate_of is not null and withdrawn_at is null", [PRICES]
    ).fetchall()
    known = {row.file_id: row for row in register if row.is_live and row.file in lying}
    others = [file_id for file_id, duplicate_of in noted if file_id in known and known[file_id].duplicate_of != duplicate_of]
    if others:
        connection.execute("delete from raw.files where list_contains(?::integer[], file_id)", [others])


def lists_to_part(workspace: Workspace, registered: Iterable[Registered], duplicates: Iterable[tuple[int, int]]) -> set[int]:
    """Of price lists that are published as duplicates (each with its original) those that the next run reads as lists of their own."""
    known = Register(workspace, [row for row in registered if row.feed == PRICES])
    return {file_id for file_id, original_id in duplicates if known.are_apart(file_id, original_id)}


def apply_withdrawals(register: Register, connection: duckdb.DuckDBPyConnection, before: Callable[[], None]) -> int:
    """Take the rows of withdrawn files out of the warehouse, and say so in its ledger; how many had any. ``before`` hears of it first."""
    marked = {row[0]: row[1] for row in connection.execute("select file_id, withdrawn_at is not null from raw.files").fetchall()}
    withdrawn = [row for row in register if not row.is_live and row.landed_at is not None]
    taken = [row for row in withdrawn if marked.get(row.file_id) is False]
    unknown = [row for row in withdrawn if row.file_id not in marked]
    if not taken and not unknown:
        return 0
    if taken:
        before()
    tables = {feed.name: feed.table for feed in FEEDS}
    landed_as = dict(connection.execute("select file_id, landed_as from raw.file_sources").fetchall())
    connection.execute("begin")
    try:
        for row in taken:
            own = table_of(landed_as[row.file_id]) if row.file_id in landed_as else tables.get(row.feed, "cdrs_declared")
            for table in (own, "rejected_lines", "file_sources"):
                connection.execute(f'delete from raw."{table}" where file_id = ?', [row.file_id])
            connection.execute(
                "update raw.files set rows_read = 0, rows_rejected = 0, withdrawn_at = ? where file_id = ?",
                [moment(row.withdrawn_at), row.file_id],
            )
        for row in unknown:
            connection.execute(
                "insert into raw.files (file_id, feed, file, folder_account, sha256, content_sha256, size_bytes, modified_at, rows_read, "
                "rows_rejected, duplicate_of, ingested_at, run_id, withdrawn_at) "
                "values (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?, ?, '', ?)",
                [
                    *(row.file_id, row.feed, row.file, folder_account(PurePosixPath(row.file), row.feed)),
                    *(row.sha256, row.content_sha256, row.size_bytes, moment(row.modified_at)),
                    *(row.duplicate_of, moment(row.arrived_at), moment(row.withdrawn_at)),
                ],
            )
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    return len(taken)
