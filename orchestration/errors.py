"""The one error that people are meant to read."""

from __future__ import annotations


class TiktellerError(Exception):
    """What went wrong and where, and in ``fix`` what to do about it. The command line prints it as one line, exit code 1."""

    def __init__(self, message: str, *, fix: str | None = None) -> None:
        self.message = message
        self.fix = fix
        super().__init__(f"{message}. Fix: {fix}" if fix else message)


class UsageError(TiktellerError):
    """Arguments that are right one by one but not together; exit code 2."""
