"""Log an exception that Flask does not handle, and send a problem.

Flask handles an Exception of a view. It does not handle SystemExit and other BaseExceptions, nor
exceptions in a teardown, a stream, middleware or an error handler. docs/server.md lists the
errors that cannot become a problem.
"""

import logging
import sys
from collections.abc import Iterable, Iterator
from errno import EPIPE
from itertools import chain
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.exceptions import InternalServerError
from werkzeug.wsgi import get_path_info

from .errors import to_problem

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)


def send(
    app: Flask,
    environ: "WSGIEnvironment",
    start: "StartResponse",
    body: Iterable[bytes],
    held: list[Any],
    start_response: "StartResponse",
) -> Iterator[bytes]:
    """Send a body. The response begins with its first chunk: until then, a problem can replace it.

    `held` has the status, the headers, and chunks that the application wrote to `start`;
    `start_response` is the server's.
    """
    called = begun = waiting = False
    try:
        for chunk in chain(held[2:], body) if len(held) > 2 else body:
            if not isinstance(chunk, bytes):
                raise TypeError(
                    f"A stream has to yield bytes or, in a Response, str; not {chunk!r:.100}"
                )
            if not called:
                called = True
                start_response(held[0], held[1])
                begun = True
            waiting = True
            yield chunk
            waiting = False
        if not called:
            called = True
            start_response(held[0], held[1])
    except BaseException as error:
        if waiting:  # the server stopped reading: the client closed the connection
            raise
        problem = replace(app, environ, start, error)
        if begun:  # servers close the connection after this error, and log nothing more
            environ["log_fields"]["aborted"] = "server"
            raise BrokenPipeError(EPIPE, "The response failed after its start.") from error
        if called:  # gunicorn keeps the headers that it accepted before it refused one
            getattr(getattr(start_response, "__self__", None), "headers", []).clear()
        start_response(held[0], held[1], sys.exc_info() if called else None)
        yield from problem
    finally:
        try:
            getattr(body, "close", bool)()
        except BaseException as error:
            report(app, environ, error)


def replace(
    app: Flask, environ: "WSGIEnvironment", start: "StartResponse", error: BaseException
) -> Iterable[bytes]:
    """Report an exception; start a problem as the response, and return its body."""
    report(app, environ, error)
    return to_problem(InternalServerError())(environ, start)


def report(app: Flask, environ: "WSGIEnvironment", error: BaseException) -> None:
    """Log an exception; re-raise it if the server, the debugger or a test handles it.

    - The debugger and tests (`app.testing`) get every Exception, as they do from Flask.
    - In the main thread, a signal may have raised SystemExit, KeyboardInterrupt or another
      BaseException. Examples are Ctrl-C and a timeout. gunicorn's threaded worker runs views in
      other threads, which get no signal.
    """
    if isinstance(error, Exception):
        expected = app.config["PROPAGATE_EXCEPTIONS"]
        if expected is None:
            expected = app.testing or app.debug
    else:
        expected = current_thread() is main_thread()
    if expected:
        raise error
    path, method = get_path_info(environ), environ["REQUEST_METHOD"]
    logger.error("Exception on %s [%s]", path, method, exc_info=error, extra=environ["log_fields"])


def is_open_file(wrapper: Any) -> bool:
    """Return whether a wsgi.file_wrapper has a file that the kernel can send."""
    try:
        number: int = wrapper.filelike.fileno()
    except (AttributeError, OSError):  # an object in memory, whose read() may fail
        return False
    return number >= 0
