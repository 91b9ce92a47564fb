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
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from .errors import to_problem
from .settings import Settings

T = TypeVar("T")
Snapshot = DocumentSnapshot[DocumentReference]
# What there is to catch when the service cannot be reached, or must not be used.
AWAY = (
    exceptions.ServerError,
    exceptions.TooManyRequests,
    exceptions.Forbidden,
    exceptions.RetryError,
    GoogleAuthError,
)
UNAVAILABLE = ServiceUnavailable("Firestore is not available.", retry_after=5)


class Firestore:
    """An application's Firestore.

    Its client is made when it is first needed, in the process that needs it, for gRPC's threads do
    not cross a fork.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Client | None = None
        self._lock = Lock()
        self._try_again_at = 0.0
        self._seconds = settings.datastore_timeout or 3600
        lost = if_exception_type(exceptions.ServiceUnavailable)
        self._retry = Retry(lost, initial=0.1, maximum=1, timeout=self._seconds)
        changed = if_exception_type(exceptions.FailedPrecondition, exceptions.NotFound)
        self._again = Retry(changed, initial=0.01, maximum=0.2, timeout=self._seconds)

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
                    raise UNAVAILABLE
                if self._try_again_at:  # from here on, no other tries before this one has failed
                    self._try_again_at = monotonic() + 2 * self._seconds + 1
                if not self._client:
                    self._client = self._connect()
                g.firestore = self._client
        client: Client = g.firestore
        return client

    def _connect(self) -> Client:
        try:
            return Client(
                self.settings.google_cloud_project or None,  # then the platform or credentials say
                database=self.settings.firestore_database or None,
            )
        except OSError as error:
            missing = f"Set GOOGLE_CLOUD_PROJECT: {error}"
            raise GoogleAuthError(missing) from error  # type: ignore[no-untyped-call]

    def call(self, method: Callable[..., T], *arguments: Any) -> T:
        """Call a method of the client's, and wait DATASTORE_TIMEOUT for it, in all."""
        answer = method(*arguments, retry=self._retry, timeout=self._seconds)
        self._try_again_at = 0.0
        return answer

    def change(self, document: DocumentReference, write: Callable[[Snapshot, WriteOption], T]) -> T:
        """Read a document and write what depends on it; once more, if it was changed in between.

        `write` takes what was read and the option for its write, which holds it to that.
        """

        def attempt() -> T:
            snapshot = self.call(document.get)
            option = self.client.write_option(last_update_time=snapshot.update_time)
            return write(snapshot, option)

        return self._again(attempt)()

    def fail(self, error: Exception) -> Response | HTTPException:
        """Answer 503 for what failed for want of Firestore."""
        current_app.logger.error("Firestore failed: %s", error)
        silent = not isinstance(error, exceptions.ClientError)
        self._try_again_at = monotonic() + 1 if silent else 0.0
        if silent:
            self._client = None  # gRPC would try to connect again more and more seldom
        return to_problem(UNAVAILABLE)

    def ping(self) -> None:
        """Read a document that is not there; raise one of AWAY if there is no answer to that."""
        self.call(self.client.document("ready/ready").get)


def init_firestore(app: Flask, settings: Settings) -> None:
    """Give an application its Firestore; while that is away, what needs it is answered with 503."""
    app.extensions["datastore"] = firestore = Firestore(settings)
    for error in AWAY:
        app.register_error_handler(error, firestore.fail)


def datastore() -> Firestore:
    firestore: Firestore = current_app.extensions["datastore"]
    return firestore
