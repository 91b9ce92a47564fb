"""Define hooks for gunicorn: https://gunicorn.org/reference/settings/#server-hooks."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
from typing import Any

from flask import request_started

from ..server import before_the_fork
# % if cookiecutter.datastore != "none" and cookiecutter.model == "onnx"
from . import datastore, exporter, files, model
# % elif cookiecutter.datastore != "none"
from . import datastore, exporter, files
# % elif cookiecutter.model == "onnx"
from . import exporter, files, model
# % else
from . import exporter, files
# % endif
from .requests import note_route, post_request, pre_request

__all__ = ["child_exit", "post_fork", "post_request", "pre_fork", "pre_request", "when_ready"]

sockets: list[Any] = []  # of the metrics process


def when_ready(server: Any) -> None:
    """Start the metrics process, before the workers."""
    # request_started is sent before credentials are verified, so that a 401 has its route.
    request_started.connect(note_route, server.app.wsgi())
    # % if cookiecutter.model == "onnx"
    model.watch(server.app.wsgi())
    # % endif
    before_the_fork(server)
    sockets.append(exporter.start(server))


def pre_fork(server: Any, worker: Any) -> None:
    files.assign(worker, server.WORKERS.values())


def child_exit(server: Any, worker: Any) -> None:
    files.leave(worker)


def post_fork(server: Any, worker: Any) -> None:
    files.enter(worker)
    for each in sockets:  # otherwise a worker that outlives the master would keep the port in use
        each.close()
    # % if cookiecutter.datastore != "none"
    datastore.watch(server.app.wsgi())
    # % endif
