"""One streaming look at a file's bytes: fingerprint, lines, encoding, and what makes it unreadable as a whole."""

from __future__ import annotations

import codecs
import hashlib
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

CHUNK_BYTES = 1 << 20
LONGEST_LINE_BYTES = 8 << 20  # a longer line is cut there: no feed has one, and memory stays bounded
HEAD_BYTES = 1 << 16
BOM = codecs.BOM_UTF8
GZIP_WINDOW = 31  # zlib's number for "gzip, largest window"

EMPTY_FIELDS = re.compile(rb'\n[ "]*[;,\t|][;,\t| "]*\r?(?:\n|$)')  # a line of delimiters only: blank, as spreadsheets write it
SPACE_BEFORE_QUOTE = re.compile(rb'(?:^|[,;|\n]) +"')
SPACE_AFTER_QUOTE = re.compile(rb'" +(?:[,;|"\r\n]|$)')


@dataclass(frozen=True)
class Fault:
    """Why something is not read: a reason for machines (``wrong_encoding``) and a detail for people."""

    reason: str
    detail: str


@dataclass(frozen=True)
class Scan:
    """What one pass over a file found.

    ``sha256`` is of the file's bytes as they lie there (compressed when it is), ``content_sha256`` of its text: the same under any
    name and compression. ``lines`` counts the text's lines, a last one without newline too. ``is_plain``: nothing in it on which
    readers disagree, so that the fast one may try.
    """

    sha256: str
    content_sha256: str
    lines: int
    text_bytes: int
    head: bytes
    has_crlf: bool
    is_plain: bool
    fault: Fault | None


class DamagedGzipError(Exception):
    """The compressed stream ends early or does not check; what came before it has been read."""


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


NOTHING_SHA256 = hashlib.sha256().hexdigest()


def unreadable(error: OSError) -> Fault:
    """What is wrong with a file that the system does not let us read."""
    return Fault("unreadable", f"it cannot be read: {error.strerror or error}; fix its rights or its disk, or land it again")


def unreadable_scan(error: OSError) -> Scan:
    """The scan of a file of which nothing can be had: refused whole, and another content than the file that it will be."""
    return Scan(NOTHING_SHA256, NOTHING_SHA256, 0, 0, b"", False, False, unreadable(error))


def _raw_chunks(path: Path, fingerprint: _Hash | None) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            if fingerprint is not None:
                fingerprint.update(chunk)
            yield chunk


