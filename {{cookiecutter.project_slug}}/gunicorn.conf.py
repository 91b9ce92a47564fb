"""The server's settings, each with its reason: https://gunicorn.org/reference/settings/."""

import logging
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from gunicorn import glogging

from api import logs
from api.settings import Settings

settings = Settings.from_environment()


class Logger(glogging.Logger):
    """gunicorn's logger, writing through the one handler of api/logs.py."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        logs.configure(settings.log_level)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.setLevel(logging.NOTSET)
            log.propagate = True

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Log an answer; without the query string, which may hold what nobody should read."""
        if self.access_log_enabled:
            # For an answer of gunicorn's own there is a RAW_URI and no PATH_INFO.
            path = environ.get("PATH_INFO") or environ["RAW_URI"].partition("?")[0]
            method = environ["REQUEST_METHOD"]
            status = int(str(resp.status)[:3])
            duration = round(request_time.total_seconds() * 1000, 3)
            fields = {
                "method": method,
                "path": path,
                "status": status,
                "duration_ms": duration,
                "remote_addr": environ.get("REMOTE_ADDR"),
                "request_id": environ.get("request_id"),
            }
            self.access_log.info("%s %s %s %s ms", method, path, status, duration, extra=fields)


def cpus(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Count the CPUs this process may use: by its affinity and by its control group's quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux has it
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):  # there is no such group, or no quota: "max"
        return count


bind = f"0.0.0.0:{settings.port}"

# A process per CPU, for only processes run Python code in parallel.
workers = settings.workers or cpus()
# A few threads in each, for requests that wait for something; many would fight for the interpreter.
worker_class = "gthread"
threads = settings.threads

# The application is imported before the port opens and before the workers fork: no request reaches
# a server that is not ready, a bad setting is one line and an exit, and the workers share memory.
preload_app = True

# A worker that has not reported for this long is replaced. It reports while its threads work: this
# does not limit how long a request may take.
timeout = settings.timeout
# From SIGTERM on, requests in flight have this long; platforms kill after 10 seconds.
graceful_timeout = settings.graceful_timeout
# Longer than a proxy keeps an idle connection (60 s is usual), so that the proxy is who closes it.
keepalive = settings.keep_alive


def pre_request(worker: Any, req: Any) -> None:
    """Bound the wait for the rest of a body: a few stalled uploads would hold every thread."""
    req.unreader.sock.settimeout(settings.read_timeout or None)


# Who the client is, the application decides (TRUSTED_PROXIES); gunicorn believes nobody's header.
forwarded_allow_ips = ""

# The workers' heartbeat is a file: in memory, for a disk may be slow, full or read-only.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Nobody uses it here, and it wants a home directory to write to.
control_socket_disable = True

logger_class = Logger
accesslog = "-" if settings.access_log == "on" else None
