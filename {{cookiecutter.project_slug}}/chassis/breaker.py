"""A circuit breaker: https://microservices.io/patterns/reliability/circuit-breaker.html."""

from threading import Lock
from time import monotonic

from werkzeug.exceptions import ServiceUnavailable


class Breaker:
    """Keep requests from waiting for a datastore that does not respond.

    Otherwise such requests would soon occupy every thread, and /health would wait too. While the
    breaker is open, each worker lets one request probe the datastore, one second after the last
    failure. The other requests get 503 immediately.
    """

    def __init__(self, name: str, seconds: float) -> None:
        """Set the datastore's name, which errors show, and the timeout of a call in seconds."""
        self.name, self.seconds = name, seconds
        self._lock = Lock()
        self._try_again_at = self._answered_at = 0.0

    def admit(self) -> None:
        """Raise ServiceUnavailable (503) if the breaker is open, unless it is time to try again."""
        with self._lock:
            if self._try_again_at > monotonic():
                raise self.unavailable()
            if self._try_again_at:  # block other attempts until this one has ended
                self._try_again_at = monotonic() + 2 * self.seconds + 1

    def succeed(self) -> None:
        """Close the breaker: the datastore has responded."""
        self._answered_at, self._try_again_at = monotonic(), 0.0

    def fail(self, *, silent: bool) -> None:
        """Open the breaker if the datastore does not respond (`silent`); otherwise close it."""
        self._try_again_at = monotonic() + 1 if silent else 0.0

    def is_silent(self) -> bool:
        """Return whether the last success is older than the timeout of a call."""
        return monotonic() - self._answered_at > self.seconds

    # % if cookiecutter.telemetry == "prometheus"
    @property
    def is_open(self) -> bool:
        """Whether requests get 503 without a call to the datastore."""
        return self._try_again_at > 0

    # % endif
    def unavailable(self) -> ServiceUnavailable:
        return ServiceUnavailable(f"{self.name} is not available.", retry_after=5)
