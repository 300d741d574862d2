"""``init``, ``demo-data`` and ``app``: a workspace, what lies in it for a first look, and its dashboard."""

from __future__ import annotations

import argparse
import os
import sys
from typing import NoReturn

from orchestration.commands.grammar import AddVerb, count, workspace_of
from orchestration.errors import TiktellerError
from orchestration.workspace import PROJECT_ROOT

DEFAULT_PORT = 8501


def add_verbs(verb: AddVerb) -> None:
    verb("init", _init, "make an empty workspace")

    demo = verb("demo-data", _demo_data, "land realistic files in every feed, with known dirt in them")
    demo.add_argument("--calls", type=count, default=200_000, metavar="N", help="calls to make (200000)")
    demo.add_argument("--months", type=count, default=3, metavar="M", help="months up to October 2026 (3)")
    demo.add_argument("--seed", type=count, default=1, metavar="S", help="the same seed gives the same bytes (1)")
    demo.add_argument("--deck-prefixes", type=count, metavar="N", help="prefixes of the first partner's purchase deck (a few thousand)")

    app = verb("app", _app, "serve the dashboard")
    app.add_argument("--port", type=count, default=DEFAULT_PORT, metavar="N", help=f"where it listens ({DEFAULT_PORT})")
    app.add_argument("--headless", action="store_true", help="open no browser")


def _init(args: argparse.Namespace) -> int:
    from orchestration.landing.feeds import FEEDS

    workspace = workspace_of(args)
    is_new = not workspace.exists()
    workspace.create(tuple(feed.name for feed in FEEDS))
    print(f"{workspace.root} {'is a workspace now' if is_new else 'is a workspace already'}: put files in {workspace.landing}/<feed>/")
    return 0


def _demo_data(args: argparse.Namespace) -> int:
    from orchestration.demo import generate
    from orchestration.landing.feeds import FEEDS
    from orchestration.progress import printed

    workspace = workspace_of(args)
    workspace.create(tuple(feed.name for feed in FEEDS))
    summary = generate(
        workspace, calls=args.calls, months=args.months, seed=args.seed, progress=printed(), deck_prefixes=args.deck_prefixes
    )
    replaced = f", {summary.replaced} of them replaced" if summary.replaced else ""
    print(
        f"{summary.calls:,} calls from {summary.first_day} to {summary.last_day}, seed {summary.seed}: "
        f"{sum(summary.rows.values()):,} rows in {summary.files} files{replaced}, {summary.seconds:.1f} s"
    )
    return 0


def _app(args: argparse.Namespace) -> NoReturn:
    import socket

    workspace = workspace_of(args).require()
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", args.port))
        except (OSError, OverflowError) as error:
            raise TiktellerError(
                f"the dashboard cannot listen on port {args.port}: {getattr(error, 'strerror', None) or error}",
                fix=f"another program may be there; try tikteller app --port {args.port + 1}",
            ) from error
    print(f"The dashboard of {workspace.root} is at http://localhost:{args.port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "streamlit", "run", "apps/dashboard.py", "--server.port", str(args.port)]
    command += ["--server.headless", "true" if args.headless else "false"]
    os.chdir(PROJECT_ROOT)  # where .streamlit/ is
    # in this process's place, so that whoever ends us ends the server too
    os.execve(sys.executable, command, {**os.environ, "TIKTELLER_WORKSPACE": str(workspace.root)})
