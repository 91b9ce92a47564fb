"""The docs page, in a real browser."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, expect, sync_playwright

from .conftest import Bake, missing, run
from .variants import TEMPLATE


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
def address(bake: Bake, tmp_path: Path) -> Iterator[str]:
    """Give the address of the default project's server, its docs page under its own policy."""
    project = shutil.copytree(bake(), tmp_path / "project")
    run("make", "develop", cwd=project)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    path = f"{project}/.venv/bin:{os.environ['PATH']}"
    with subprocess.Popen(
        [project / "bin/run.sh"], env=os.environ | {"PORT": str(port), "PATH": path}
    ) as server:
        for _ in range(100):
            with socket.socket() as attempt:
                if attempt.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
        server.terminate()


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
