"""Calls from a web page of another origin, in a real browser."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.conftest import Bake, serving
from tests.support.edits import add_the_parcels
from tests.support.machine import listening

ME, GREETINGS = "/api/v1/me", "/api/v1/greetings"
TOKEN = {"Authorization": "Bearer token-of-ada"}
# Resolves to null if the browser withholds the response from the page.
CALL = """([url, options]) => fetch(url, options).then(
    async answer => ({
        status: answer.status,
        id: answer.headers.get("X-Request-ID"),
        challenge: answer.headers.get("WWW-Authenticate"),
        json: await answer.json(),
    }),
    () => null,
)"""


class Empty(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *args: object) -> None:
        pass


class Caller:
    """A page of an origin, and the API that it calls."""

    def __init__(self, page: Page, origin: str, api: str) -> None:
        self.page, self.api = page, api
        page.goto(origin)

    def __call__(self, path: str, **options: Any) -> Any:
        return self.page.evaluate(CALL, [self.api + path, options])


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    with listening(Empty) as origin:
        yield origin


@pytest.mark.thorough
def test_a_page_of_an_allowed_origin_calls_the_api_and_another_does_not(
    browser: Browser, workshop: Bake, origin: str
) -> None:
    project = workshop()
    add_the_parcels(project)
    refused_origin = origin.replace("127.0.0.1", "localhost")
    with serving(project, CORS_ORIGINS=origin) as server:
        call = Caller(browser.new_page(), origin, server.address)
        own = {"Content-Type": "application/json", "X-Request-ID": "of-the-page"}
        answer = call(GREETINGS, method="POST", headers=own, body='{"name": "Ada"}')
        assert (answer["status"], answer["json"]["message"]) == (201, "Hello, Ada!")
        assert answer["id"] == "of-the-page"
        assert call(ME, headers=TOKEN)["json"] == "ada"
        assert call(ME, headers=TOKEN, credentials="include")["status"] == 200
        answer = call(ME)
        assert (answer["status"], answer["challenge"]) == (401, "Bearer")
        assert call(ME, headers={"Authorization": "Bearer wrong"})["status"] == 401
        assert call("/nowhere", method="DELETE", headers=TOKEN)["status"] == 404
        assert call(GREETINGS, method="PUT")["status"] == 405

        call = Caller(browser.new_page(), refused_origin, server.address)
        assert call("/health") is None
        assert call(GREETINGS, method="POST", headers=own, body='{"name": "Ada"}') is None
        assert call(ME, headers=TOKEN) is None


@pytest.mark.thorough
def test_with_a_star_a_page_of_any_origin_calls_the_api_without_cookies(
    browser: Browser, workshop: Bake, origin: str
) -> None:
    project = workshop()
    add_the_parcels(project)
    with serving(project, CORS_ORIGINS="*") as server:
        call = Caller(browser.new_page(), origin, server.address)
        assert call(ME, headers=TOKEN)["json"] == "ada"
        assert call(ME)["status"] == 401
        assert call(ME, headers=TOKEN, credentials="include") is None
