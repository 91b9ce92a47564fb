"""A bulkhead: https://learn.microsoft.com/azure/architecture/patterns/bulkhead."""

from collections import deque
from collections.abc import Callable
from threading import Lock
from typing import Any

# Seconds that a request waits for a place, in slices. Requests queued behind it, such as /health,
# wait as long. A slice takes longer on a busy machine, so a process without CPU time does not count
# as stuck.
SLICE, SLICES = 0.002, 25
# Slices before the first request has ended, because a new process has to connect.
FIRST_SLICES = 200


class Bulkhead:
    """Keeps a thread free for /health and other requests while the datastore is slow or blocked.

    One request fewer than there are threads can use the datastore at a time. This includes requests
    that wait for a lock, a slow statement or a name server. If no place becomes free in 50 ms, the
    datastore counts as stuck: requests get 503 immediately until a place is free. With one thread
    in the process, none is kept free.
    """

    def __init__(self, threads: int, unavailable: Callable[[], Exception]) -> None:
        """Take the number of threads of the process, and a function that makes a refusal's error."""
        self.places = max(1, threads - 1)
        self._unavailable = unavailable
        self._free, self._slices, self._stuck = self.places, FIRST_SLICES, False
        self._lock = Lock()
        self._queue: deque[Lock] = deque()  # a lock for each request that waits, released in turn

    # % if cookiecutter.telemetry == "prometheus"
    @property
    def in_use(self) -> int:
        """The number of requests that have a place."""
        return self.places - self._free

    # % endif
    # % if cookiecutter.telemetry == "otlp"
    @property
    def waiting(self) -> int:
        """The number of requests that wait for a place."""
        return len(self._queue)

    # % endif
    def __enter__(self) -> None:
        """Take a place; raise the error if none becomes free."""
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
            if turn in self._queue:
                self._queue.remove(turn)
                self._stuck = True
                raise self._unavailable()

    def __exit__(self, *raised: Any) -> None:
        """Give the place to the request that has waited longest, if any."""
        with self._lock:
            self._slices = SLICES
            if self._queue:
                self._queue.popleft().release()
                return
            self._free += 1
            self._stuck = False
