"""Who made a file of call records and how it is read: the workspace's ``sources.toml`` on top of the shipped formats (``formats/*.toml``).

A source is a folder below ``landing/`` and all below it, as far as no folder further down is declared by itself. What is not declared
is read by the format of its dialect's folder (``cdrs/3cx``, ``cdrs/asterisk``, ``cdrs/freeswitch``, ``cdrs/standard``).
"""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
import zoneinfo
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from orchestration.errors import TiktellerError

FORMATS_DIR = Path(__file__).with_name("formats")
SOURCES_FILE = "sources.toml"
ROLES = (
    "call_id", "leg_id", "conversation", "account", "caller", "callee", "reached", "started_at", "started_time", "answered_at",
    "ended_at", "duration_s", "direction", "disposition",
)  # fmt: skip
"""What a column of a record can be. ``reached`` is the number at which a call ended up; ``started_time`` the clock beside a day."""
LIST_ROLES = (
    "deck_id", "country_code", "prefix", "destination", "connection_fee_eur", "minute_rate_eur", "increments", "first_increment_s",
    "next_increment_s", "country", "line_type", "valid_from", "valid_to",
)  # fmt: skip
"""What a column of a price list can be. ``country_code`` stands before each prefix; ``increments`` is 60/60 or 1/1/1."""
NEEDED = ("callee", "started_at", "duration_s")
LIST_NEEDED = ("prefix", "minute_rate_eur")
WORDS = {
    "directions": ("inbound", "outbound"),
    "dispositions": ("answered", "no_answer", "busy", "failed"),
    "finals": ("inbound", "outbound"),
}
"""Tables of words in a format, and what the words may mean; ``finals``: where a call ended (3CX: final-type)."""
ROLE_OF_WORDS = {"directions": "direction", "dispositions": "disposition", "finals": "final"}
NAMES_ITS_ACCOUNT = ("3cx", "asterisk", "freeswitch")
"""Dialects of which a sub-folder names the account."""
DATE_ORDERS = {"%Y-": None, "%d": "dmy", "%m": "mdy", "%Y%m%d": "compact", "%s": "epoch"}
MOST_COLUMNS = 60
MOST_STRIPPED = 3

FORMAT_KEYS = {"says", "kind", "table", "delimiter", "header", "fields", "columns", "time_format", *WORDS}
SETTING_KEYS = {"format", "time_zone", "strip_digits", "account", "partner", "direction"}
LIST_SETTING_KEYS = {"format", "deck_id", "valid_from"}

Columns = Mapping[str, tuple[str | int, ...]]


@dataclass(frozen=True)
class Format:
    """How records are written. ``table``: the raw table of a dialect that has its own; the rest is landed field by field.

    ``columns`` gives for each role the columns that may hold it, by name or by place (from 1): the first that is not empty counts.
    """

    name: str
    table: str | None = None
    delimiter: str | None = None
    has_header: bool = True
    fields: tuple[str, ...] = ()
    columns: Columns = field(default_factory=dict)
    date_order: str | None = None
    words: tuple[tuple[str, str, str], ...] = ()
    """(role, pattern, meaning)."""
    is_price_list: bool = False


