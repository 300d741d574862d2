"""Figures that a partner decides by: fails if a picture says something else than its numbers."""

from __future__ import annotations

from datetime import date

import pandas as pd

from apps import charts


def lines(*limits_and_peaks: tuple[int, int]) -> pd.DataFrame:
    limits, peaks = zip(*limits_and_peaks, strict=True)
    return pd.DataFrame({"limit_calls": limits, "peak_calls": peaks, "headroom_calls": [limit - peak for limit, peak in limits_and_peaks]})


def words(fig: object) -> list[str]:
    return [note.text for note in fig.layout.annotations]


def test_a_peak_over_the_limit_is_red_and_longer() -> None:
    """Fails if a line that choked looks as one that has room, or the other way round."""
    fig = charts.lines_and_peaks(lines((4, 8), (4, 4), (4, 1)), ["A", "B", "C"], ["line", "line", "licence"], "en")
    limit, peak = fig.data
    assert list(peak.marker.color) == [charts.LOSS, charts.VOLUME, charts.VOLUME], "a peak that just fits is no fault"
    assert [peak.x[0] > limit.x[0], peak.x[1] == limit.x[1], peak.x[2] < limit.x[2]] == [True, True, True]


def test_a_line_with_much_room_does_not_squeeze_the_others() -> None:
    """Fails if one fibre line makes all other bars a hair, or if its number is cut with its bar."""
    fig = charts.lines_and_peaks(lines((2, 2), (10_578, 1)), ["A", "B"], ["line", "line"], "en")
    assert list(fig.data[0].x) == [2, 2 * charts.LONGEST_LIMIT]
    assert "10,578" in words(fig)
    assert "…" in words(fig)


def test_lines_without_any_call_are_drawn() -> None:
    fig = charts.lines_and_peaks(lines((4, 0), (0, 0)), ["A", "B"], ["line", "line"], "nl")
    assert list(fig.data[1].x) == [0, 0]


def test_a_name_is_no_markup() -> None:
    """Fails if a customer's name can run something in the partner's browser."""
    fig = charts.lines_and_peaks(lines((4, 1)), ["<b onclick=x>"], ["line"], "en")
    assert "<b onclick" not in str(fig.layout.yaxis.ticktext) + str(fig.data[0].customdata)


def test_days_over_the_limit_are_red() -> None:
    days = pd.DataFrame({"call_date": [date(2026, 10, day) for day in (1, 2, 3)], "peak_calls": [4, 5, 0]})
    assert list(charts.peaks_against_limit(days, 4, "en").data[0].marker.color) == [charts.VOLUME, charts.LOSS, charts.VOLUME]
    assert list(charts.peaks_against_limit(days, None, "en").data[0].marker.color) == [charts.VOLUME] * 3


def test_the_ticks_of_a_small_peak_are_whole_calls() -> None:
    """Fails if the axis of a customer with two calls at once reads 0, 1, 1, 2, 2."""
    days = pd.DataFrame({"call_date": pd.date_range("2026-10-01", periods=2), "peak_calls": [1, 2]})
    assert charts.peaks_against_limit(days, 4, "en").layout.yaxis.dtick == 1
    assert charts.peaks_against_limit(days, 5, "en").layout.yaxis.dtick == 1
    assert charts.peaks_against_limit(days, 6, "en").layout.yaxis.dtick is None, "the line of the limit is in sight too"
    assert charts.peaks_against_limit(days.assign(peak_calls=[60, 80]), 90, "en").layout.yaxis.dtick is None


def test_an_hour_without_calls_is_empty_and_not_zero() -> None:
    peaks = [[0] * 24 for _ in range(7)]
    peaks[0][9] = 3
    heat_map = charts.week(peaks, "nl").data[0]
    assert heat_map.text[0][9] == "3"
    assert heat_map.text[6][0] == ""
    assert list(heat_map.customdata[0][9]) == ["ma", "09:00 – 10:00", 3]
