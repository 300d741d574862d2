"""From a list of PBXs to a file of the feed ``extension_counts`` in landing: every PBX that could be read, and none that could not."""

from __future__ import annotations

import csv
import io
import os
import time
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from orchestration.connectors.threecx import Access, Login, Patience, count_extensions
from orchestration.errors import TiktellerError
from orchestration.workspace import Workspace

FEED = "extension_counts"
COLUMNS = ("pbx_id", "customer_id", "service_code", "read_at", "extensions")
AT_ONCE = 8  # PBXs that are read side by side; each has one connection

REQUIRED = ("pbx_id", "customer_id", "service_code", "url")
OPTIONAL = ("client_id", "username", "secret_env", "secret_file", "ca_file")


@dataclass(frozen=True)
class Pbx:
    """One PBX of the configuration. ``secret_env`` names an environment variable, ``secret_file`` a file; one of the two."""

    pbx_id: str
    customer_id: str
    service_code: str
    url: str
    login: Login
    name: str
    secret_env: str | None
    secret_file: Path | None
    ca_file: Path | None


@dataclass(frozen=True)
class Reading:
    """What came of one PBX: extensions and the moment (UTC) from which they were counted, or the problem."""

    pbx: Pbx
    read_at: datetime
    extensions: int | None = None
    problem: TiktellerError | None = None


@dataclass(frozen=True)
class Readings:
    """All PBXs in the order of the configuration, and the file in landing; None when none could be read."""

    readings: tuple[Reading, ...]
    file: Path | None

    @property
    def failed(self) -> tuple[Reading, ...]:
        return tuple(reading for reading in self.readings if reading.problem)


