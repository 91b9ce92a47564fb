"""Google Cloud Firestore: https://cloud.google.com/python/docs/reference/firestore/latest."""

from collections.abc import Callable
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

from flask import Flask, Response, current_app
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
UNAVAILABLE = ServiceUnavailable("Firestore does not answer.", retry_after=5)


class Firestore:
    """An application's Firestore.

    Its client is made when it is first needed, in the process that needs it, for gRPC's threads do
    not cross a fork. `bounds` are the arguments of every call: how long it may take in all.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._client: Client | None = None
        self._lock = Lock()
        self._away_until = 0.0
        seconds = settings.datastore_timeout or 3600
        lost = if_exception_type(exceptions.ServiceUnavailable)
        self.bounds: dict[str, Any] = {
            "retry": Retry(lost, initial=0.1, maximum=1, timeout=seconds),
            "timeout": seconds,
        }
        changed = if_exception_type(exceptions.FailedPrecondition, exceptions.NotFound)
        self._again = Retry(changed, initial=0.01, maximum=0.2, timeout=seconds)

    @property
    def client(self) -> Client:
        """Raises ServiceUnavailable (503) in the second after somebody waited for it in vain.

        If everybody waited, they would soon hold every thread, and /health would wait too.
        """
        if monotonic() < self._away_until:
            raise UNAVAILABLE
        with self._lock:
            if not self._client:
                try:
                    self._client = Client(
                        self.settings.google_cloud_project or None,  # then the platform says
                        database=self.settings.firestore_database or None,
                    )
                except OSError as error:
                    missing = f"Set GOOGLE_CLOUD_PROJECT: {error}"
                    raise GoogleAuthError(missing) from error  # type: ignore[no-untyped-call]
            return self._client

    def note(self, error: Exception) -> None:
        """Log an error; after silence, connect anew: gRPC would try again more and more seldom."""
        current_app.logger.error("Firestore does not answer: %s", error)
        if isinstance(error, exceptions.ServerError | exceptions.RetryError):
            self._client = None
            self._away_until = monotonic() + 1

    def ping(self) -> None:
        """Read a document that is not there; raise one of AWAY if there is no answer to that."""
        self.client.document("ready/ready").get(**self.bounds)

    def change(self, document: DocumentReference, write: Callable[[Snapshot, WriteOption], T]) -> T:
        """Read a document and write what depends on it; once more, if it was changed in between.

        `write` takes what was read and the option for its write, which holds it to that.
        """

        def attempt() -> T:
            snapshot = document.get(**self.bounds)
            option = self.client.write_option(last_update_time=snapshot.update_time)
            return write(snapshot, option)

        return self._again(attempt)()


def init_firestore(app: Flask, settings: Settings) -> None:
    """Give an application its Firestore; while that is away, what needs it is answered with 503."""
    app.extensions["datastore"] = Firestore(settings)
    for error in AWAY:
        app.register_error_handler(error, unavailable)


def datastore() -> Firestore:
    store: Firestore = current_app.extensions["datastore"]
    return store


def unavailable(error: Exception) -> Response | HTTPException:
    datastore().note(error)
    return to_problem(UNAVAILABLE)