@dataclass(frozen=True)
class Source:
    """A folder of landing and how its files are read. ``name`` distinguishes its records from those of every other source."""

    folder: str
    name: str
    format: Format
    is_declared: bool = False
    account: str | None = None
    time_zone: str | None = None
    strip_digits: tuple[str, ...] = ()
    direction: str | None = None
    partner_id: str | None = None
    deck_id: str | None = None
    valid_from: str | None = None

    @property
    def is_field_by_field(self) -> bool:
        return self.format.table is None and not self.format.is_price_list

    def account_of(self, file: PurePosixPath) -> str | None:
        """The account that the source, or else the folder of one of its files (below landing/), names for all records in it."""
        in_folder = len(file.parts) > 3 and file.parts[1] in NAMES_ITS_ACCOUNT
        return self.account or (file.parts[2] if in_folder else None)

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever its records would be read otherwise."""
        content = json.dumps(
            [
                self.folder,
                self.name,
                self.account,
                self.time_zone,
                self.strip_digits,
                self.direction,
                self.partner_id,
                _said_by(self.format),
            ]
        )
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def landed_as(self) -> str:
        """Changes whenever its files would be cut into other rows and fields."""
        form = self.format
        if form.is_price_list:
            return json.dumps(["purchase_rates", self.deck_id, self.valid_from, _said_by(form)])
        needed = [form.columns.get(role) for role in NEEDED] if form.table is None and form.has_header else None
        return json.dumps([form.table, form.delimiter, form.has_header, needed])


def _said_by(form: Format) -> list[Any]:
    return [form.name, form.table, form.delimiter, form.has_header, form.fields, sorted(form.columns.items()), form.date_order, form.words]


class SourcesError(TiktellerError):
    """What is wrong in sources.toml or in a format: the file, the table, the fix."""

    def __init__(self, where: str, what: str, fix: str) -> None:
        super().__init__(f"{where}: {what}", fix=fix)


def _text(where: str, key: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise SourcesError(where, f"{key} is no text", f'write it in quotes: {key} = "..."')
    return value.strip()


def _texts(where: str, key: str, value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(_text(where, key, each) for each in values)


def _columns(where: str, given: Any, roles: tuple[str, ...]) -> Columns:
    if not isinstance(given, dict):
        raise SourcesError(where, "columns is no table", 'write [....columns] and a line for each, such as caller = "From"')
    columns: dict[str, tuple[str | int, ...]] = {}
    for role, value in given.items():
        if role not in roles:
            raise SourcesError(where, f"columns names {role!r}, which no row has", f"one of {', '.join(roles)}")
        values = value if isinstance(value, list) else [value]
        for each in values:
            if isinstance(each, bool) or not isinstance(each, str | int) or (isinstance(each, int) and not 1 <= each <= MOST_COLUMNS):
                raise SourcesError(where, f"columns.{role} is {each!r}", f"the name of a column, or its place from 1 to {MOST_COLUMNS}")
        columns[role] = tuple(values)
    return columns


def _words(where: str, given: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    words: list[tuple[str, str, str]] = []
    for table, meanings in WORDS.items():
        entries = given.get(table, {})
        if not isinstance(entries, dict):
            raise SourcesError(where, f"{table} is no table", f'write {table} = {{ {meanings[0]} = ["..."] }}')
        for meaning, patterns in entries.items():
            if meaning not in meanings:
                raise SourcesError(where, f"{table} names {meaning!r}", f"one of {', '.join(meanings)}")
            words += [(ROLE_OF_WORDS[table], pattern.lower(), meaning) for pattern in _texts(where, f"{table}.{meaning}", patterns)]
    return tuple(words)


def _date_order(where: str, given: Any) -> str | None:
    text = _text(where, "time_format", given)
    fitting = [start for start in DATE_ORDERS if text.startswith(start)]
    if not fitting:
        raise SourcesError(
            where,
            f"time_format {text!r} is not understood",
            "such as %Y-%m-%d %H:%M:%S, %d-%m-%Y %H:%M:%S, %m/%d/%Y %H:%M, %Y%m%d%H%M%S or %s",
        )
    return DATE_ORDERS[max(fitting, key=len)]


def _format(where: str, name: str, given: Mapping[str, Any], base: Format | None = None) -> Format:
    """The format that ``given`` describes, on top of ``base``: words of both count, else what is given."""
    made = base or Format(name)
    if "kind" in given:
        if given["kind"] not in ("calls", "price_list"):
            raise SourcesError(where, f"kind is {given['kind']!r}", "calls or price_list")
        made = replace(made, is_price_list=given["kind"] == "price_list")
    if "delimiter" in given:
        delimiter = given["delimiter"]
        if not isinstance(delimiter, str) or len(delimiter) != 1:
            raise SourcesError(where, f"delimiter is {delimiter!r}", 'one character, such as ";" or "\\t"')
        made = replace(made, delimiter=delimiter, table=None)
    if "header" in given:
        if given["header"] not in ("named", "none"):
            raise SourcesError(where, f"header is {given['header']!r}", "named or none")
        made = replace(made, has_header=given["header"] == "named", table=None)
    if "fields" in given:
        made = replace(
            made, fields=tuple(column_name(each) for each in _texts(where, "fields", given["fields"])), has_header=False, table=None
        )
    if "columns" in given:
        made = replace(
            made, columns={**made.columns, **_columns(where, given["columns"], LIST_ROLES if made.is_price_list else ROLES)}, table=None
        )
    if "table" in given:
        made = replace(made, table=_text(where, "table", given["table"]))
    if "time_format" in given:
        made = replace(made, date_order=_date_order(where, given["time_format"]))
    own = _words(where, given)
    kept = tuple(word for word in made.words if (word[0], word[1]) not in {(role, pattern) for role, pattern, _ in own})
    return replace(made, words=kept + own)


def _unknown_keys(where: str, given: Mapping[str, Any], known: set[str]) -> None:
    if unknown := sorted(set(given) - known):
        raise SourcesError(where, f"{', '.join(unknown)} is not known", f"one of {', '.join(sorted(known))}")


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesError(str(path), f"cannot be read: {error}", "fix that line; a TOML value that is text stands in quotes") from error


@cache
def shipped_formats() -> Mapping[str, Format]:
    """The formats that come with us, by name."""
    formats = {}
    for path in sorted(FORMATS_DIR.glob("*.toml")):
        given = _read(path)
        _unknown_keys(path.name, given, FORMAT_KEYS)
        formats[path.stem] = _checked(path.name, _format(path.name, path.stem, given))
    return formats


def _checked(where: str, form: Format) -> Format:
    """The format, which says where the least is that a call needs."""
    if form.is_price_list:
        if missing := [role for role in LIST_NEEDED if role not in form.columns]:
            raise SourcesError(
                where, f"columns says of no column that it is {', '.join(missing)}", f'{missing[0]} = "the name of a column"'
            )
    elif form.table is None:
        if missing := [role for role in NEEDED if role not in form.columns]:
            raise SourcesError(
                where, f"columns says of no column that it is {', '.join(missing)}", f"{missing[0]} = the name or the place of a column"
            )
        if not form.has_header and not form.fields and any(isinstance(each, str) for names in form.columns.values() for each in names):
            raise SourcesError(
                where, "there is no header, so columns have no names", 'give their places (caller = 2), or fields = ["...", ...] in order'
            )
    return form


def read_sources(path: Path) -> tuple[Source, ...]:
    """The declared sources, longest folder first. Raises TiktellerError with the table and the fix where the file is wrong."""
    given = _declared(path)
    formats = _formats(path.name, given)
    sources = [_source(path.name, folder, own, formats) for folder, own in given.get("sources", {}).items()]
    return tuple(sorted(sources, key=lambda source: (-len(PurePosixPath(source.folder).parts), source.folder)))


def read_formats(path: Path) -> Mapping[str, Format]:
    """The formats that come with us and those that the file declares, by name. Raises TiktellerError as ``read_sources`` does."""
    return _formats(path.name, _declared(path))


def _declared(path: Path) -> dict[str, Any]:
    given = _read(path) if path.exists() else {}
    _unknown_keys(path.name, given, {"sources", "formats"})
    return given


def _formats(file: str, given: Mapping[str, Any]) -> Mapping[str, Format]:
    formats = dict(shipped_formats())
    for name, own in given.get("formats", {}).items():
        where = f"{file} [formats.{name}]"
        _unknown_keys(where, own, FORMAT_KEYS - {"table"} | {"like"})
        base = _named(formats, where, own["like"]) if "like" in own else None
        formats[name] = _checked(where, replace(_format(where, name, own, base), name=name))
    return formats


def _named(formats: Mapping[str, Format], where: str, name: Any) -> Format:
    if name not in formats:
        raise SourcesError(where, f"there is no format {name!r}", f"one of {', '.join(sorted(formats))}, or a table [formats.{name}]")
    return formats[name]


def _source(file: str, folder: str, given: Mapping[str, Any], formats: Mapping[str, Format]) -> Source:
    where = f'{file} [sources."{folder}"]'
    if not isinstance(given, dict):
        raise SourcesError(f"{file} [sources]", f"{folder!r} is no table", 'write [sources."cdrs/..."] and its lines below')
    parts = PurePosixPath(folder).parts
    if parts[:1] == ("purchase_rates",) and ".." not in parts:
        return _price_source(where, folder, given, formats)
    if len(parts) < 2 or parts[0] != "cdrs" or ".." in parts:
        raise SourcesError(where, "a source is a folder below cdrs/ or purchase_rates/", 'such as [sources."cdrs/asterisk/acme"]')
    _unknown_keys(where, given, SETTING_KEYS | (FORMAT_KEYS - {"says", "table"}))
    default = parts[1] if parts[1] in shipped_formats() else None
    if "format" not in given and default is None:
        raise SourcesError(where, "it does not say its format", f"format = one of {', '.join(sorted(formats))}")
    base = _named(formats, where, given.get("format", default))
    if base.is_price_list:
        raise SourcesError(where, f"format {base.name} is one of price lists", "a format of call records")
    form = _checked(where, _format(where, base.name, given, base))
    zone = given.get("time_zone")
    if zone is not None and (not isinstance(zone, str) or zone not in zoneinfo.available_timezones()):
        raise SourcesError(where, f"time_zone {zone!r} is no zone", "such as UTC or Europe/Amsterdam")
    strip = _texts(where, "strip_digits", given["strip_digits"]) if "strip_digits" in given else ()
    if len(strip) > MOST_STRIPPED or any(not re.fullmatch(r"[0-9*#]{1,6}", each) for each in strip):
        raise SourcesError(where, f"strip_digits is {', '.join(strip)}", f'at most {MOST_STRIPPED} texts of digits, such as ["0"]')
    direction = given.get("direction")
    if direction not in (None, "inbound", "outbound"):
        raise SourcesError(
            where, f"direction is {direction!r}", "inbound or outbound: what a record is where neither numbers nor words tell"
        )
    return Source(
        folder=str(PurePosixPath(folder)),
        name="/".join(parts[1:]),
        format=form,
        is_declared=True,
        account=_text(where, "account", given["account"]) if "account" in given else None,
        time_zone=zone,
        strip_digits=tuple(sorted(strip, key=len, reverse=True)),
        direction=direction,
        partner_id=_text(where, "partner", given["partner"]) if "partner" in given else None,
    )


def _price_source(where: str, folder: str, given: Mapping[str, Any], formats: Mapping[str, Format]) -> Source:
    """A folder of price lists: its format, and the deck and the first day where the lists do not name them."""
    _unknown_keys(where, given, LIST_SETTING_KEYS | {"delimiter", "columns", "time_format"})
    base = _named(formats, where, given.get("format", "price-list"))
    if not base.is_price_list:
        raise SourcesError(where, f"format {base.name} is none of price lists", 'one with kind = "price_list"')
    valid_from = given.get("valid_from")
    if valid_from is not None and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(valid_from)):
        raise SourcesError(where, f"valid_from is {valid_from!r}", "a day such as 2026-10-01")
    return Source(
        folder=str(PurePosixPath(folder)),
        name=str(PurePosixPath(folder)),
        format=_checked(where, _format(where, base.name, given, base)),
        is_declared=True,
        deck_id=_text(where, "deck_id", given["deck_id"]) if "deck_id" in given else None,
        valid_from=str(valid_from) if valid_from is not None else None,
    )


def source_of(declared: Sequence[Source], folder: PurePosixPath) -> Source | None:
    """The source that a folder of landing belongs to: declared for it or one above it, else its dialect's; None where there is neither."""
    above = {str(part) for part in (folder, *folder.parents)}
    for source in declared:
        if source.folder in above:
            return source
    return next((source for source in default_sources() if source.folder in above), None)


@cache
def default_sources() -> tuple[Source, ...]:
    """The folders of the dialects, as they are read where nothing is declared."""
    return tuple(Source(folder=f"cdrs/{name}", name=name, format=form) for name, form in shipped_formats().items() if form.table)


def column_name(text: str) -> str:
    """A column's name as it is compared: case, dashes and blanks do not matter."""
    return text.strip().lower().replace("-", "_").replace(" ", "_")


def places(form: Format, header: Iterable[str] | None) -> dict[str, tuple[int, ...]]:
    """Per role the places (from 1) of the columns that hold it in a file with that header; of a role without a column: none."""
    names = [column_name(each) for each in header] if header is not None else list(form.fields)
    at = {name: place for place, name in reversed(list(enumerate(names, start=1))) if name}
    found = {}
    for role, columns in form.columns.items():
        found[role] = tuple(
            place for each in columns if (place := each if isinstance(each, int) else at.get(column_name(each))) is not None
        )
    return found


def missing_columns(form: Format, header: Iterable[str] | None) -> list[str]:
    """The columns that a file with that header lacks for what each record needs, in words."""
    found = places(form, header)
    return [f"{role} ({' or '.join(map(str, form.columns[role]))})" for role in NEEDED if not found.get(role)]
