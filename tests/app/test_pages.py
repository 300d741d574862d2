"""Each page on the published demo, without a browser: the right partner's file, the right numbers, both languages, no dead ends."""

from __future__ import annotations

import math
import shutil
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from streamlit.testing.v1 import AppTest

from apps import queries
from apps.language import money, number
from orchestration.serving import POINTER, connect, current_snapshot, published_partners
from orchestration.workspace import PROJECT_ROOT, Workspace

DASHBOARD = str(PROJECT_ROOT / "apps" / "dashboard.py")
SCREENS = ("screens/overview.py", "screens/pvc_matrix.py", "screens/margins.py")


@pytest.fixture
def app(demo_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    return opened(demo_workspace.root, monkeypatch)


def opened(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setenv("TIKTELLER_WORKSPACE", str(workspace))
    return AppTest.from_file(DASHBOARD, default_timeout=60).run()


def words(app: AppTest) -> str:
    """All that the page says in text."""
    parts = (*app.title, *app.subheader, *app.caption, *app.markdown, *app.info, *app.error)
    return "\n".join(part.value for part in parts)


def figures(app: AppTest) -> dict[str, str]:
    return {metric.label.split(" · ")[0]: metric.value for metric in app.metric}


def assert_sound(app: AppTest) -> None:
    assert not app.exception
    assert not app.error, [error.value for error in app.error]


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize(("language", "as_of"), [("nl", "Stand van"), ("en", "As of")])
def test_every_page_stands_in_both_languages(app: AppTest, screen: str, language: str, as_of: str) -> None:
    app.segmented_control(key="lang").set_value(language).run()
    app.switch_page(screen).run()
    assert_sound(app)
    assert as_of in words(app), "nobody knows how old the figures are"


@pytest.mark.parametrize("screen", SCREENS)
def test_every_page_stands_for_every_period(app: AppTest, snapshot: Path, screen: str) -> None:
    app.switch_page(screen).run()
    for period in ("all", "custom", *queries.months(str(snapshot))[-2:]):
        app.selectbox(key="period").set_value(period).run()
        assert_sound(app)


def test_dashboard_shows_the_sums_of_the_calls(app: AppTest, snapshot: Path) -> None:
    """A partner decides on these five numbers: they are those of ``calls``, not only of the aggregate that the page reads."""
    with connect(snapshot) as connection:
        found = connection.sql(
            """
            with newest as (select strftime(max(call_date), '%Y-%m') as month from calls)
            select count(*), sum(duration_s) filter (where status <> 'unanswered'), sum(sale_eur), sum(purchase_eur), sum(margin_eur)
            from calls, newest where strftime(call_date, '%Y-%m') = newest.month
            """
        ).fetchall()
    calls, seconds, sale, purchase, margin = found[0]
    assert figures(app) == {
        "Gesprekken": number("nl", calls),
        "Minuten": number("nl", Decimal(seconds) / 60),
        "Verkoop": money("nl", sale),
        "Inkoop": money("nl", purchase),
        "Marge": money("nl", margin),
    }


def test_another_partner_is_another_file(app: AppTest, demo_workspace: Workspace) -> None:
    """Fails if a partner sees a competitor's turnover."""
    second = published_partners(demo_workspace)[1]
    before = figures(app)
    app.selectbox(key="partner").set_value(second).run()
    assert_sound(app)
    name = queries.partner(str(current_snapshot(demo_workspace, second))).name
    assert app.title[0].value.replace("\\", "") == name
    assert figures(app) != before


def test_a_publication_shows_at_the_next_interaction(demo_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a partner keeps looking at yesterday's figures after the night's run."""
    root = tmp_path / "workspace"
    shutil.copytree(demo_workspace.serving, root / "serving")
    partner_id = published_partners(Workspace(root))[0]
    app = opened(root, monkeypatch)
    before = figures(app)
    old = current_snapshot(Workspace(root), partner_id)
    new = old.with_name("99990101T000000.duckdb")
    shutil.copyfile(old, new)
    with duckdb.connect(str(new)) as connection:
        connection.execute("update daily_calls set sale_eur = sale_eur + 1")
        connection.execute("update _snapshot set snapshot = ?", [new.stem])
    (old.parent / POINTER).write_text(new.name)
    app.run()
    assert figures(app)["Verkoop"] != before["Verkoop"]
    assert new.stem in words(app)


def test_margins_total_is_that_of_the_published_table(app: AppTest, snapshot: Path) -> None:
    app.switch_page("screens/margins.py").run()
    with connect(snapshot) as connection:
        month = connection.sql("select strftime(max(call_date), '%Y-%m') from daily_calls").fetchall()[0][0]
        sums = "select sum(sale_eur), sum(purchase_eur), sum(margin_eur) from margins where month = $month"
        calls = f"{sums} and kind = 'calls'"
        everything, calls_only = (connection.sql(sql, params={"month": month}).fetchall()[0] for sql in (sums, calls))
    for dimension, expected in (("customer", everything), ("destination", calls_only), ("service", everything), ("month", everything)):
        app.segmented_control(key="by").set_value(dimension).run()
        assert_sound(app)
        shown = figures(app)
        assert [shown[name] for name in ("Verkoop", "Inkoop", "Marge")] == [money("nl", amount) for amount in expected], dimension


def test_pvc_page_answers_as_the_check_value(app: AppTest) -> None:
    """448 kbit/s up, G.711, PPPoA: 4 calls (DOMAIN 7). One more sold and the line chokes."""
    app.switch_page("screens/pvc_matrix.py").run()
    app.selectbox(key="profile").set_value("own").run()
    app.number_input(key="up own").set_value(448).run()
    assert_sound(app)
    steps = app.table[0].value
    assert steps.iloc[-1, -1] == "4"
    assert "106,0 kbit/s" in list(steps.iloc[:, -1])
    app.selectbox(key="codec").set_value("G.729").run()
    app.segmented_control(key="srtp_tag").set_value(10).run()
    assert_sound(app)


def test_lines_are_shown_with_what_limits_them_and_their_peak(app: AppTest, snapshot: Path) -> None:
    """Fails if a partner sells a bigger line to the wrong customer, or misses the one whose calls no longer fit."""
    app.switch_page("screens/pvc_matrix.py").run()
    app.segmented_control(key="lines_shape").set_value("table").run()
    for codec in ("G.711", "G.729"):
        app.selectbox(key="lines_codec").set_value(codec).run()
        assert_sound(app)
        with connect(snapshot) as connection:
            expected = connection.execute(
                """
                select line_id, peak_calls, headroom_calls, concurrent_calls, channels, license_calls
                from line_capacity where codec = ? order by line_id
                """,
                [codec],
            ).fetchall()
        shown = app.dataframe[0].value.set_index("Lijn").sort_index()
        columns = shown[["Piek", "Over", "Past op de lijn", "Spraakkanalen", "Licentie"]]
        found = [(line, *(None if math.isnan(value) else int(value) for value in row)) for line, *row in columns.itertuples()]
        assert found == expected
        exceeded = sum(spare is not None and spare < 0 for _, _, spare, *_ in expected)
        assert f"{exceeded} van {len(expected)} lijnen" in words(app) or not exceeded
        assert set(shown["Begrensd door"]) <= {"lijn", "spraakkanalen", "licentie", ""}


def test_a_line_that_cannot_be_computed_is_named(app: AppTest, demo_workspace: Workspace) -> None:
    """Fails if a line without a known profile silently leaves the picture: nobody would fix the feed."""
    app.selectbox(key="partner").set_value("kustlijn").run()
    app.switch_page("screens/pvc_matrix.py").run()
    assert_sound(app)
    assert "satelliet" in words(app)
    assert "Niet te berekenen" in words(app)


def test_the_week_is_that_of_the_chosen_customer(app: AppTest, snapshot: Path) -> None:
    app.switch_page("screens/pvc_matrix.py").run()
    chosen = app.selectbox(key="lines_customer")
    customers = dict(ask(snapshot, "select name, customer_id from customers"))
    last = chosen.options[-1]
    chosen.set_value(customers[last]).run()
    assert_sound(app)
    assert f"De week van {last}" in words(app).replace("\\", "")
    peaks = queries.peaks_by_hour(str(snapshot), customers[last])
    sql = f"select max(peak_calls) from concurrency where customer_id = '{customers[last]}'"
    assert max(max(day) for day in peaks) == ask(snapshot, sql)[0][0]


def test_a_partner_without_lines_is_told_so(demo_workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if the whole page falls over because one feed is empty."""
    root = tmp_path / "workspace"
    shutil.copytree(demo_workspace.serving, root / "serving")
    with duckdb.connect(str(current_snapshot(Workspace(root), published_partners(Workspace(root))[0]))) as connection:
        connection.execute("delete from line_capacity")
    app = opened(root, monkeypatch)
    app.switch_page("screens/pvc_matrix.py").run()
    assert_sound(app)
    assert "geen internetlijnen" in words(app)
    assert "De hele matrix" in words(app)


def ask(snapshot: Path, sql: str) -> list[tuple]:
    with connect(snapshot) as connection:
        return connection.sql(sql).fetchall()


def test_profiles_are_marked_as_examples(app: AppTest) -> None:
    """Fails if a partner sells a line by the speed of a product that does not exist."""
    app.switch_page("screens/pvc_matrix.py").run()
    assert all("voorbeeld" in name for name in app.selectbox(key="profile").options[:-1])
    assert "geen producten" in words(app)


def test_nothing_published_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = opened(tmp_path, monkeypatch)
    assert_sound(app)
    assert "make demo" in words(app)
    assert "tikteller run" in words(app)


def test_an_unreadable_snapshot_is_one_clear_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails if a partner gets a traceback."""
    folder = tmp_path / "serving" / "p1"
    folder.mkdir(parents=True)
    (folder / "broken.duckdb").write_bytes(b"no database")
    (folder / POINTER).write_text("broken.duckdb")
    app = opened(tmp_path, monkeypatch)
    assert not app.exception
    assert "kenmerk" in words(app)
    assert "Traceback" not in words(app)


def test_reversed_days_are_explained(app: AppTest) -> None:
    app.selectbox(key="period").set_value("custom").run()
    last = app.date_input(key="to").value
    app.date_input(key="to").set_value(app.date_input(key="from").value.replace(day=1)).run()
    app.date_input(key="from").set_value(last).run()
    assert not app.exception
    assert "eerste dag" in words(app)
