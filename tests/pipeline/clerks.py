"""Several people who do the same at the same moment, each in a process of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from loky import ProcessPoolExecutor

from orchestration import state
from orchestration.workspace import Workspace

Done = TypeVar("Done")

CLERKS = 4
PATIENCE_S = 120


def at_once(workspace: Workspace, act: Callable[[Workspace], Done], folder: Path) -> list[Done]:
    """What each of CLERKS processes gets from ``act``. All begin when the last of them is ready, told by files in ``folder``."""
    folder.mkdir()
    with ProcessPoolExecutor(CLERKS) as pool:
        url = os.environ.get("TIKTELLER_STATE_URL")
        waiting = [pool.submit(_act, act, workspace, url, folder) for _ in range(CLERKS)]
        return [each.result() for each in waiting]


def _act(act: Callable[[Workspace], Done], workspace: Workspace, url: str | None, folder: Path) -> Done:
    if url:
        os.environ["TIKTELLER_STATE_URL"] = url
    state.engine(workspace)  # its tables are made by one after another
    (folder / str(os.getpid())).touch()
    deadline = time.monotonic() + PATIENCE_S
    while len(list(folder.iterdir())) < CLERKS:
        if time.monotonic() > deadline:
            raise TimeoutError(f"only {len(list(folder.iterdir()))} of {CLERKS} began")
        time.sleep(0.01)
    return act(workspace)