def _unzipped(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The text of a gzip stream of one or more members. Raises DamagedGzipError, but only after all that can be had."""
    member = zlib.decompressobj(GZIP_WINDOW)
    is_begun = False
    for chunk in chunks:
        pending = chunk
        while pending:
            if member.eof:
                pending = pending.lstrip(b"\0")  # tapes and some tools pad members with zeros
                if not pending:
                    break
                member = zlib.decompressobj(GZIP_WINDOW)
            try:
                text = member.decompress(pending, CHUNK_BYTES)
            except zlib.error as error:
                for _ in chunks:  # the fingerprint is of all bytes
                    pass
                raise DamagedGzipError(f"the gzip stream is damaged ({error})") from error
            is_begun = True
            if text:
                yield text
            pending = member.unused_data if member.eof else member.unconsumed_tail
    if is_begun and not member.eof:
        if text := member.flush():
            yield text
        if not member.eof:
            raise DamagedGzipError("the gzip stream ends before its end")


def contents(path: Path, is_gzip: bool) -> tuple[str, str]:
    """The sha256 of the file's bytes and that of its text. Damage has no text: then both are of the bytes. Raises OSError."""
    fingerprint, content = hashlib.sha256(), hashlib.sha256()
    chunks = _raw_chunks(path, fingerprint)
    if not is_gzip:
        for _ in chunks:
            pass
        return fingerprint.hexdigest(), fingerprint.hexdigest()
    try:
        for text in _unzipped(chunks):
            content.update(text)
    except DamagedGzipError:
        return fingerprint.hexdigest(), fingerprint.hexdigest()
    return fingerprint.hexdigest(), content.hexdigest()


class UnzippedText(io.RawIOBase):
    """The text of a gzip file as a stream of bytes, read as ``scan`` reads it: every header and padding that gzip allows."""

    def __init__(self, path: Path) -> None:
        self._chunks = _unzipped(_raw_chunks(path, None))
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer, /) -> int:  # type: ignore[no-untyped-def]
        self._rest = self._rest or next(self._chunks, b"")
        taken = self._rest[: len(buffer)]
        buffer[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def _is_common_gzip(path: Path) -> bool:
    """Whether every reader takes the file: its header has a name at most. DuckDB's refuses others, which ours reads."""
    with path.open("rb") as file:
        start = file.read(4)
    return start[:2] == b"\x1f\x8b" and len(start) == 4 and start[3] & ~8 == 0


def text_chunks(path: Path, is_gzip: bool, fingerprint: _Hash | None = None) -> Iterator[bytes]:
    """The bytes of the file's text in pieces of whole lines (cut only where a line is absurdly long).

    Raises DamagedGzipError after the last piece that can be had, and OSError.
    """
    chunks = _raw_chunks(path, fingerprint)
    carried: list[bytes] = []
    carried_bytes = 0
    damage: DamagedGzipError | None = None
    source = _unzipped(chunks) if is_gzip else chunks
    while True:
        try:
            chunk = next(source, b"")
        except DamagedGzipError as error:
            damage, chunk = error, b""
        if not chunk:
            break
        end = chunk.rfind(b"\n") + 1
        if end or carried_bytes > LONGEST_LINE_BYTES:
            end = end or len(chunk)
            yield b"".join((*carried, chunk[:end]))
            carried, carried_bytes = [], 0
        if end < len(chunk):
            carried.append(chunk[end:])
            carried_bytes += len(chunk) - end
    if carried:
        yield b"".join(carried)
    if damage:
        raise damage


def _wrong_encoding(chunk: bytes, error: UnicodeDecodeError, lines_before: int) -> Fault:
    line = lines_before + chunk.count(b"\n", 0, error.start) + 1
    return Fault("wrong_encoding", f"line {line} has byte 0x{chunk[error.start]:02x}, which is not UTF-8")


def scan(path: Path, is_gzip: bool) -> Scan:
    """Read the file once, in bounded memory. Raises OSError when it cannot be read."""
    fingerprint = hashlib.sha256()
    content = hashlib.sha256() if is_gzip else None
    lines = text_bytes = returns = returns_with_newline = newlines = 0
    head = b""
    last = b""
    is_plain = True
    is_blank = True
    fault: Fault | None = None
    try:
        for chunk in text_chunks(path, is_gzip, fingerprint):
            if content is not None:
                content.update(chunk)
            if fault is None and not chunk.isascii():
                try:
                    chunk.decode("utf-8")
                except UnicodeDecodeError as error:
                    fault = _wrong_encoding(chunk, error, newlines)
            if len(head) < HEAD_BYTES:
                head += chunk[: HEAD_BYTES - len(head)]
            if b"\r" in chunk:
                returns += chunk.count(b"\r")
                returns_with_newline += chunk.count(b"\r\n")
            if is_plain and (b"\0" in chunk or (b'"' in chunk and _is_odd(chunk)) or _has_empty_line(chunk)):
                is_plain = False
            is_blank = is_blank and not chunk.strip()
            newlines += chunk.count(b"\n")
            text_bytes += len(chunk)
            last = chunk[-1:]
    except DamagedGzipError as error:
        fault = Fault("truncated", str(error))
        content = None  # of what is damaged only the bytes say which it is
    lines = newlines + (last not in (b"", b"\n"))
    if fault is None and (is_blank or head == BOM):
        fault = Fault("empty_file", "there is nothing in it")
    is_uniform = returns == 0 or returns == returns_with_newline == newlines
    return Scan(
        sha256=fingerprint.hexdigest(),
        content_sha256=(content or fingerprint).hexdigest(),
        lines=lines,
        text_bytes=text_bytes,
        head=head,
        has_crlf=returns > 0,
        is_plain=is_plain and is_uniform and fault is None and (not is_gzip or _is_common_gzip(path)),
        fault=fault,
    )


def _is_odd(chunk: bytes) -> bool:
    """Whether blanks stand between a quote and its delimiter: DuckDB drops them, others keep or refuse them.

    Tabs are not looked at closely. The order is by cost: a regular expression without a literal start takes 30 ms a MB.
    """
    if b"\t" in chunk:
        return True
    if b" " not in chunk:
        return False
    return bool(SPACE_AFTER_QUOTE.search(chunk)) or (b' "' in chunk and bool(SPACE_BEFORE_QUOTE.search(chunk)))


def _has_empty_line(chunk: bytes) -> bool:
    """Whether a line of the chunk (which begins with one) has nothing but delimiters in it."""
    if EMPTY_FIELDS.match(b"\n" + chunk[:4096]):
        return True
    return any(begin in chunk for begin in (b"\n;", b"\n,", b"\n\t", b"\n|", b'\n"', b"\n ")) and bool(EMPTY_FIELDS.search(chunk))


def undecoded_lines(path: Path, is_gzip: bool) -> Iterator[tuple[int, str]]:
    """Every line that can be had, with its number, for showing: NULs and what is not UTF-8 as escapes. Damage ends it."""
    number = 0
    try:
        for chunk in text_chunks(path, is_gzip):
            for line in chunk.split(b"\n") if not chunk.endswith(b"\n") else chunk[:-1].split(b"\n"):
                number += 1
                yield number, shown(line.removesuffix(b"\r"))
    except DamagedGzipError:
        return


def shown(line: bytes) -> str:
    """A line for people: UTF-8 where it is, escapes where it is not."""
    return line.removeprefix(BOM).decode("utf-8", "backslashreplace").replace("\0", "\\x00")
