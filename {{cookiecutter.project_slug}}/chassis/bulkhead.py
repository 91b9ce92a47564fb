"""A bulkhead: https://learn.microsoft.com/azure/architecture/patterns/bulkhead."""

import logging
from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

# A request waits for a permit in SLICES slices of SLICE seconds, 50 ms in all. Requests queued
# behind it, such as /health, wait for the same time. On a busy machine a slice takes longer, so
# that a lack of CPU time does not look like a stuck datastore.
SLICE, SLICES = 0.002, 25
# Slices until the first request has ended: a new process must connect first.
FIRST_SLICES = 200
FULL = "All %s threads for the datastore are busy: other requests get 503 until one is free."
logger = logging.getLogger(__name__)


class Bulkhead:
    """Keep a thread free for /health and other requests while the datastore is slow or blocked.

    A request that uses the datastore holds a permit, even while it waits for a lock, a slow
    statement or a name server. There is a permit for each thread but one. If no permit becomes free
    in 50 ms, the datastore counts as stuck: requests get 503 immediately until a permit is free.
    With one thread in the process, no thread is kept free.
    """

    def __init__(self, threads: int, unavailable: Callable[[], Exception]) -> None:
        """Set the number of threads, and a function that returns the error of refused requests."""
        self.permits = max(1, threads - 1)
        self._unavailable = unavailable
        self._free, self._slices, self._stuck = self.permits, FIRST_SLICES, False
        self._lock = Lock()
        self._queue: deque[Lock] = deque()  # a lock for each request that waits, released in turn

    # % if cookiecutter.telemetry == "prometheus"
    @property
    def in_use(self) -> int:
        """The number of requests that hold a permit."""
        return self.permits - self._free

    # % endif
    # % if cookiecutter.telemetry == "otlp"
    @property
    def waiting(self) -> int:
        """The number of requests that wait for a permit."""
        return len(self._queue)

    # % endif
    def __enter__(self) -> None:
        """Acquire a permit; raise the error if none becomes free."""
        with self._lock:
            if self._free:
                self._free -= 1
                return
            if self._stuck:
                raise self._unavailable()
            turn = Lock()
            turn.acquire()
            self._queue.append(turn)
        if any(turn.acquire(timeout=SLICE) for _ in range(self._slices)):
            return
        with self._lock:
            if turn not in self._queue:
                return
            self._queue.remove(turn)
            was_stuck, self._stuck = self._stuck, True
        if not was_stuck:  # otherwise no log line would explain the 503
            logger.warning(FULL, self.permits)
        raise self._unavailable()

    def __exit__(self, *raised: Any) -> None:
        """Pass the permit to the request that has waited longest; if none waits, release it."""
        with self._lock:
            self._slices = SLICES
            if self._queue:
                self._queue.popleft().release()
                return
            self._free += 1
            self._stuck = False
