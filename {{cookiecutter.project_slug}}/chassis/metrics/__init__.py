"""Provide metrics for Prometheus, on a separate port: docs/telemetry.md.

gunicorn.conf.py imports the hooks in hooks.py. Without gunicorn, nothing is counted or served.
"""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ..settings import ServerSettings


@dataclass(frozen=True, kw_only=True)
class MetricsSettings(ServerSettings):
    metrics_port: Annotated[int, Meta(ge=0, le=65535)] = 9464
