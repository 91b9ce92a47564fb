"""Connect to PostgreSQL with a timeout for every wait."""

from concurrent.futures import Future
from select import POLLIN, poll
from threading import Thread
from time import monotonic
from typing import Any

import psycopg
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus

SILENCE = psycopg.errors.ConnectionTimeout  # only timeouts: a refused connection fails immediately


class PatientConnection(psycopg.Connection[Any]):
    """A connection with its own timeout, because a silent server enforces no statement_timeout."""

    patience: float | None = None  # seconds
    used_at = 0.0

    def is_alive(self) -> bool:
        """Return True if the connection works; return False if only a round trip can show that.

        The connection works if it was used in the last second and has nothing to read. A connection
        that the server has closed is readable.
        """
        if self.closed or monotonic() - self.used_at > 1:
            return False
        events = poll()
        events.register(self, POLLIN)
        return not events.poll(0)

    def wait(self, gen: PQGen[Any], interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            result = super().wait(gen, interval, timeout or self.patience)
            self.used_at = monotonic()
            return result
        except psycopg.Error as error:
            silent = self.info.transaction_status == TransactionStatus.ACTIVE
            if silent and isinstance(error, psycopg.OperationalError):
                self.close()  # a late reply could be read as the result of the next query
                raise SILENCE("the server does not respond") from error
            # Lines after the first can contain a row's values, which must not be logged.
            error.args = (str(error).partition("\n")[0],)
            raise


def close(attempt: Future[PatientConnection]) -> None:
    """Close the connection of an attempt that succeeded too late."""
    if not attempt.exception():
        attempt.result().close()


def connect_within(seconds: float, *args: Any, **parameters: Any) -> PatientConnection:
    """Connect in a separate thread, because psycopg waits for the name server without a timeout."""
    attempt: Future[PatientConnection] = Future()

    def connect() -> None:
        try:
            attempt.set_result(PatientConnection.connect(*args, **parameters))
        except Exception as error:
            attempt.set_exception(error)

    Thread(target=connect, name="connect", daemon=True).start()
    try:
        return attempt.result(seconds)
    except TimeoutError:
        attempt.add_done_callback(close)
        raise SILENCE("the server or the name server does not respond") from None
