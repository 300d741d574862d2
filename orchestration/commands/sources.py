"""Sources of call records: how a file would be read before it lands."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from orchestration.commands.grammar import AddVerb, adding_to, workspace_of
from orchestration.output import Answer, write


def add_verbs(verb: AddVerb, everywhere: argparse.ArgumentParser) -> None:
    action = adding_to(verb("source", _try, "sources of call records (sources.toml)"), "ACTION", everywhere)
    trying = action("try", _try, "the first rows of a file as read and as rated, what is doubtful, and a format for an unknown file")
    trying.add_argument("file", type=Path, metavar="FILE", help="call records of a switch or a wholesaler; it need not lie in landing/")
    trying.add_argument("--format", dest="format_name", metavar="F", help="a format that ships or that sources.toml describes")
    trying.add_argument("--as", dest="form", choices=("table", "json", "csv"), default="table", help="how the rows are printed (table)")


def _try(args: argparse.Namespace) -> int:
    from orchestration.landing.trial import try_source

    trial = try_source(workspace_of(args), args.file, args.format_name)
    write(Answer(trial.columns, list(trial.rows)), args.form, sys.stdout)
    notes = sys.stdout if args.form == "table" else sys.stderr
    print(f"\nread by format {trial.format_name}", file=notes)
    for doubt in trial.doubts:
        print(f"doubtful: {doubt}", file=notes)
    if trial.proposal:
        print(f"\nfor sources.toml:\n\n{trial.proposal}", file=notes)
    return 0
