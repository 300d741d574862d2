"""Which files lie in landing/, and which of them belong to no feed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from orchestration.landing.feeds import FEEDS, Feed, feed_of
from orchestration.landing.sources import SOURCES_FILE, Source, read_sources, source_of

ENDINGS = (".csv", ".csv.gz")
CDR_ENDINGS = (*ENDINGS, ".log", ".log.gz", ".txt", ".txt.gz")  # 3CX writes cdr.log, many a switch a .txt
LIST_ENDINGS = (*ENDINGS, ".txt", ".xlsx")
UNFINISHED = (".part", ".tmp")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def kind_of(feed: str) -> str:
    """Among what a text is known again: call records of whatever dialect or source are of one kind; else it is the feed."""
    return "cdrs" if feed.startswith("cdrs/") else feed


def place_of(file: str, source: Source | None) -> str:
    """What its folder says of the rows of a file; elsewhere the same text says another.

    Of call records the source, and the account of all of them; of price lists the deck, the first day, and how the columns are read. Empty
    for all other feeds. It follows from where the file lies and from what is declared today; what was declared once does not matter.
    """
    below = PurePosixPath(file)
    if kind_of(file) != "cdrs":
        return source.landed_as if source and source.format.is_price_list else ""
    return f"{source.name}:{source.account_of(below) or ''}" if source else below.parts[1]


def folder_account(below: PurePosixPath, feed: str) -> str | None:
    """The folder of a file of call records below that of its feed."""
    depth = len(PurePosixPath(feed).parts)
    return shown(PurePosixPath(below.parts[depth])) if kind_of(feed) == "cdrs" and len(below.parts) > depth + 1 else None


@dataclass(frozen=True)
class Arrival:
    """One file of a feed as it lies there. ``file`` is its path below landing/, with bytes that are no UTF-8 escaped."""

    path: Path
    file: str
    feed: Feed
    folder_account: str | None
    source: Source | None
    size_bytes: int
    modified_ns: int
    changed_ns: int
    inode: int

    @property
    def place(self) -> str:
        return place_of(self.file, self.source)

    @property
    def modified_us(self) -> int:
        return self.modified_ns // 1000

    @property
    def stamp(self) -> tuple[int, int, int, int]:
        """What the system says of the file; while it is the same, so are the bytes."""
        return self.size_bytes, self.modified_ns, self.changed_ns, self.inode

    @property
    def is_gzip(self) -> bool:
        return self.path.name.lower().endswith(".gz")

    @property
    def modified_at(self) -> datetime:
        """UTC, without a zone, as the ledger keeps it."""
        return EPOCH + timedelta(microseconds=self.modified_us)

    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was found: a file may be written while we read."""
        try:
            status = self.path.stat()
        except OSError:
            return False
        return (status.st_size, status.st_mtime_ns) == (self.size_bytes, self.modified_ns)


@dataclass(frozen=True)
class Stray:
    """A file in landing/ that is not read, and why."""

    file: str
    why: str


def shown(path: PurePosixPath) -> str:
    """A path below landing/ as the ledger has it."""
    return os.fsencode(str(path)).decode("utf-8", "backslashreplace")


def _arrival(path: Path, below: PurePosixPath, declared: tuple[Source, ...]) -> Arrival | Stray | None:
    name = below.name.lower()
    if any(part.startswith(".") for part in below.parts) or name.endswith(UNFINISHED):
        return None
    source = source_of(declared, below.parent)
    feed = feed_of(below.parent, source)
    if feed is None and below.parts[0] == "cdrs" and len(below.parts) > 2:
        return Stray(shown(below), f'{SOURCES_FILE} does not say how it is read: add [sources."{shown(PurePosixPath(*below.parts[:2]))}"]')
    if feed is None:
        return Stray(shown(below), "it is in no feed's folder")
    endings = ENDINGS if source is None else LIST_ENDINGS if source.format.is_price_list else CDR_ENDINGS
    if not name.endswith(endings):
        return Stray(shown(below), f"its name does not end in {', '.join(endings[:-1])} or {endings[-1]}")
    try:
        status = path.stat()
    except OSError as error:
        return Stray(shown(below), f"it cannot be read: {error.strerror}")
    if not S_ISREG(status.st_mode):
        return Stray(shown(below), "it is no file")  # opening a pipe would wait for ever
    return Arrival(
        path=path,
        file=shown(below),
        feed=feed,
        folder_account=folder_account(below, feed.name),
        source=source,
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        changed_ns=status.st_ctime_ns,
        inode=status.st_ino,
    )


def arrivals(landing: Path) -> tuple[list[Arrival], list[Stray]]:
    """All files of all feeds in the order in which they arrived, and what is not read.

    That is by feed (in the order of the declaration), then by the time of the last change, and by path only among equals.

    Hidden files and unfinished ones (``*.part``, ``*.tmp``) are not seen at all.
    """
    found: list[Arrival] = []
    strays: list[Stray] = []
    declared = read_sources(landing.parent / SOURCES_FILE)
    for folder, folders, names in os.walk(landing):
        for name in (*names, *folders):
            path = Path(folder, name)
            below = PurePosixPath(path.relative_to(landing).as_posix())
            if path.is_dir():
                if path.is_symlink():
                    strays.append(Stray(shown(below), "it is a link to a folder, which is not followed"))
                continue
            match _arrival(path, below, declared):
                case Arrival() as arrival:
                    found.append(arrival)
                case Stray() as stray:
                    strays.append(stray)
    order = {feed.name: position for position, feed in enumerate(FEEDS)}
    found.sort(key=lambda arrival: (order.get(arrival.feed.name, len(order)), arrival.feed.name, arrival.modified_ns, arrival.file))
    return found, sorted(strays, key=lambda stray: stray.file)
