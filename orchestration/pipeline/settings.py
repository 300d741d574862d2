"""What whoever starts a run decides about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSettings:
    """
    accept_landed   publish although the expectations on what landed fail: somebody has looked at it
    rebuild         make the warehouse anew from landing/; what lies there no longer is kept from the one before
    """

    accept_landed: bool = False
    rebuild: bool = False
