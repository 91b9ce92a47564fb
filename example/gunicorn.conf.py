"""The server's settings, each with its reason: https://gunicorn.org/reference/settings/."""

import os

from chassis import server
from chassis.worker import Worker
from wsgi import app

settings = app.extensions["settings"]

bind = server.sockets(settings.bind_address, settings.port)

# One process per CPU: threads share the GIL.
workers = settings.workers or server.cpus()
# A few threads in each process, for requests that wait. Many threads would contend for the GIL.
threads = settings.threads
# docs/server.md explains what this worker adds to gunicorn's, and how to go back.
worker_class = Worker

# Import the application before the port opens and before the fork. A wrong setting then ends the start
# with one line, no request reaches a server that is not ready, and the workers share memory.
preload_app = True
when_ready = server.before_the_fork
# Because of that, a reload would load neither new code nor new settings.
on_starting = server.refuse_reloads

# Replace a worker that has not reported for this long. It reports while its threads work, so this
# does not limit the duration of a request.
timeout = settings.timeout
# Requests in flight have this long after SIGTERM. Docker, for example, kills after 10 seconds.
graceful_timeout = settings.graceful_timeout
# Longer than a proxy keeps an idle connection (usually 60 s), so that the proxy closes it first.
keepalive = settings.keep_alive
# A client that pauses holds a thread for up to this long. Without a limit, a few hold all threads.
Worker.patience = settings.read_timeout

# Each connection is an open file. The other half is for the log, the application and its connections.
worker_connections = server.open_files(8192) // 2

# The application finds the client's address (TRUSTED_PROXIES). gunicorn trusts no header.
forwarded_allow_ips = ""

# The workers' heartbeat files: in memory, because a disk may be slow, full or read-only.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
# The control socket needs a writable home directory, and nothing here uses it.
control_socket_disable = True

logger_class = server.Logger
accesslog = "-" if settings.access_log == "on" else None
