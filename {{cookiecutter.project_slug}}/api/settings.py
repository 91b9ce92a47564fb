"""Settings: typed, read from the environment once, refused at the start when they are wrong."""

import os
from collections.abc import Mapping
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec
from msgspec import Meta

# % if cookiecutter.deploy == "cloud-run"
from .cloud_run import adapt

# % endif
Level = Literal["debug", "info", "warning", "error", "critical"]
Switch = Annotated[Literal["on", "off"], Meta(description="on or off")]
# % if cookiecutter.datastore == "sql"
DatabaseURL = Annotated[
    str,
    Meta(
        pattern=r"^(sqlite:///(?!:memory:)[^?]+$|postgres://|postgresql(\+psycopg)?://)",
        description="sqlite:///path or postgresql://user:password@host/database",
    ),
]
# % endif
# % if cookiecutter.datastore == "firestore" or cookiecutter.deploy == "cloud-run"
Project = Annotated[
    str,
    Meta(
        pattern=r"^[a-z0-9.:-]*$",
        description="lower-case letters, digits, hyphens, dots and colons",
    ),
]
# % endif
# % if cookiecutter.datastore == "firestore"
Database = Annotated[
    str,
    Meta(
        pattern=r"^(\(default\)|[a-z0-9-]*)$",
        description="lower-case letters, digits and hyphens",
    ),
]
# % endif
Seconds = Annotated[int, Meta(ge=0, le=3600, description="0 to 3600 seconds")]


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting; the variable is the name in capitals, and .env.example says what it is for.

    The description of a type is what may be given: the message for a bad value shows it.
    """

    log_level: Annotated[Level, Meta(description="one of " + ", ".join(get_args(Level)))] = "info"
    access_log: Switch = "on"
    docs: Switch = "on"
    max_body_bytes: Annotated[int, Meta(ge=1, description="1 byte or more")] = 1_048_576
    trusted_proxies: Annotated[int, Meta(ge=0, le=10, description="0 to 10")] = 0

    # % if cookiecutter.deploy == "cloud-run" and cookiecutter.datastore != "firestore"
    google_cloud_project: Project = ""

    # % endif
    # % if cookiecutter.datastore == "sql"
    database_url: DatabaseURL = "sqlite:///instance/app.db"
    datastore_timeout: Seconds = 2

    # % elif cookiecutter.datastore == "firestore"
    google_cloud_project: Project = ""
    firestore_database: Database = ""
    datastore_timeout: Seconds = 2

    # % endif
    port: Annotated[int, Meta(ge=1, le=65535, description="1 to 65535")] = 8080
    workers: Annotated[int, Meta(ge=0, le=256, description="0 to 256")] = 0
    threads: Annotated[int, Meta(ge=1, le=1000, description="1 to 1000")] = 8
    timeout: Seconds = 30
    graceful_timeout: Seconds = 8
    keep_alive: Seconds = 75
    read_timeout: Seconds = 5

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read the settings; a variable that is unset or empty has its default.

        Raises SystemExit for a bad one, with a line that names it, its value and what is allowed:
        better a server that does not start than one that runs with what nobody meant.
        """
        # % if cookiecutter.deploy == "cloud-run"
        environ = adapt(environ)
        # % endif
        given = {}
        for name, kind in get_type_hints(cls, include_extras=True).items():
            if text := environ.get(name.upper()):
                try:
                    given[name] = msgspec.convert(text, kind, strict=False)
                except msgspec.ValidationError:
                    allowed = get_args(kind)[1].description
                    shown = "…" if name.endswith("_url") else text  # a URL may hold a password
                    raise SystemExit(f"{name.upper()}={shown!r}: use {allowed}.") from None
        return cls(**given)
