"""The docs page, in a real browser."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from tests.conftest import Bake, serving
from tests.support.machine import missing
from tools.variants import TEMPLATE


@pytest.fixture
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium")
    sandbox = [] if os.geteuid() else ["--no-sandbox"]  # Chromium has none for root
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        except Error:
            missing("Chromium (Debian's package chromium, or `playwright install chromium`)")
        yield browser
        browser.close()


@pytest.fixture
def address(workshop: Bake) -> Iterator[str]:
    with serving(workshop()) as server:
        yield server.address


def test_an_operation_is_executed_from_the_page(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 1100, "height": 780})
    complaints: list[str] = []
    elsewhere: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: elsewhere.append(request.url))

    page.goto(f"{address}/docs")
    expect(page.get_by_role("heading", name="My Flask API")).to_be_visible()
    operation = page.locator("#operations-greetings-create_greeting")
    operation.locator("button.opblock-summary-control").click()
    operation.locator("textarea").fill('{"name": "Ada"}')
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("Hello, Ada!")
    expect(operation.locator(".live-responses-table")).to_contain_text("201")

    picture(page)
    assert complaints == []
    assert [url for url in elsewhere if not url.startswith((address, "data:"))] == []


def picture(page: Page) -> None:
    """Leave a picture of the page, to look at; the README's docs/docs-page.png is one."""
    page.evaluate("scrollTo(0, 0)")
    (TEMPLATE / "build").mkdir(exist_ok=True)
    page.screenshot(path=TEMPLATE / "build/docs-page.png")
