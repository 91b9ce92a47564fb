"""How schemathesis generates requests: the same ones in every run."""

from typing import Any

import schemathesis
from hypothesis import settings

# No deadline, because a machine may be slow.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


# % if cookiecutter.datastore != "none"
@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: schemathesis.Case[Any], kwargs: dict[str, Any]
) -> None:
    """Leave out a made-up cursor that looks like one, because a list refuses it."""
    characters = str(case.query.get("cursor", "")).replace("-", "0").replace("_", "0")
    if characters.isascii() and characters.isalnum():
        del case.query["cursor"]


# % endif
@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Omit requests with an unknown header, because the check wants them refused."""
    return "x-schemathesis-unknown-property" not in case.headers
