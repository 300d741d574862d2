"""The command line: the verbs, and nothing else. A verb imports what it needs when it is called, so that the others stay quick."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from orchestration.commands import asking, commissions, month_end, pipeline, prices, receivables, sources, state, workspace
from orchestration.commands.grammar import FAILED, INTERRUPTED, MISUSED, Parser, adding_to, one_line
from orchestration.errors import UsageError
from orchestration.output import FORMATS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; returns 0, 1 when it failed, 2 for wrong usage, 130 when interrupted. Errors are one line on stderr."""
    args = _parser().parse_args(arguments, argparse.Namespace(workspace=None, debug=False))
    try:
        code = args.verb(args)
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # the reader has seen enough, as in `tikteller sql ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("tikteller: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        if args.debug:
            raise
        print(f"tikteller: {one_line(error)}", file=sys.stderr)
        return MISUSED if isinstance(error, UsageError) else FAILED


def _parser() -> argparse.ArgumentParser:
    everywhere = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    everywhere.add_argument("--workspace", metavar="DIR", help="where all is kept (TIKTELLER_WORKSPACE, else data/)")
    everywhere.add_argument("--debug", action="store_true", help="show the traceback of an error")
    printing = argparse.ArgumentParser(add_help=False)
    printing.add_argument("--format", choices=FORMATS, default="table", help="table (default), json or csv")

    parser = Parser(prog="tikteller", description="Call records in; exact invoices, margins and line capacity out.", parents=[everywhere])
    verb = adding_to(parser, "VERB", everywhere)

    workspace.add_verbs(verb)
    pipeline.add_verbs(verb, printing)
    sources.add_verbs(verb, everywhere)
    asking.add_verbs(verb)
    prices.add_verbs(verb, printing)
    month_end.add_verbs(verb, everywhere, printing)
    receivables.add_verbs(verb, printing)
    commissions.add_verbs(verb, everywhere, printing)
    state.add_verbs(verb, everywhere, printing)
    return parser


if __name__ == "__main__":
    sys.exit(main())
