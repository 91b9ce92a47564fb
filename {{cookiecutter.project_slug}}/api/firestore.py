"""Google Cloud Firestore: https://cloud.google.com/python/docs/reference/firestore/latest."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

from flask import Flask, Response, current_app, g
from google.api_core import exceptions
from google.api_core.retry import Retry, if_exception_type
from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import Client, DocumentReference, DocumentSnapshot, WriteOption
from google.cloud.firestore_v1 import base_client
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from .errors import to_problem
from .settings import Settings

T = TypeVar("T")
Snapshot = DocumentSnapshot[DocumentReference]

# gRPC tries to connect again more and more seldom, up to two minutes apart: never longer than a
# second here. The library has no other place to say so.
for options in (base_client._DEFAULT_CHANNEL_OPTIONS, base_client._GRPC_MSG_SIZE_OPTIONS):
    options.append(("grpc.max_reconnect_backoff_ms", 1000))

# The library's own repetition of a query is a TypeError before the first document.
NEVER = Retry(predicate=lambda error: False)
SILENCE = (
    exceptions.ServiceUnavailable,
    exceptions.DeadlineExceeded,
    exceptions.RetryError,
    GoogleAuthError,
)


class Firestore:
    """An application's Firestore.

    Its client is made when it is first needed, in the process that needs it, for gRPC's threads do
    not cross a fork.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Client | None = None
        self._lock = Lock()
        self._try_again_at = self._answered_at = 0.0
        self._seconds = settings.datastore_timeout or 3600
        lost = if_exception_type(exceptions.ServiceUnavailable)
        self._retry_lost = Retry(lost, initial=0.1, maximum=1, timeout=self._seconds)
        changed = if_exception_type(
            exceptions.Aborted, exceptions.FailedPrecondition, exceptions.NotFound
        )
        self._retry_changed = Retry(changed, initial=0.01, maximum=0.2, timeout=self._seconds)

    @property
    def client(self) -> Client:
        """The client for this request.

        Raises ServiceUnavailable (503) at once while Firestore keeps somebody waiting. If everybody
        waited, they would soon hold every thread, and /health would wait too. So one request at a
        time tries, a second after the last, until there is an answer again.
        """
        if "firestore" not in g:
            with self._lock:
                if self._try_again_at > monotonic():
                    raise unavailable()
                if self._try_again_at:  # from here on, no other tries before this one has failed
                    self._try_again_at = monotonic() + 2 * self._seconds + 1
                if not self._client:
                    self._client = self._connect()
                g.firestore = self._client
        client: Client = g.firestore
        return client

    def _connect(self) -> Client:
        settings = self.settings
        try:  # without a project, the platform or the credentials name it
            return Client(
                settings.google_cloud_project or None, database=settings.firestore_database or None
            )
        except (GoogleAuthError, OSError) as error:
            self._try_again_at = monotonic() + 1  # for those who wait for the lock
            if isinstance(error, GoogleAuthError):
                raise
            reason = f"{error}" if error.errno else f"Set GOOGLE_CLOUD_PROJECT: {error}"
            raise GoogleAuthError(reason) from error  # type: ignore[no-untyped-call]

    def call(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call a method of the client's, once, and wait DATASTORE_TIMEOUT for the answer."""
        answer = method(*arguments, retry=NEVER, timeout=self._seconds)
        self._answered_at, self._try_again_at = monotonic(), 0.0
        return answer

    def call_again(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call a method that does no harm when it is called twice; again, if no answer came."""
        return self._retry_lost(self.call)(method, *arguments)

    def change(self, document: DocumentReference, write: Callable[[Snapshot, WriteOption], T]) -> T:
        """Read a document and write what depends on it; once more, if it was changed in between.

        `write` takes what was read and the option for its write, which holds it to that.
        """

        def attempt() -> T:
            snapshot = self.call(document.get)
            option = self.client.write_option(last_update_time=snapshot.update_time)
            return write(snapshot, option)

        return self._retry_changed(attempt)()

    def fail(self, error: Exception) -> Response | HTTPException:
        """Answer 503 for what failed for want of Firestore; raise what failed for a bug."""
        if isinstance(error, exceptions.InvalidArgument):
            raise error
        current_app.logger.error("Firestore failed: %s", error)
        silent = isinstance(error, SILENCE) and monotonic() - self._answered_at > self._seconds
        self._try_again_at = monotonic() + 1 if silent else 0.0
        return to_problem(unavailable())

    def ping(self) -> None:
        """Read a document that is not there; raise if there is no answer to that."""
        self.call_again(self.client.document("ready/ready").get)


def unavailable() -> ServiceUnavailable:
    return ServiceUnavailable("Firestore is not available.", retry_after=5)


def init_firestore(app: Flask, settings: Settings) -> None:
    """Give an application its Firestore; while that is away, what needs it is answered with 503."""
    app.extensions["datastore"] = firestore = Firestore(settings)
    for error in (exceptions.GoogleAPICallError, exceptions.RetryError, GoogleAuthError):
        app.register_error_handler(error, firestore.fail)


def datastore() -> Firestore:
    firestore: Firestore = current_app.extensions["datastore"]
    return firestore