def read_configuration(path: Path) -> tuple[Pbx, ...]:
    """The PBXs of a TOML file, ``[[pbx]]`` tables. Paths in it are from the file's folder.

    Raises TiktellerError with file, PBX and fix: a mistake here would be a PBX that is not read at every month's end.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TiktellerError(
            f"cannot read {path}: {error.strerror}", fix="name the file with your PBXs; docs/operator.md shows one"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TiktellerError(f"{path} is no TOML: {error}", fix="docs/operator.md shows one") from error
    tables = told.get("pbx")
    if unknown := sorted(set(told) - {"pbx"}):
        raise TiktellerError(
            f"{path} has {', '.join(unknown)} beside its PBXs", fix="a PBX is a table [[pbx]]; there is nothing else to set"
        )
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise TiktellerError(f"{path} names no PBX", fix="add a table [[pbx]] for each")
    pbxs = tuple(_pbx(path, place, table) for place, table in enumerate(tables, start=1))
    for place, pbx in enumerate(pbxs):
        if any((pbx.pbx_id, pbx.customer_id) == (other.pbx_id, other.customer_id) for other in pbxs[:place]):
            raise TiktellerError(f"{path}: {pbx.pbx_id} of {pbx.customer_id} stands in it twice", fix="leave one of the two")
    return pbxs


def _pbx(path: Path, place: int, table: dict[str, Any]) -> Pbx:
    where = f"{path}, [[pbx]] {place}" + (f" ({table['pbx_id']})" if isinstance(table.get("pbx_id"), str) else "")
    if unknown := sorted(set(table) - {*REQUIRED, *OPTIONAL}):
        raise TiktellerError(f"{where}: {', '.join(unknown)} is nothing it can have", fix=f"one of {', '.join((*REQUIRED, *OPTIONAL))}")
    for key, value in table.items():
        if not isinstance(value, str) or not value.strip() or any(sign in value for sign in "\r\n\0"):
            raise TiktellerError(f"{where}: {key} is no text of one line", fix=f'write {key} = "..."')
    if missing := [key for key in REQUIRED if key not in table]:
        raise TiktellerError(f"{where}: {', '.join(missing)} is missing", fix=f"give {', '.join(REQUIRED)}")
    for one, other in (("client_id", "username"), ("secret_env", "secret_file")):
        if (one in table) == (other in table):
            raise TiktellerError(f"{where}: give {one} or {other}, one of the two", fix="the key itself never stands in this file")
    address = urlsplit(table["url"])
    try:
        is_right = address.scheme == "https" and bool(address.hostname) and (address.port or 1) > 0
    except ValueError:
        is_right = False
    if not is_right or address.path.strip("/") or address.query or address.fragment or "@" in address.netloc:
        raise TiktellerError(
            f"{where}: url is not the address of a PBX", fix='such as url = "https://pbx.example.com:5001": https, and no path'
        )
    folder = path.resolve().parent
    return Pbx(
        pbx_id=table["pbx_id"].strip(),
        customer_id=table["customer_id"].strip(),
        service_code=table["service_code"].strip(),
        url=f"https://{address.netloc}",
        login="client" if "client_id" in table else "user",
        name=table.get("client_id") or table["username"],
        secret_env=table.get("secret_env"),
        secret_file=folder / table["secret_file"] if "secret_file" in table else None,
        ca_file=folder / table["ca_file"] if "ca_file" in table else None,
    )


def chosen(pbxs: Sequence[Pbx], pbx_ids: Iterable[str]) -> tuple[Pbx, ...]:
    """Those of ``pbx_ids``, or all where none is named. Raises TiktellerError on one that is not in the configuration."""
    wanted = set(pbx_ids)
    if unknown := sorted(wanted - {pbx.pbx_id for pbx in pbxs}):
        raise TiktellerError(f"{', '.join(unknown)} is not in the configuration", fix=f"one of {', '.join(pbx.pbx_id for pbx in pbxs)}")
    return tuple(pbx for pbx in pbxs if not wanted or pbx.pbx_id in wanted)


def read_pbxs(
    workspace: Workspace,
    pbxs: Sequence[Pbx],
    patience: Patience = Patience(),
    sleep: Callable[[float], None] = time.sleep,
) -> Readings:
    """Read every PBX and land what was read; one that fails stops no other, and has no row."""
    began = datetime.now(UTC)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        readings = tuple(pool.map(lambda pbx: _read(pbx, patience, sleep), pbxs))
    good = [reading for reading in readings if reading.extensions is not None]
    return Readings(readings, _land(workspace, began, good) if good else None)


def _read(pbx: Pbx, patience: Patience, sleep: Callable[[float], None]) -> Reading:
    read_at = datetime.now(UTC).replace(microsecond=0)  # before the first request: what is counted was so then, or changed since
    try:
        if pbx.ca_file and not pbx.ca_file.is_file():
            raise TiktellerError(f"there is no ca_file {pbx.ca_file}", fix="name the certificate of the PBX's authority, as PEM")
        access = Access(pbx.url, pbx.login, pbx.name, _secret(pbx), str(pbx.ca_file) if pbx.ca_file else None)
        return Reading(pbx, read_at, extensions=count_extensions(access, patience, sleep))
    except TiktellerError as problem:
        return Reading(pbx, read_at, problem=problem)
    except Exception as error:  # of one PBX; the others are read all the same
        return Reading(pbx, read_at, problem=TiktellerError(f"{type(error).__name__} while it was read", fix="please report it"))


def _secret(pbx: Pbx) -> str:
    if pbx.secret_env:
        secret = os.environ.get(pbx.secret_env, "")
        if not secret:
            raise TiktellerError(f"the environment variable {pbx.secret_env} is not set", fix="set it to the API key of this PBX")
        return secret
    assert pbx.secret_file
    try:
        secret = pbx.secret_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise TiktellerError(f"cannot read the secret in {pbx.secret_file}", fix="put the API key of this PBX there, alone") from error
    if not secret:
        raise TiktellerError(f"{pbx.secret_file} is empty", fix="put the API key of this PBX there, alone")
    return secret


def _land(workspace: Workspace, began: datetime, readings: Iterable[Reading]) -> Path:
    """One CSV, named by the moment the reading began, there as a whole or not at all. A file that is there is never changed."""
    text = io.StringIO(newline="")
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for reading in readings:
        pbx = reading.pbx
        rows.writerow((pbx.pbx_id, pbx.customer_id, pbx.service_code, reading.read_at.isoformat(), reading.extensions))
    folder = workspace.feed(FEED) / "threecx"
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"readings-{began:%Y%m%dT%H%M%S_%f}Z.csv"
    if file.exists():
        raise TiktellerError(f"{file} is there already", fix="read the PBXs again")
    unfinished = file.with_name(f".{file.name}.part")
    try:
        with unfinished.open("w", encoding="utf-8", newline="") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(file)
    finally:
        unfinished.unlink(missing_ok=True)
    return file
