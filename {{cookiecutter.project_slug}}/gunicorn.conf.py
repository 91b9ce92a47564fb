"""Configure gunicorn: https://gunicorn.org/reference/settings/."""

# % if false
# ruff: noqa: I001
# fmt: off
# % endif
import os

from chassis import server
# % if cookiecutter.telemetry == "prometheus"
from chassis.metrics import files  # noqa: F401  # before wsgi: creates the folder
# % endif
from chassis.worker import Worker
from wsgi import app

settings = server.settings_of(app)

bind = server.sockets(settings.bind_address, settings.port)

# One process per CPU: threads share the GIL.
workers = settings.workers or server.cpus()
# A few threads in each process, for requests that wait. Many threads would contend for the GIL.
threads = settings.threads
# docs/server.md explains what this worker adds to stock gunicorn, and how to remove it.
worker_class = Worker

# Import the application before the port opens and before the fork. Then an invalid setting stops
# the server with one line, no request reaches a server that is not ready, and workers share memory.
preload_app = True
when_ready = server.before_the_fork
# With preload_app, a reload would load neither new code nor new settings.
on_starting = server.refuse_reloads

# Replace a worker whose heartbeat stops for this long. The heartbeat continues while requests run,
# so this does not limit the duration of a request.
timeout = settings.timeout
# After SIGTERM, requests in flight have this long to end. Docker, for example, kills the server
# after 10 seconds.
graceful_timeout = settings.graceful_timeout
# Longer than a proxy keeps an idle connection (usually 60 s), so that the proxy closes it first.
keepalive = settings.keep_alive
# A client that stops sending or reading occupies a thread for up to this long. Without a limit, a
# few such clients would occupy every thread.
Worker.patience = settings.read_timeout

# Each connection is an open file. Clients get half of the limit; the other half is for the log, the
# application and its connections.
worker_connections = server.open_files(8192) // 2

# gunicorn trusts no header, because the application finds the client's address (TRUSTED_PROXIES).
forwarded_allow_ips = ""

# The workers' heartbeat files: in memory, because a disk may be slow, full or read-only.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# The control socket needs a writable home directory, and nothing here uses it.
control_socket_disable = True

logger_class = server.Logger
accesslog = "-" if settings.access_log == "on" else None
# % if cookiecutter.telemetry == "prometheus"

# gunicorn finds its hooks by these names. This when_ready replaces the one above.
from chassis.metrics.hooks import child_exit, post_fork, pre_fork  # noqa: E402, F401

if settings.metrics_port:
    from chassis.metrics.hooks import post_request, pre_request, when_ready  # noqa: F401
# % endif
