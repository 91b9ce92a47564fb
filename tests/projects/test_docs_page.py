"""The docs page, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import Bake, serving
from tests.support.edits import add_the_parcels
from tools.variants import TEMPLATE


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
    operation = page.locator("#operations-greetings-greetings_create_greeting")
    operation.locator("button.opblock-summary-control").click()
    operation.locator("textarea").fill('{"name": "Ada"}')
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table")).to_contain_text("Hello, Ada!")
    expect(operation.locator(".live-responses-table")).to_contain_text("201")

    picture(page)
    assert complaints == []
    assert [url for url in elsewhere if not url.startswith((address, "data:"))] == []


@pytest.mark.thorough
def test_an_operation_that_needs_a_token_is_executed_after_authorizing(
    browser: Browser, workshop: Bake
) -> None:
    project = workshop()
    add_the_parcels(project)
    with serving(project) as server:
        page = browser.new_page(viewport={"width": 1100, "height": 780})
        page.goto(f"{server.address}/docs")
        operation = page.locator("#operations-parcels-parcels_get_my_name")
        operation.locator("button.opblock-summary-control").click()
        execute = operation.get_by_role("button", name="Execute")
        execute.click()
        responses = operation.locator(".live-responses-table")
        expect(responses).to_contain_text("401")
        page.locator(".scheme-container").get_by_role("button", name="Authorize").click()
        page.get_by_label("auth-bearer-value").fill("token-of-ada")
        page.locator(".auth-container").get_by_role("button", name="Apply credentials").click()
        page.get_by_role("button", name="Close", exact=True).click()
        execute.click()
        expect(responses).to_contain_text('"ada"')
        picture(page, "docs-page-authorized")


def picture(page: Page, name: str = "docs-page") -> None:
    """Save a screenshot in build/. The README's docs/docs-page.png is such a screenshot."""
    page.evaluate("scrollTo(0, 0)")
    (TEMPLATE / "build").mkdir(exist_ok=True)
    page.screenshot(path=TEMPLATE / f"build/{name}.png")
