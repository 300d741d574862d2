"""The reports of ``tikteller export``: what each holds, how it is asked, and the files it becomes.

To add one: a ``Report`` in a module of its kind here, and its name in ``REPORTS`` follows. It reads published tables only.
"""

from __future__ import annotations

from collections.abc import Mapping

from orchestration.errors import UsageError
from orchestration.reports import finance, prices, purchase, receivables
from orchestration.reports.definition import Report

REPORTS: dict[str, Report] = {
    report.name: report for report in (*finance.REPORTS, *receivables.REPORTS, *prices.REPORTS, *purchase.REPORTS)
}


def report_named(name: str) -> Report:
    """The report of that name. Raises UsageError, which lists them all."""
    if name not in REPORTS:
        raise UsageError(f"there is no report {name!r}", fix=f"there are {', '.join(REPORTS)}")
    return REPORTS[name]


def answering(report: Report, asked: Mapping[str, str]) -> Report:
    """The report that answers these parameters: itself, or the one that it names for one of them."""
    return next((REPORTS[other] for parameter, other in report.instead.items() if parameter in asked), report)
