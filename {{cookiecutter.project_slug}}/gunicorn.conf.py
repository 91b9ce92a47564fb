"""The server's settings, each with its reason: https://gunicorn.org/reference/settings/."""

import gc
import logging
import os
import resource
from datetime import timedelta
from pathlib import Path
from typing import Any

from gunicorn import glogging

from api import logs
from api.settings import Settings
from api.worker import Worker

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
            path = environ["RAW_URI"].partition("?")[0]
            method = environ["REQUEST_METHOD"]
            status = int(str(resp.status)[:3])
            duration = round(request_time.total_seconds() * 1000, 3)
            fields = {
                "method": method,
                "path": path,
                "status": status,
                "duration_ms": duration,
                "remote_addr": environ.get("REMOTE_ADDR"),
            } | environ.get("log_fields", {})
            # % if cookiecutter.deploy == "cloud-run"
            # https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#HttpRequest
            fields["httpRequest"] = {
                "requestMethod": method,
                "requestUrl": path,
                "status": status,
                "latency": f"{request_time.total_seconds():.6f}s",
                "remoteIp": environ.get("REMOTE_ADDR"),
                "userAgent": environ.get("HTTP_USER_AGENT"),
            }
            # % endif
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
worker_class = Worker
threads = settings.threads

# The application is imported before the port opens and before the workers fork: no request reaches
# a server that is not ready, a bad setting is one line and an exit, and the workers share memory.
preload_app = True


def when_ready(_: Any) -> None:
    """Leave what was there at the start out of garbage collections, each of which stops all requests."""
    gc.collect()
    gc.freeze()


# A worker that has not reported for this long is replaced. It reports while its threads work: this
# does not limit how long a request may take.
timeout = settings.timeout
# From SIGTERM on, requests in flight have this long; platforms kill after 10 seconds.
graceful_timeout = settings.graceful_timeout
# Longer than a proxy keeps an idle connection (60 s is usual), so that the proxy is who closes it.
keepalive = settings.keep_alive

# A client that stops half-way holds a thread for so long: without a bound, a few of them hold all.
Worker.patience = settings.read_timeout
# A connection is a file, also one that waits for its next request, and a worker that has all it may
# have accepts nobody. It would end when it may not open another file: half of them are for the rest.
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
files = min(8192, hard) if hard >= 0 else 8192  # unlimited is less than 0
if 0 <= soft < files:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
worker_connections = files // 2

# Who the client is, the application decides (TRUSTED_PROXIES); gunicorn believes nobody's header.
forwarded_allow_ips = ""

# The workers' heartbeat is a file: in memory, for a disk may be slow, full or read-only.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# Nobody uses it here, and it wants a home directory to write to.
control_socket_disable = True

logger_class = Logger
accesslog = "-" if settings.access_log == "on" else None
