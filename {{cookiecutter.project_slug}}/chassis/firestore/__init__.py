"""Use Google Cloud Firestore: https://cloud.google.com/python/docs/reference/firestore/latest."""

# % if false
# ruff: noqa: F811, I001
# fmt: off
# % endif
import math
from collections.abc import Callable
from contextlib import ExitStack
from time import monotonic
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import Client, DocumentReference, WriteOption
from werkzeug.exceptions import Conflict, HTTPException

from ..breaker import Breaker
from ..bulkhead import Bulkhead
from ..errors import to_problem
from ..per_process import per_process
from ..ready import ready
from .client import DatastoreSettings, Snapshot, make_client
from .documents import from_document, to_document
from .misfits import fitting
# % if cookiecutter.telemetry == "otlp"
from .pages import paged
from .spans import span

# % else
from .pages import paged

# % endif
__all__ = ["DatastoreSettings", "Snapshot", "datastore", "from_document", "paged", "to_document"]

T = TypeVar("T")

# The library's own retry raises TypeError if a query fails before it has returned a document.
NEVER = Retry(predicate=lambda error: False)
SILENCE = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.RetryError,
    GoogleAuthError,
)


class Firestore:
    """An application's Firestore: calls with a timeout, retries and a breaker."""

    def __init__(self, settings: DatastoreSettings) -> None:
        self.settings = settings
        self._seconds = settings.datastore_timeout or 3600
        self.breaker = Breaker("Firestore", self._seconds)
        self.bulkhead = Bulkhead(settings.threads, self.breaker.unavailable)
        self._failed_at = -math.inf  # when connect() last failed, by time.monotonic()
        lost = if_exception_type(exceptions.ServiceUnavailable)
        self._retry_lost = Retry(lost, initial=0.1, maximum=1, timeout=self._seconds)
        changed = if_exception_type(
            exceptions.Aborted, exceptions.FailedPrecondition, exceptions.NotFound
        )
        self._retry_changed = Retry(changed, initial=0.01, maximum=0.2, timeout=self._seconds)

    @property
    def client(self) -> Client:
        """The client. A request that uses it holds a permit of the bulkhead until the request ends.

        Raises ServiceUnavailable (503) if the bulkhead is full or the breaker is open.
        """
        if "chassis_client" not in g:
            if "chassis_permit" not in g:
                permit = ExitStack()
                permit.enter_context(self.bulkhead)
                g.chassis_permit = permit
            self.breaker.admit()
            g.chassis_client = client()
        found: Client = g.chassis_client
        return found

    def connect(self) -> Client:
        """Make a client; raise GoogleAuthError if there are no credentials.

        The search for credentials takes seconds, so for a second after a failure other requests
        get 503 immediately.
        """
        if monotonic() - self._failed_at < 1:
            raise self.breaker.unavailable()
        try:
            return make_client(self.settings)
        except GoogleAuthError:
            self._failed_at = monotonic()
            raise

    def leave(self, error: BaseException | None) -> None:
        """Release the request's permit of the bulkhead, if it holds one."""
        if "chassis_permit" in g:
            g.pop("chassis_permit").close()

    def call(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call a method of the client once, with DATASTORE_TIMEOUT as its timeout."""
        # % if cookiecutter.telemetry == "otlp"
        with fitting(), span(method):
            returned = method(*arguments, retry=NEVER, timeout=self._seconds)
        # % else
        with fitting():
            returned = method(*arguments, retry=NEVER, timeout=self._seconds)
        # % endif
        self.breaker.succeed()
        return returned

    def call_again(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call an idempotent method; retry for DATASTORE_TIMEOUT while Firestore is unavailable."""
        return self._retry_lost(self.call)(method, *arguments)

    def change(self, document: DocumentReference, write: Callable[[Snapshot, WriteOption], T]) -> T:
        """Read a document and write a change; retry both if the document changed in between.

        `write` takes the snapshot, and an option that makes a write fail if the document changed.
        """

        def attempt() -> T:
            snapshot = self.call(document.get)
            option = self.client.write_option(last_update_time=snapshot.update_time)
            return write(snapshot, option)

        return self._retry_changed(attempt)()

    def fail(self, error: Exception) -> Response | HTTPException:
        """Return 409 if a document exists, 503 if Firestore is unavailable; re-raise bugs."""
        if isinstance(error, exceptions.InvalidArgument):
            raise error
        if isinstance(error, exceptions.AlreadyExists):  # not Aborted, which a retry can fix
            self.breaker.succeed()
            current_app.logger.info("Firestore refused a change: the document already exists")
            return to_problem(Conflict("This resource already exists: change it instead."))
        current_app.logger.error("Firestore failed: %s", error)
        self.breaker.fail(silent=isinstance(error, SILENCE) and self.breaker.is_silent())
        return to_problem(self.breaker.unavailable())

    def ping(self) -> None:
        """Read a document that does not exist; raise an error if there is no response."""
        self.call_again(self.client.document("ready/ready").get)


@per_process
def client() -> Client:
    """Return this process's client, because gRPC's threads do not survive a fork."""
    return datastore().connect()


def datastore() -> Firestore:
    """Return the Firestore of the current application."""
    found: Firestore = current_app.extensions["datastore"]
    return found


def register(app: Flask) -> None:
    """Add Firestore and /ready to an application; return 503 while Firestore is unavailable."""
    app.extensions["datastore"] = firestore = Firestore(app.extensions["settings"])
    for error in (exceptions.GoogleAPICallError, exceptions.RetryError, GoogleAuthError):
        app.register_error_handler(error, firestore.fail)
    app.teardown_appcontext(firestore.leave)
    app.register_blueprint(ready)
