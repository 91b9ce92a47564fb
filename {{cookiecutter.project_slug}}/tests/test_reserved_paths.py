"""No route uses a path that Cloud Run reserves."""

import re

from flask import Flask


def test_no_path_is_reserved_by_the_platform(app: Flask) -> None:
    """Requests to reserved paths never reach the container.

    https://cloud.google.com/run/docs/known-issues#ah
    """
    for rule in app.url_map.iter_rules():
        assert not re.search(r"z$|^/_ah/|^/eventlog", rule.rule), rule
