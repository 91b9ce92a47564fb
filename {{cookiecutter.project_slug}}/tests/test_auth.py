"""Without a token, only public operations can be called."""

import re

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

# The endpoints that need no token. Add the endpoint of each view that you decorate with `public`.
PUBLIC = {
    "docs.get_docs",
    "health.get_health",
    "index.get_index",
    "openapi.get_openapi",
    # % if cookiecutter.datastore != "none"
    "ready.get_ready",
    # % endif
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "UNKNOWN"]


def path_to(rule: str) -> str:
    """Return a path that a rule matches."""
    some = {"uuid": "00000000-0000-0000-0000-000000000000", "any": "init.js"}
    return re.sub(r"<(?:(\w+)(?:\(.*\))?:)?\w+>", lambda found: some.get(found[1], "1"), rule)


def endpoint_of(urls: MapAdapter, path: str, method: str) -> str:
    """Return the endpoint of a request; "" if it has none."""
    try:
        return str(urls.match(path, method)[0])
    except HTTPException:
        return ""


def test_every_route_needs_a_token_unless_it_is_public(app: Flask) -> None:
    client, urls = app.test_client(), app.url_map.bind("test")
    del client.environ_base["HTTP_AUTHORIZATION"]
    for path in {path_to(rule.rule) for rule in app.url_map.iter_rules()}:
        for method in METHODS:
            with client.open(path, method=method) as response:
                is_public = endpoint_of(urls, path, method) in PUBLIC
                assert (response.status_code != 401) == is_public, f"{method} {path}"
