"""What long work says while it works: one line per finished step, with its rows and seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TextIO


class Progress(Protocol):
    """Called once per finished step. ``rows`` and ``seconds`` are left out where they say nothing."""

    def __call__(self, step: str, rows: int | None = None, seconds: float | None = None) -> None: ...


def silent(step: str, rows: int | None = None, seconds: float | None = None) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True)
class PrintedProgress:
    """Progress as lines of text, plain also where nobody watches: ``landing cdrs/standard    110,000 rows     1.2 s``."""

    stream: TextIO

    def __call__(self, step: str, rows: int | None = None, seconds: float | None = None) -> None:
        counted = "" if rows is None else f"{rows:>13,} rows"
        took = "" if seconds is None else f"{seconds:>8.1f} s"
        print(f"{step:<36}{counted:<18}{took}".rstrip(), file=self.stream, flush=True)


def printed(stream: TextIO | None = None) -> PrintedProgress:
    """Progress on ``stream``, else on standard error, so that what a verb prints for others stays clean."""
    return PrintedProgress(stream or sys.stderr)


@dataclass
class Timed:
    """What a step fills in while ``timed`` runs it."""

    rows: int | None = None


@contextmanager
def timed(progress: Progress, step: str) -> Iterator[Timed]:
    """Report ``step`` with its wall time when the block ends well; the block may set ``.rows``."""
    began = time.monotonic()
    counted = Timed()
    yield counted
    progress(step, counted.rows, time.monotonic() - began)
