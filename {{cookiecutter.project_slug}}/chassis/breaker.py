"""A circuit breaker: https://microservices.io/patterns/reliability/circuit-breaker.html."""

from threading import Lock
from time import monotonic

from werkzeug.exceptions import ServiceUnavailable


class Breaker:
    """Keeps requests from waiting for a datastore that does not respond.

    Otherwise they would soon hold every thread, and /health would wait too. While it is open, one
    request per second tries the datastore; the others get 503 immediately.
    """

    def __init__(self, name: str, seconds: float) -> None:
        """Take the datastore's name, for the caller, and the seconds after which a call gives up."""
        self.name, self.seconds = name, seconds
        self._lock = Lock()
        self._try_again_at = self._answered_at = 0.0

    def admit(self) -> None:
        """Raise ServiceUnavailable (503) if the breaker is open and this is not the one that tries."""
        with self._lock:
            if self._try_again_at > monotonic():
                raise self.unavailable()
            if self._try_again_at:  # no other tries before this one can have failed
                self._try_again_at = monotonic() + 2 * self.seconds + 1

    def succeed(self) -> None:
        """Close the breaker: the datastore has responded."""
        self._answered_at, self._try_again_at = monotonic(), 0.0

    def fail(self, *, silent: bool) -> None:
        """Open the breaker if the call timed out; close it if the datastore refused the call."""
        self._try_again_at = monotonic() + 1 if silent else 0.0

    def is_silent(self) -> bool:
        """Tell whether no call has succeeded for as long as one may take."""
        return monotonic() - self._answered_at > self.seconds

    def unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(f"{self.name} is not available.", retry_after=5)
