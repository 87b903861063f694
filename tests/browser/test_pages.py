"""Start page, reference and problems in Chromium, without anything fetched from elsewhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.journeys.conftest import running as running_demo

running = running_demo
pytestmark = pytest.mark.browser
SHOTS = Path("var/screenshots")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Browser, running: Path) -> Iterator[Page]:
    """A page whose every request to another host fails the test."""
    base = (running / "base_url").read_text()
    opened = browser.new_page(base_url=base, viewport={"width": 1100, "height": 900})
    elsewhere: list[str] = []
    opened.on("request", lambda request: elsewhere.append(request.url))
    yield opened
    opened.close()
    assert all(url.startswith(base) for url in elsewhere), elsewhere


def shoot(page: Page, name: str) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"{name}.png", full_page=name != "docs")


def test_the_start_page_says_what_runs_and_who_may_sign_in(page: Page) -> None:
    page.goto("/")
    assert page.locator("h1").inner_text() == "Careloop"
    assert page.locator("td.away").count() == 0
    assert page.locator("td.ok").count() == 4
    assert page.get_by_text("avery.thompson@careloop.example").is_visible()
    code = page.locator("tr", has_text="Dr. Ines Okafor").locator("td").last.inner_text()
    assert len(code) == 6
    assert code.isdecimal()
    shoot(page, "start")


def test_the_reference_unfolds(page: Page) -> None:
    page.goto("/")
    page.get_by_text("API documentation").click()
    entry = page.locator("#request_refills")
    entry.locator("summary").click()
    assert entry.get_by_text("Idempotency-Key").first.is_visible()
    assert entry.locator("pre").first.is_visible()
    entry.scroll_into_view_if_needed()
    shoot(page, "docs")


def test_a_problem_has_its_page(page: Page) -> None:
    page.goto("/problems/")
    page.get_by_text("idempotency-key-reused").click()
    assert page.url.endswith("/problems/idempotency-key-reused")
    assert page.get_by_text("Use a new key").is_visible()
    shoot(page, "problem")


def test_a_narrow_screen_needs_no_sideways_scrolling(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    for path in ("/", "/api/docs", "/problems/"):
        page.goto(path)
        wider = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert wider <= 0, path
    page.goto("/")
    shoot(page, "narrow")
