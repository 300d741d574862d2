"""``python -m orchestration.demo --workspace DIR --calls N --months M --seed S``."""

from __future__ import annotations

import argparse
import sys

from orchestration.demo import generate
from orchestration.errors import TiktellerError
from orchestration.progress import printed
from orchestration.workspace import open_workspace


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m orchestration.demo", description=generate.__doc__)
    parser.add_argument("--workspace")
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--months", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deck-prefixes", type=int)
    args = parser.parse_args()

    try:
        summary = generate(open_workspace(args.workspace), args.calls, args.months, args.seed, printed(), args.deck_prefixes)
    except TiktellerError as error:
        print(error, file=sys.stderr)
        return 1
    print(summary)
    return 0


if __name__ == "__main__":
    sys.exit(main())
