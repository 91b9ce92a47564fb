"""Provide the logger and the functions that gunicorn.conf.py uses."""

import gc
import logging
import os
import resource
import socket
import sys
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

from gunicorn import glogging


def settings_of(app: Any) -> Any:
    """Return an application's settings; exit if its factory did not return close_app(app)."""
    extensions = getattr(app, "extensions", {})
    if "document" not in extensions:
        sys.exit("create_app in api/__init__.py does not end with `return close_app(app)`.")
    return extensions["settings"]


class Logger(glogging.Logger):
    """gunicorn's logger, which writes through the handler of chassis/logs.py."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            log.handlers.clear()
            log.setLevel(logging.NOTSET)
            log.propagate = True

    def exception(self, msg: Any, *args: Any, **kwargs: Any) -> None:
        """Log an error with its traceback; log a client's pause, which is no error, as one line."""
        if isinstance(sys.exc_info()[1], BlockingIOError):  # the socket's timeout: READ_TIMEOUT
            self.info("A client paused for longer than READ_TIMEOUT: its connection is closed.")
        else:
            super().exception(msg, *args, **kwargs)

    def access(self, resp: Any, req: Any, environ: Any, request_time: timedelta) -> None:
        """Log a response without the query string, which may contain personal data.

        If the body was not sent completely, the log line has `aborted`. Its value is "server" if
        the application failed, or "client" if the client disconnected or stopped reading.
        """
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
            }
            if error := sys.exc_info()[1]:  # gunicorn calls this while it handles the error
                fields["aborted"] = "client" if isinstance(error, OSError) else "server"
            fields |= environ.get("log_fields", {})
            note = " aborted" if "aborted" in fields else ""
            text = "%s %s %s%s %s ms"
            self.access_log.info(text, method, path, status, note, duration, extra=fields)


def cpus(limit: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Count the CPUs that this process may use: by its affinity and its control group's quota."""
    affinity = getattr(os, "sched_getaffinity", None)  # only on Linux
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = limit.read_text().split()
        return max(1, min(count, int(quota) // int(period)))
    except (OSError, ValueError):  # no such group, or no quota: "max"
        return count


def sockets(address: str, port: int) -> list[str]:
    """Return the addresses to bind. `::` stands for every IPv4 and IPv6 address of the system."""
    if set(address) - {":", "0"}:  # not `::` or an equal form such as 0::0
        return [f"[{address}]:{port}" if ":" in address else f"{address}:{port}"]
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind((address, 0))
            is_alone = probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    except OSError:  # the system has no IPv6
        return [f"0.0.0.0:{port}"]
    return [f"[::]:{port}", *[f"0.0.0.0:{port}"] * is_alone]


def open_files(wanted: int) -> int:
    """Raise the limit of open files to `wanted` if it is lower; return how many may be used."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = min(wanted, hard) if hard >= 0 else wanted  # unlimited is less than 0
    if 0 <= soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    return files


def refuse_reloads(server: Any) -> None:
    """Ignore SIGHUP with a warning. A reload takes seconds, and SIGTERM would wait for each one."""

    def refuse() -> None:
        server.log.warning("SIGHUP is ignored. To load new code or settings, restart the server.")

    server.handle_hup = refuse


def before_the_fork(server: Any) -> None:
    """Exclude the application's objects from garbage collection, which stops every thread.

    Log a warning for each thread, because threads do not exist in the forked workers.
    """
    for thread in threading.enumerate()[1:]:
        message = (
            "The thread %s was started before the fork, so no worker has it: "
            "start it in each worker, as docs/jobs.md shows."
        )
        server.log.warning(message, thread.name)
    gc.collect()
    gc.freeze()
