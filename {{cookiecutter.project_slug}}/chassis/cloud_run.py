"""Adapt settings and logs to Cloud Run: https://cloud.google.com/run/docs/container-contract."""

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
    "TIMEOUT": "0",  # an idle instance gets no CPU, so its workers seem to hang
    "TRUSTED_PROXIES": "1",  # Cloud Run's proxy
}
PROJECT = Meta(
    pattern=r"^[a-z0-9.:-]*$", description="lower-case letters, digits, hyphens, dots and colons"
)


@dataclass(frozen=True, kw_only=True)
class PlatformSettings(ServerSettings):
    google_cloud_project: Annotated[str, PROJECT] = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from the environment; on Cloud Run, use DEFAULTS."""
        __tracebackhide__ = True  # pytest would show the variables, including secrets
        return super().from_environment(adapt(environ))


def adapt(environ: Mapping[str, str]) -> Mapping[str, str]:
    """Return the environment; on Cloud Run, add DEFAULTS for unset and empty variables.

    Raises SystemExit for a setting that would lose data there.
    """
    if not any(map(environ.get, MARKS)):
        return environ
    # % if cookiecutter.datastore == "sql"
    if (environ.get("DATABASE_URL") or "sqlite:").startswith("sqlite:"):
        raise SystemExit(
            "DATABASE_URL: on Cloud Run, files, including SQLite's, are in memory and are lost "
            "with the instance: use postgresql://user:password@host/database."
        )
    # % elif cookiecutter.datastore == "firestore"
    if environ.get("FIRESTORE_EMULATOR_HOST"):
        raise SystemExit(
            "FIRESTORE_EMULATOR_HOST: on Cloud Run, the emulator would lose the data: unset it."
        )
    # % endif
    return DEFAULTS | {name: text for name, text in environ.items() if text}


def register(app: Flask) -> None:
    """Add the trace of each request to its log lines, if GOOGLE_CLOUD_PROJECT is set."""
    if project := app.extensions["settings"].google_cloud_project:
        app.extensions["wrappers"].append(partial(with_trace, project=project))
