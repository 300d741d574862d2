"""Telling somebody that a run did not go well: ``TIKTELLER_ON_FAILURE`` is a command or a URL, which gets the problem as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from typing import Any

from orchestration.progress import Progress
from orchestration.workspace import Workspace

PATIENCE_S = 30
ALERT = "TIKTELLER_ON_FAILURE"


def tell(workspace: Workspace, report: Mapping[str, Any], progress: Progress) -> None:
    """Give the report to whom the operator named: a command of the shell on its standard input, a URL as the body of a POST.

    That nobody could be told is told as progress, and changes nothing about the run.
    """
    whom = os.environ.get(ALERT)
    if not whom:
        return
    body = json.dumps({"workspace": str(workspace.root), **report}, default=str).encode()
    try:
        if whom.startswith(("http://", "https://")):
            request = urllib.request.Request(whom, body, {"Content-Type": "application/json"})
            urllib.request.urlopen(request, timeout=PATIENCE_S).close()
        else:
            subprocess.run(whom, shell=True, input=body, check=True, capture_output=True, timeout=PATIENCE_S)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        progress(f"nobody was told: {ALERT}: {error}")
