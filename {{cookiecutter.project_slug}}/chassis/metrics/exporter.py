"""Serve the metrics in a separate process, which responds even while every worker is busy."""

import errno
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from socketserver import ThreadingMixIn
from threading import active_count
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, ProcessCollector, make_wsgi_app
from prometheus_client.core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from ..server import sockets
from ..settings import ServerSettings
from . import files

# Thread limit, so that idle connections cannot exhaust the memory.
THREADS = 16
# Seconds to wait for the port: after a restart, the old process may use it for half a second.
PATIENCE = 2


class Handler(WSGIRequestHandler):
    timeout = 5  # seconds for each read from a client

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing, because Prometheus sends a request every few seconds."""


class Exporter(ThreadingMixIn, WSGIServer):
    """Serve the metrics on a listening socket until the parent process ends."""

    daemon_threads = True

    def __init__(self, listener: socket.socket, parent: int) -> None:
        super().__init__(listener.getsockname()[:2], Handler, bind_and_activate=False)
        self.socket.close()
        self.socket, self.server_name, self.server_port = listener, "", 0
        self.setup_environ()
        registry = CollectorRegistry()
        MultiProcessCollector(registry, str(files.folder))  # type: ignore[no-untyped-call]
        registry.register(Processes())
        self.set_app(make_wsgi_app(registry))
        self.parent = parent

    def verify_request(self, request: Any, client_address: Any) -> bool:
        return active_count() <= THREADS

    def service_actions(self) -> None:
        """Exit if the parent has ended. serve_forever calls this twice a second."""
        if os.getppid() != self.parent:
            os._exit(0)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log nothing: the client has disconnected, or the server is shutting down."""


class Processes:
    """Collect the memory, CPU time and open files of each process of the server."""

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        found: dict[str, Metric] = {}
        workers = {f"worker-{slot}": pid for slot, pid in files.processes().items()}
        for name, pid in {"master": os.getppid(), "metrics": os.getpid(), **workers}.items():
            for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
                own = found.setdefault(
                    metric.name, Metric(metric.name, metric.documentation, metric.type)
                )
                for sample in metric.samples:
                    own.add_sample(sample.name, {"process": name}, sample.value)
        yield from found.values()


def listen(settings: ServerSettings, port: int) -> socket.socket:
    """Listen on the server's address and a port; raise SystemExit with one line if that fails."""
    if port == settings.port:
        raise SystemExit(f"METRICS_PORT={port} is the same as PORT: use different ports.")
    host = sockets(settings.bind_address, port)[0].rpartition(":")[0].strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return socket.create_server((host, port), family=family, dualstack_ipv6=host == "::")
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > end:
                reason = os.strerror(error.errno or 0)
                advice = "Use another port, or 0 to serve no metrics."
                raise SystemExit(f"METRICS_PORT={port}: {reason}. {advice}") from error
        time.sleep(0.1)


def start(arbiter: Any) -> socket.socket:
    """Start the metrics process, and restart it whenever it ends. Return its listening socket."""
    settings = arbiter.app.wsgi().extensions["settings"]
    listener = listen(settings, settings.metrics_port)
    process = fork(arbiter, listener)
    reap = arbiter.reap_workers

    def reap_workers() -> None:
        nonlocal process
        reap()
        try:
            os.kill(process, 0)
        except OSError:
            arbiter.log.warning("The metrics process has ended: starting a new one.")
            with suppress(OSError):  # such as a lack of memory; the next call retries
                process = fork(arbiter, listener)

    arbiter.reap_workers = reap_workers
    return listener


def fork(arbiter: Any, listener: socket.socket) -> int:
    """Fork the metrics process, and return its id."""
    parent = os.getpid()
    if process := os.fork():
        return process
    try:
        for number in arbiter.SIGNALS:  # this process ends in service_actions
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in arbiter.LISTENERS:  # otherwise they would queue connections after a shutdown
            each.close()
        files.slot = "metrics"
        Exporter(listener, parent).serve_forever()
    except Exception:
        arbiter.log.exception("The metrics process has failed.")
        time.sleep(1)  # the master restarts it immediately
    finally:
        os._exit(1)
