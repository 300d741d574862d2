"""Fails if a person reads the figures of another month or another partner than the one he chose, or than his link names."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from apps import queries
from apps.language import month
from orchestration.serving import current_snapshot, published_partners
from orchestration.workspace import PROJECT_ROOT, Workspace

DASHBOARD = str(PROJECT_ROOT / "apps" / "dashboard.py")
MARGINS = "screens/margins.py"


@pytest.fixture(autouse=True)
def workspace(demo_workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("TIKTELLER_WORKSPACE", str(demo_workspace.root))
    return demo_workspace


@pytest.fixture
def earlier_month(snapshot: Path) -> str:
    """Not the one that the app opens with."""
    return queries.months(str(snapshot))[-2]


def opened(**address: str) -> AppTest:
    """A new session at this address."""
    app = AppTest.from_file(DASHBOARD, default_timeout=60)
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def address_of(app: AppTest) -> dict[str, str]:
    return {name: value[0] if isinstance(value, list) else value for name, value in app.query_params.items()}


def captions(app: AppTest) -> str:
    return "\n".join(caption.value for caption in app.caption)


def assert_shows_nothing(app: AppTest) -> None:
    assert not app.exception
    assert not app.metric
    assert not app.title
    assert not app.caption
    assert len(app.error) == 1


def test_a_period_stays_through_language_page_and_reload(earlier_month: str) -> None:
    app = opened()
    app.selectbox(key="period").set_value(earlier_month).run()
    app.segmented_control(key="lang").set_value("en").run()
    assert f"Calls of {month('en', earlier_month)}" in captions(app)
    app.switch_page(MARGINS).run()
    app.run()
    assert f"Calls and services of {month('en', earlier_month)}" in captions(app)
    assert app.selectbox(key="period").value == earlier_month
    address = address_of(app)
    assert (address["period"], address["lang"], address["by"]) == (earlier_month, "en", "customer")
    assert f"Calls of {month('en', earlier_month)}" in captions(opened(**address))


@pytest.mark.parametrize("language", ["nl", "en"])
def test_a_link_opens_exactly_what_it_names(workspace: Workspace, earlier_month: str, language: str) -> None:
    for partner_id in published_partners(workspace):
        app = opened(partner=partner_id, lang=language, period=earlier_month)
        assert not app.error
        assert app.title[0].value.replace("\\", "") == queries.partner(str(current_snapshot(workspace, partner_id))).name
        assert month(language, earlier_month) in captions(app)
        assert address_of(app) == {"partner": partner_id, "lang": language, "period": earlier_month}


def test_a_link_names_days(earlier_month: str) -> None:
    days = {"from": f"{earlier_month}-03", "to": f"{earlier_month}-05"}
    app = opened(period="custom", lang="en", **days)
    assert f"Calls of 3 – 5 {month('en', earlier_month)}" in captions(app)
    app.switch_page(MARGINS).run()
    app.segmented_control(key="lang").set_value("nl").run()
    assert {name: address_of(app)[name] for name in days} == days
    app.selectbox(key="period").set_value("all").run()
    assert not days.keys() & address_of(app).keys()


def test_a_dimension_stays_over_pages_and_languages() -> None:
    app = opened()
    app.switch_page(MARGINS).run()
    app.segmented_control(key="by").set_value("service").run()
    app.switch_page("screens/overview.py").run()
    assert "by" not in address_of(app)
    app.segmented_control(key="lang").set_value("en").run()
    app.switch_page(MARGINS).run()
    assert app.segmented_control(key="by").value == address_of(app)["by"] == "service"


def test_an_unknown_partner_shows_no_numbers_until_one_is_chosen(workspace: Workspace) -> None:
    app = opened(partner="nobody", lang="en")
    assert_shows_nothing(app)
    assert "nobody" in app.error[0].value
    assert_shows_nothing(app.run())
    partner_id = published_partners(workspace)[1]
    app.selectbox(key="partner").set_value(partner_id).run()
    assert app.metric
    assert address_of(app)["partner"] == partner_id


@pytest.mark.parametrize(
    "address", [{"period": "1999-01"}, {"period": "september 2026"}, {"period": "custom", "from": "x"}], ids=["month", "label", "day"]
)
def test_an_unknown_period_shows_no_numbers(address: dict[str, str]) -> None:
    app = opened(**address)
    assert_shows_nothing(app)
    assert_shows_nothing(app.run())
