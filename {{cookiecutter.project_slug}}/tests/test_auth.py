"""Without a token, a caller gets what is public, and nothing else."""

import re

from flask import Flask

# The paths that need no token. Add that of each view of yours that is decorated with `public`.
# % if cookiecutter.datastore == "none"
PUBLIC = {"/", "/docs", "/health", "/openapi.json"}
# % else
PUBLIC = {"/", "/docs", "/health", "/openapi.json", "/ready"}
# % endif
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "UNKNOWN"]


def path_to(rule: str) -> str:
    """Return a path that a rule matches."""
    some = {"uuid": "00000000-0000-0000-0000-000000000000"}
    return re.sub(r"<(?:(\w+)(?:\(.*\))?:)?\w+>", lambda found: some.get(found[1], "1"), rule)


def test_every_route_needs_a_token_unless_it_is_public(app: Flask) -> None:
    client = app.test_client()
    del client.environ_base["HTTP_AUTHORIZATION"]
    for rule in app.url_map.iter_rules():
        for method in METHODS:
            with client.open(path_to(rule.rule), method=method) as response:
                is_public = rule.rule in PUBLIC and method in (rule.methods or ())
                assert (response.status_code != 401) == is_public, f"{method} {rule.rule}"
