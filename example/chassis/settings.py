"""Read the server's settings once; refuse to start if one is invalid."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from socket import AF_INET, AF_INET6, inet_pton
from typing import Annotated, Literal, Self

from msgspec import Meta

from . import environment

Level = Literal["debug", "info", "warning", "error", "critical"]
Switch = Literal["on", "off"]
Seconds = Annotated[int, Meta(ge=0, le=3600)]


class Address(str):
    """An IPv4 or an IPv6 address."""

    def __init__(self, text: str) -> None:
        inet_pton(AF_INET6 if ":" in text else AF_INET, text)


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """The settings that every service has. .env.example explains each.

    A field is a string, a number, a bool, a Literal, an Enum, a `Secret`, or a class such as UUID
    or Path. The class is called with the string, and raises ValueError if the string is invalid.
    Lists and mappings are read as JSON. `Annotated[int, Meta(ge=1, le=10)]` sets bounds. A field
    without a default must be set; an optional one is `int | None = None`.
    """

    log_level: Level = "info"
    access_log: Switch = "on"
    docs: Switch = "on"
    max_body_bytes: Annotated[int, Meta(ge=1)] = 1_048_576
    max_json_bytes: Annotated[int, Meta(ge=1)] = 65_536
    trusted_proxies: Annotated[int, Meta(ge=0, le=10)] = 0

    bind_address: Annotated[Address, Meta(description="an IPv4 or an IPv6 address")] = Address("::")
    port: Annotated[int, Meta(ge=1, le=65535)] = 8080
    workers: Annotated[int, Meta(ge=0, le=256)] = 0
    threads: Annotated[int, Meta(ge=1, le=1000)] = 8
    timeout: Seconds = 30
    graceful_timeout: Seconds = 8
    keep_alive: Seconds = 75
    read_timeout: Seconds = 5

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read the settings from the environment; an unset or empty variable has its default.

        Raises SystemExit with a line for each variable that is missing or invalid.
        """
        __tracebackhide__ = True  # pytest would show the variables, including secrets
        return environment.read(cls, environ)
