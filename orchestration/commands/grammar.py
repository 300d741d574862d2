"""What verbs are made of: the parser that speaks like the rest of us, the kinds of values it reads, and how a verb is added."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import NoReturn, Protocol

from orchestration.errors import TiktellerError
from orchestration.workspace import Workspace, open_workspace

FAILED, MISUSED, INTERRUPTED = 1, 2, 130

Verb = Callable[[argparse.Namespace], int]


class Parser(argparse.ArgumentParser):
    """Says what is wrong with the usage in one line, as every other error is said. ``later`` adds arguments when they are needed."""

    later: Callable[[argparse.ArgumentParser], None] | None = None

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        if self.later:
            add_arguments, self.later = self.later, None
            add_arguments(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        self.exit(MISUSED, f"tikteller: {message}. Fix: {self.prog} --help\n")


class AddVerb(Protocol):
    """Adds a verb to a command line: its name, what it runs, what it says of itself, and parsers whose arguments it takes too."""

    def __call__(self, name: str, run: Verb, says: str, *parents: argparse.ArgumentParser) -> Parser: ...


def adding_to(parser: argparse.ArgumentParser, metavar: str, everywhere: argparse.ArgumentParser) -> AddVerb:
    """The way to add verbs to ``parser``; all of them take the arguments of ``everywhere``."""
    verbs = parser.add_subparsers(metavar=metavar, required=True, parser_class=Parser)

    def add(name: str, run: Verb, says: str, *parents: argparse.ArgumentParser) -> Parser:
        added = verbs.add_parser(name, help=says, description=says, parents=[everywhere, *parents])
        added.set_defaults(verb=run)
        return added

    return add


def count(text: str) -> int:
    """A whole number, zero or more, also as ``200_000`` or ``200,000``."""
    digits = text.replace("_", "").replace(",", "")
    if not digits.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(digits)


def day(text: str) -> date:
    """A day in ISO 8601."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a day; write it as 2026-10-31") from None


def workspace_of(args: argparse.Namespace) -> Workspace:
    return open_workspace(args.workspace)


def one_line(error: Exception) -> str:
    """An error as a person reads it: what, where and the fix; of one that is nobody's, how to see more."""
    if isinstance(error, TiktellerError):
        return " ".join(str(error).split())
    where = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) and error.filename else str(error)
    return " ".join(f"{type(error).__name__}: {where}. Fix: the same with --debug shows where; please report it".split())


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A name beside ``path`` to write to; takes its place when the block ends well, and leaves nothing when not."""
    if not path.parent.is_dir():
        raise TiktellerError(f"cannot write {path}: there is no folder {path.parent}", fix="make the folder, or name another file")
    unfinished = path.with_name(f".{path.name}.part")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
