"""A PostgreSQL of one's own: Debian's, on a socket in a temporary folder, gone when the block ends."""

from __future__ import annotations

import glob
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SETTINGS = ("listen_addresses=''", "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=50")


def programs() -> Path:
    """Where initdb and pg_ctl are. Raises FileNotFoundError with the fix where PostgreSQL is not installed."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/pg_ctl"))
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: apt-get install postgresql (.ci/run does)")
    return Path(found[-1]).parent


@contextmanager
def running_postgres(*settings: str) -> Iterator[str]:
    """The URL of an empty database, as ``TIKTELLER_STATE_URL`` takes it. Runs as user postgres where we are root: it refuses to be root."""
    folder = Path(tempfile.mkdtemp(prefix="tikteller-pg-"))
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    user = "postgres" if as_user else os.environ.get("USER", "postgres")
    if as_user:
        shutil.chown(folder, "postgres")
    data, tools = folder / "data", programs()

    def run(*command: str) -> None:
        done = subprocess.run([*as_user, *command], capture_output=True, text=True, cwd=folder)
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed: {done.stdout[-500:]} {done.stderr[-1500:]}")

    try:
        run(str(tools / "initdb"), "-D", str(data), "-A", "trust", "-U", user, "-E", "UTF8", "--no-sync")
        options = " ".join(f"-c {each}" for each in (f"unix_socket_directories={folder}", *SETTINGS, *settings))
        run(str(tools / "pg_ctl"), "-D", str(data), "-w", "-t", "60", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql+psycopg://{user}@/postgres?host={folder}"
        finally:
            run(str(tools / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
