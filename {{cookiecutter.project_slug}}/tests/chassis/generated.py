"""How schemathesis generates requests: the same ones in every run."""

from typing import Any

import schemathesis
from hypothesis import settings

# No deadline, because a machine may be slow.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Omit requests with an unknown header, because the check wants them refused."""
    return "x-schemathesis-unknown-property" not in case.headers
