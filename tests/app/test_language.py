"""Fails if a Dutch partner reads € 1,234.56 as one euro and 23 cents, or if a page shows a key instead of words."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from string import Formatter

import pytest

from apps.language import LANGUAGES, REASONS, TEXTS, change, days, minutes, money, month, months, number, percent, reason, text, verbatim

DBT_PROJECT = Path("dbt_project")
SOURCES = [path for path in Path("apps").rglob("*.py") if path.name != "language.py"]


@pytest.mark.parametrize(
    ("amount", "decimals", "dutch", "english"),
    [
        ("1234.56", 2, "€ 1.234,56", "€1,234.56"),
        ("-1234.56", 2, "€ -1.234,56", "-€1,234.56"),
        ("0.04285", 4, "€ 0,0429", "€0.0429"),  # a tie goes away from zero
        ("-0.125", 2, "€ -0,13", "-€0.13"),
        ("1234567.005", 2, "€ 1.234.567,01", "€1,234,567.01"),
        ("0", 2, "€ 0,00", "€0.00"),
        ("-0.004", 2, "€ 0,00", "€0.00"),  # a loss that rounds to nothing is none
    ],
)
def test_money_is_written_as_each_language_does(amount: str, decimals: int, dutch: str, english: str) -> None:
    assert money("nl", Decimal(amount), decimals) == dutch
    assert money("en", Decimal(amount), decimals) == english


def test_no_number_is_not_zero() -> None:
    assert {money("nl", None), number("en", None), percent("nl", None)} == {"–"}


def test_percentages_and_changes() -> None:
    assert percent("nl", Decimal("12.34")) == "12,3 %"
    assert percent("en", Decimal("12.35")) == "12.4%"
    assert change("nl", Decimal(110), Decimal(100)) == "+10,0 %"
    assert change("en", Decimal(-50), Decimal(-100)) == "+50.0%", "a smaller loss is an improvement"
    assert change("nl", Decimal(1), Decimal(0)) is None


def test_minutes_are_not_lost() -> None:
    assert number("nl", minutes(90), 1) == "1,5"


def test_days_and_months_are_words() -> None:
    assert month("nl", "2026-10") == "oktober 2026"
    assert months("en", ("2026-08", "2026-09", "2026-10")) == "August – October 2026"
    assert months("nl", ("2025-12", "2026-01")) == "december 2025 – januari 2026"
    assert days("nl", date(2026, 10, 1), date(2026, 10, 31)) == "oktober 2026"
    assert days("en", date(2026, 8, 1), date(2026, 10, 31)) == "August – October 2026"
    assert days("nl", date(2026, 10, 1), date(2026, 10, 14)) == "1 – 14 oktober 2026"
    assert days("nl", date(2025, 12, 30), date(2026, 1, 2)) == "30 december 2025 – 2 januari 2026"


def test_both_languages_say_the_same_things() -> None:
    """A text with {count} in one language and without it in the other says less to some partners."""
    for key, (dutch, english) in TEXTS.items():
        fields = [{field for _, field, _, _ in Formatter().parse(words) if field} for words in (dutch, english)]
        assert dutch, key
        assert english, key
        assert fields[0] == fields[1], key


def test_pages_use_the_words_that_exist_and_no_word_is_left_over() -> None:
    code = "\n".join(path.read_text() for path in SOURCES)
    used = set(re.findall(r"""(?:say|text)\(\s*(?:(?:view\.)?language,\s*)?["'](\w+)["']""", code))
    assert used, "the pattern no longer finds how pages ask for words"
    assert used <= TEXTS.keys()
    families = ("by_", "kind_", "download_")
    left_over = {key for key in TEXTS if not re.search(rf"""["']{key}["']""", code) and not key.startswith(families)}
    assert not left_over


def test_a_name_is_shown_and_not_interpreted() -> None:
    assert verbatim("De *Gouden* [Leeuw](x)") == r"De \*Gouden\* \[Leeuw\]\(x\)"
    assert {text(language, "total") for language in LANGUAGES} == {"Totaal", "Total"}


def _quarantine_reasons() -> set[str]:
    """What the feeds, the four dialects and landing itself refuse rows for, as it is written there."""
    declared = (DBT_PROJECT / "models/staging/landing/_landing__sources.yml").read_text()
    found = set(re.findall(r"(?:reason|unknown): ([a-z0-9_]+)", declared))
    calls = DBT_PROJECT / "models/intermediate/calls/int_calls_attributed.sql"
    for model in (*(DBT_PROJECT / "models/staging/cdrs").glob("stg_*.sql"), calls):
        verdict = model.read_text().partition("end as reject_reason")[0].rpartition("    case\n")[2]
        found |= set(re.findall(r"then '([a-z0-9_]+)'", verdict))
    for module in (DBT_PROJECT.parent / "orchestration/landing").glob("*.py"):
        found |= set(re.findall(r'Fault\("([a-z0-9_]+)"', module.read_text()))
    return found - {"too_few"}  # of a line that goes on in the next


def test_every_reason_has_words() -> None:
    """A partner would read `deck_version_blocked` in the middle of a Dutch sentence, and not know what is wrong with its price list."""
    reasons = _quarantine_reasons()
    assert {"deck_version_blocked", "wrong_header", "numbers_disagree", "other_partners_row"} <= reasons
    assert {code for code in reasons for language in LANGUAGES if reason(language, code) == f"`{code}`"} == set()


def test_reasons_are_words_in_both_languages() -> None:
    assert reason("nl", "duration_over_24h") == "langer dan 24 uur"
    assert reason("en", "invalid_tier") == "unreadable value in `tier`"
    assert reason("nl", "missing_prefix") == "zonder `prefix`"
    assert reason("nl", "brand_new_code") == "`brand_new_code`"
    assert all(dutch and english for dutch, english in REASONS.values())
