"""The state itself: keep it aside, see whether it is whole, put it back."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from orchestration.commands.grammar import FAILED, AddVerb, adding_to, workspace_of
from orchestration.errors import TiktellerError, UsageError
from orchestration.output import Answer, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestration.state.backup import Held
    from orchestration.state.checking import Checked


def add_verbs(verb: AddVerb, everywhere: argparse.ArgumentParser, printing: argparse.ArgumentParser) -> None:
    action = adding_to(verb("state", _usage, "what was decided: back it up, check it, restore it"), "ACTION", everywhere)
    keeping = action("backup", _backup, "write all that was decided to one file, while others go on deciding; it is checked")
    keeping.add_argument("file", type=Path, metavar="FILE", help="the file to write; one that is there is never replaced")
    checking = action("check", _check, "whether all that was made final is what it was; exits 1 and names what is not", printing)
    checking.add_argument("file", type=Path, nargs="?", metavar="FILE", help="a backup; without: the state itself")
    restoring = action("restore", _restore, "put a backup into an empty state, SQLite or PostgreSQL")
    restoring.add_argument("file", type=Path, metavar="FILE", help="a file that tikteller state backup wrote")


def _usage(args: argparse.Namespace) -> int:
    raise UsageError("state needs an action", fix="tikteller state backup, check or restore")


def _backup(args: argparse.Namespace) -> int:
    from orchestration.state.backup import back_up

    print(f"{args.file}: {_told(back_up(workspace_of(args), args.file))}")
    return 0


def _check(args: argparse.Namespace) -> int:
    from orchestration.state.backup import check_file, check_state

    checked = check_file(args.file) if args.file else check_state(workspace_of(args))
    rows = [(each.kind, each.rows, len(each.damaged)) for each in checked]
    write(Answer(("kind", "rows", "damaged"), rows), args.format, sys.stdout)
    return FAILED if _told_damage(checked) else 0


def _restore(args: argparse.Namespace) -> int:
    from orchestration import state
    from orchestration.state.backup import restore

    workspace = workspace_of(args)
    print(f"{args.file} is restored: {_told(restore(workspace, args.file))}")
    try:
        state.require_not_older(workspace)
    except TiktellerError as error:
        print(f"what was decided since is not in it; docs/operator.md says how to go on. {error.message}", file=sys.stderr)
        return FAILED
    return 0


def _told(held: Held) -> str:
    _told_damage(held.checked)
    last = f", the last at {held.last_decided_at}" if held.last_decided_at else ""
    return f"{held.decisions:,} decisions{last}, {held.invoices:,} invoices, {held.size_bytes:,} bytes; all that is final is whole"


def _told_damage(checked: Sequence[Checked]) -> int:
    damaged = [each for kind in checked for each in kind.damaged]
    for each in damaged:
        print(each, file=sys.stderr)
    return len(damaged)
