"""What is different on Cloud Run: https://cloud.google.com/run/docs/container-contract."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Self

from flask import Flask
from msgspec import Meta

from .cloud_logging import with_trace
from .settings import ServerSettings

# Cloud Run sets one of these, in a service or in a job.
MARKS = ("K_SERVICE", "CLOUD_RUN_JOB")
DEFAULTS = {
    "ACCESS_LOG": "off",  # the platform logs each request
    "BIND_ADDRESS": "0.0.0.0",  # Cloud Run's container contract requires it
    "TIMEOUT": "0",  # an idle instance gets no CPU, so its workers look dead
    "TRUSTED_PROXIES": "1",  # the platform's own
}
PROJECT = Meta(
    pattern=r"^[a-z0-9.:-]*$", description="lower-case letters, digits, hyphens, dots and colons"
)


@dataclass(frozen=True, kw_only=True)
class PlatformSettings(ServerSettings):
    google_cloud_project: Annotated[str, PROJECT] = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the settings of the environment; on Cloud Run, with defaults that fit it."""
        __tracebackhide__ = True  # pytest would show the variables, secrets among them
        return super().from_environment(adapt(environ))


def adapt(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment, on Cloud Run with the defaults that fit it.

    Raises SystemExit for what would lose data there.
    """
    if not any(map(environ.get, MARKS)):
        return environ
    # % if cookiecutter.datastore == "sql"
    if (environ.get("DATABASE_URL") or "sqlite:").startswith("sqlite:"):
        raise SystemExit(
            "DATABASE_URL: on Cloud Run, files are in memory and are lost with the instance, SQLite's "
            "too: use postgresql://user:password@host/database."
        )
    # % elif cookiecutter.datastore == "firestore"
    if environ.get("FIRESTORE_EMULATOR_HOST"):
        raise SystemExit(
            "FIRESTORE_EMULATOR_HOST: on Cloud Run, the emulator would lose the data: unset it."
        )
    # % endif
    return DEFAULTS | {name: text for name, text in environ.items() if text}


def register(app: Flask) -> None:
    """Add the trace of a request to its log lines; without a project there is none."""
    if project := app.extensions["settings"].google_cloud_project:
        app.extensions["wrappers"].append(partial(with_trace, project=project))
