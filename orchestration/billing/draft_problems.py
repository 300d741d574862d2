"""What keeps drafts back, for people: one sentence per calls, PBX or service, with the mend (table ``draft_problems``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import duckdb

from orchestration import serving

SHOWN = 5
"""So many of a draft's problems are told in full; the rest are counted."""


@dataclass(frozen=True)
class DraftProblem:
    """One row of ``draft_problems``; ``occurrences`` are calls or charges."""

    invoice_id: str
    customer_id: str
    reason: str
    subject: str | None
    charged_month: str | None
    occurrences: int
    example: str | None
    why: str
    mend: str

    def sentence(self) -> str:
        """``3 calls (deck-1 GB MOB), such as 00447700900001: no row of the deck ... . Mend: land one (purchase_rates)``."""
        return f"{self._what()}: {self.why}. Mend: {self.mend}"

    def _what(self) -> str:
        if self.reason == "missing_reading":
            return f"{self.seats()}, {self.last_read()}"
        if self.charged_month:
            return f"{self.subject} in {self.charged_month}" + (f", such as order {self.example}" if self.example else "")
        if self.example:
            about = f" ({self.subject})" if self.subject else ""
            return f"{self.occurrences:,} {'call' if self.occurrences == 1 else 'calls'}{about}, such as {self.example}"
        return self.subject or self.reason

    def seats(self) -> str:
        return f"seats of {self.charged_month} of PBX {self.subject or '(none in the order)'}"

    def last_read(self) -> str:
        return f"last read on {self.example}" if self.example else "never read"


def draft_problems(snapshot: duckdb.DuckDBPyConnection, month: str) -> Mapping[str, Sequence[DraftProblem]]:
    """invoice_id -> what keeps it back, the most frequent first; of a partner's snapshot and a month of drafts."""
    result = snapshot.execute(
        "select invoice_id, customer_id, reason, subject, charged_month, occurrences, example, why, mend from draft_problems"
        " where month = ? order by invoice_id, occurrences desc, reason, subject, charged_month",
        [month],
    )
    found: dict[str, list[DraftProblem]] = {}
    for problem in serving.rows_as(DraftProblem, result):
        found.setdefault(problem.invoice_id, []).append(problem)
    return found


def by_problem(problems: Mapping[str, Sequence[DraftProblem]]) -> dict[str, list[DraftProblem]]:
    """Sentence -> the drafts' problems that it tells: what a partner lacks is one sentence, however many drafts it keeps back."""
    found: dict[str, list[DraftProblem]] = {}
    for of_draft in problems.values():
        for problem in of_draft:
            found.setdefault(problem.sentence(), []).append(problem)
    return found


def told(problems: Iterable[DraftProblem]) -> Iterator[str]:
    """A line per problem, the first SHOWN of them."""
    yield from told_some([problem.sentence() for problem in problems], " (table draft_problems)")


def told_some(sentences: Sequence[str], where_the_rest_is: str = "") -> Iterator[str]:
    """The first SHOWN, and how many more."""
    yield from sentences[:SHOWN]
    if len(sentences) > SHOWN:
        yield f"and {len(sentences) - SHOWN:,} more{where_the_rest_is}"
