"""What whoever starts a run decides about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RunSettings:
    """
    accept_landed   publish although the expectations on what landed fail: somebody has looked at it
    rebuild         forget the warehouse and land everything again; landing/ is never changed, so nothing is lost
    """

    accept_landed: bool = False
    rebuild: bool = False
