"""What only a browser can tell: that a partner sees drawn figures, in his language, and that his downloads are to the cent."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from apps import queries
from apps.language import Language, money, month, number
from orchestration.serving import connect
from tests.app.conftest import Served

OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
PAGES: dict[str, dict[Language, str]] = {
    "": {"nl": "Klanten die het meest naar het buitenland bellen", "en": "Customers who call abroad the most"},
    "pvc-matrix": {"nl": "De hele matrix", "en": "The full matrix"},
    "margins": {"nl": "Verkoop = inkoop + marge", "en": "Sales = purchase + margin"},
}
NAMES: dict[Language, tuple[str, ...]] = {
    "nl": ("Gesprekken", "Minuten", "Verkoop", "Inkoop", "Marge"),
    "en": ("Calls", "Minutes", "Sales", "Purchase", "Margin"),
}


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=OPTIONS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window that notes every request to another server and every error of the page's own code."""
    page = browser.new_page(viewport={"width": 1440, "height": 900}, accept_downloads=True)
    page.set_default_timeout(60_000)
    page.strays = []
    page.on("request", lambda request: page.strays.append(request.url) if is_stray(request.url) else None)
    page.on("pageerror", lambda error: page.strays.append(str(error)))
    yield page
    assert not page.strays, "the app asked another server, or its code failed in the browser"
    page.close()


def is_stray(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def settled(page: Page, words: str) -> None:
    """Wait until the page is complete: these words are there and nothing is being computed."""
    page.get_by_text(words).first.wait_for()
    page.locator("text=/(Stand van|As of) \\d/").wait_for()
    page.locator('[data-test-script-state="notRunning"]').wait_for()


def query_of(language: Language) -> str:
    return "?lang=en" if language == "en" else ""


@pytest.mark.parametrize("language", ["nl", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_draws_itself_at_its_own_address(served: Served, page: Page, path: str, language: Language) -> None:
    """Fails if a bookmark opens on an empty page, a page speaks the wrong language, or an error stands on it."""
    page.goto(f"{served.url}/{path}{query_of(language)}")
    settled(page, PAGES[path][language])
    page.locator('[data-testid="stPlotlyChart"] .main-svg').first.wait_for()
    assert page.locator('[data-testid="stException"], [data-testid="stAlertContentError"]').count() == 0
    assert "Traceback" not in page.content()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_the_figures_are_those_of_the_calls(served: Served, page: Page, language: Language) -> None:
    page.goto(f"{served.url}/{query_of(language)}")
    settled(page, PAGES[""][language])
    cards = page.locator('[data-testid="stMetric"]')
    cards.nth(4).wait_for()
    labels = cards.locator('[data-testid="stMetricLabel"]').all_inner_texts()
    values = cards.locator('[data-testid="stMetricValue"]').all_inner_texts()
    shown = {label.split(" · ")[0].strip(): value.strip() for label, value in zip(labels, values, strict=True)}
    with connect(served.snapshot) as connection:
        calls, seconds, *amounts = connection.sql(
            """
            select count(*), sum(duration_s) filter (where status <> 'unanswered'), sum(sale_eur), sum(purchase_eur), sum(margin_eur)
            from calls
            where date_trunc('month', call_date) = (select date_trunc('month', max(call_date)) from calls)
            """
        ).fetchall()[0]
    written = [number(language, calls), number(language, Decimal(seconds) / 60), *(money(language, amount) for amount in amounts)]
    assert shown == dict(zip(NAMES[language], written, strict=True))


def test_a_chosen_period_stays_through_language_page_and_reload(served: Served, page: Page) -> None:
    """Fails if the box says September while the figures are of October: the browser has a say in the address too."""
    chosen = queries.months(str(served.snapshot))[-2]
    page.goto(served.url)
    settled(page, PAGES[""]["nl"])
    page.locator('[data-testid="stSelectbox"]').nth(1).click()
    page.get_by_role("option", name=month("nl", chosen), exact=True).click()
    page.get_by_text(f"Gesprekken van {month('nl', chosen)}").wait_for()
    page.get_by_text("EN", exact=True).click()
    page.get_by_text(f"Calls of {month('en', chosen)}").wait_for()
    settled(page, PAGES[""]["en"])
    page.get_by_role("link", name="Margins").click()
    scope = f"Calls and services of {month('en', chosen)}"
    page.get_by_text(scope).wait_for()
    settled(page, PAGES["margins"]["en"])
    page.wait_for_url(f"{served.url}/margins?lang=en&partner={served.partner_id}&period={chosen}&by=customer")
    page.reload()
    page.get_by_text(scope).wait_for()
    settled(page, PAGES["margins"]["en"])


def test_the_map_has_countries_on_it(served: Served, page: Page) -> None:
    """Fails if the world is an empty box because its outlines would have to come from the internet."""
    page.goto(served.url)
    settled(page, PAGES[""]["nl"])
    page.locator(".choroplethlayer path").first.wait_for(state="attached")
    assert page.locator(".choroplethlayer path").count() >= 5


def test_a_click_on_a_customer_shows_the_destinations(served: Served, page: Page) -> None:
    page.goto(served.url)
    settled(page, PAGES[""]["nl"])
    chart = page.locator('[data-testid="stPlotlyChart"]').first
    chart.locator(".bars path").first.wait_for(state="attached")
    box = chart.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] * 0.22)
    page.get_by_text("Bestemmingen van").wait_for()


def test_the_lines_of_customers_are_drawn(served: Served, page: Page) -> None:
    """Fails if the page that advises on lines shows a partner three empty boxes."""
    page.goto(f"{served.url}/pvc-matrix?lang=en")
    settled(page, PAGES["pvc-matrix"]["en"])
    for title in ("Your customers' lines", "Peak per day"):
        page.get_by_text(title).first.wait_for()
    charts = page.locator('[data-testid="stPlotlyChart"]')
    charts.nth(3).locator(".main-svg").first.wait_for()
    assert charts.nth(0).locator(".bars path").count() >= 2
    assert charts.nth(1).locator(".heatmaplayer image").count() == 1
    assert charts.nth(2).locator(".bars path").count() >= 1


def test_downloads_are_the_table_to_the_cent(served: Served, page: Page, tmp_path: Path) -> None:
    """Finance books from these files."""
    page.goto(f"{served.url}/margins")
    settled(page, PAGES["margins"]["nl"])
    with connect(served.snapshot) as connection:
        rows, *sums = connection.sql(
            """
            select count(distinct customer_id), sum(sale_eur), sum(purchase_eur), sum(margin_eur)
            from margins
            where month = (select strftime(max(call_date), '%Y-%m') from daily_calls)
            """
        ).fetchall()[0]

    table = list(csv.DictReader(io.StringIO(download(page, "CSV", tmp_path).decode())))
    assert len(table) == rows, "rows are missing from the file"
    assert [sum(Decimal(row[name]) for row in table) for name in ("sale_eur", "purchase_eur", "margin_eur")] == sums

    total = last_row(download(page, "Excel", tmp_path))
    assert [round(Decimal(value), 6) for value in total[3:6]] == sums


def download(page: Page, button: str, folder: Path) -> bytes:
    with page.expect_download() as started:
        page.locator('[data-testid="stDownloadButton"]').get_by_text(button, exact=True).first.click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path.read_bytes()


def last_row(book: bytes) -> list[str]:
    """The values of the last row of the first sheet (texts as their index)."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        rows = list(ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml")).iter(f"{SPREADSHEET}row"))
    return [cell.findtext(f"{SPREADSHEET}v") or "" for cell in rows[-1].iter(f"{SPREADSHEET}c")]
