"""gunicorn's threaded worker, with four changes.

The stock worker resets queued connections when it shuts down. It lets a silent client hold a thread.
It blocks while a client closes its end. Of several workers, the first to wake up accepts every
connection, even if its threads are busy and another worker's are free.
"""

import math
import os
import socket
import time
from array import array
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from functools import partial
from itertools import starmap
from select import select
from selectors import EVENT_READ
from struct import Struct
from typing import Any

from gunicorn.workers.gthread import TConn, ThreadWorker

# Seconds that a client has to close its end: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
LINGER = 2
# Upper bound on a round trip, in seconds: after this, every handshake already begun has completed.
HANDSHAKE = 0.2
# Seconds that accepting may take at a stop, where new connections cannot be refused.
LAST_CALL = 1
# After accepting, a worker waits this long, in seconds, so that others can take the next connection.
REST = 0.001
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # of Linux
# Berkeley Packet Filter, https://docs.kernel.org/networking/filter.html: a SYN without ACK, which
# opens a connection, is dropped, and everything else is kept. 13 is the offset of TCP's flags.
DROP_SYN = [
    (0x30, 0, 0, 13),  # load the byte at 13
    (0x54, 0, 0, 0x12),  # and it with SYN | ACK
    (0x15, 0, 1, 0x02),  # skip one line if it is not SYN
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
]


def has_closed(process: int, listener: socket.socket) -> bool:
    """Tell whether a process has closed a socket that this one still has; False if unknown."""
    number = listener.fileno()
    with suppress(OSError):
        return number >= 0 and str(number) not in os.listdir(f"/proc/{process}/fd")
    return False


@contextmanager
def refusing_connections(listener: socket.socket) -> Iterator[None]:
    """Refuse new connections; handshakes that have begun complete.

    Otherwise close() resets half-open handshakes. The filter belongs to the socket, not to this
    process: the last worker removes it, because a server that took over the socket (SIGUSR2, systemd)
    continues to use it.
    """
    program = array("B", b"".join(starmap(Struct("HBBI").pack, DROP_SYN)))
    pointer = Struct("HP").pack(len(DROP_SYN), program.buffer_info()[0])
    with open(__file__, encoding="utf-8") as lock:
        flock(lock, LOCK_SH)
        with suppress(OSError):
            listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, pointer)
        yield
        flock(lock, LOCK_UN)
        with suppress(OSError):
            flock(lock, LOCK_EX | LOCK_NB)  # fails while another worker is not done
            listener.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


class Worker(ThreadWorker):
    _accepting: bool  # of ThreadWorker
    turn = 0.0  # when it accepts again, by time.monotonic(), if no request is finished before
    left = False  # whether it left the last connection to the other workers
    finished = 0  # requests finished since the last connection
    patience = 0  # seconds that a client may pause in a request or a response; 0 is no limit

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection, and leave the next one to the other workers for a moment.

        Without a free thread, leave it to them until requests have finished. If it is still queued
        then, they have no free thread either: accept as many connections as requests have finished.
        """
        if self.cfg.workers == 1:
            self.take(listener)
            return
        full = self.in_flight() >= self.cfg.threads
        self.left = full and not self.left
        if not self.left:
            for _ in range(self.finished if full else 1):
                self.take(listener)
        self.finished = 0
        self.turn = math.inf if full else time.monotonic() + REST
        super().set_accept_enabled(False)

    def take(self, listener: socket.socket) -> None:
        """Accept a queued connection, if any; a thread gets it when the client has sent something."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        # Kernel timeouts apply to each read; Python's would cover the whole response.
        for bound in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            client.setsockopt(socket.SOL_SOCKET, bound, Struct("ll").pack(self.patience, 0))
        connection = TConn(self.cfg, client, address, listener.getsockname())
        connection.data_ready = True
        connection.timeout = time.monotonic() + max(self.cfg.keepalive, LINGER)
        self.nr_conns += 1
        self.keepalived_conns.append(connection)
        ready = partial(self.on_client_socket_readable, connection)
        self.poller.register(client, EVENT_READ, ready)

    def in_flight(self) -> int:
        """Count the requests that have a thread or wait for one."""
        return int(self.nr_conns) - len(self.keepalived_conns) - len(self.pending_conns)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Start or stop accepting, but do not start before it is this worker's turn.

        When the server stops, accept the queued connections first. When only this worker stops, the
        others accept them.
        """
        if enabled and self.alive and time.monotonic() >= self.turn:
            super().set_accept_enabled(True)
        elif not enabled:
            super().set_accept_enabled(False)
        if not self.alive:
            for listener in self.sockets:
                if has_closed(self.ppid, listener):
                    with refusing_connections(listener), suppress(OSError):  # of no files left
                        end = time.monotonic() + LAST_CALL
                        while select([listener], [], [], HANDSHAKE)[0] and time.monotonic() < end:
                            self.take(listener)
                listener.close()
            self.sockets = []  # this may be called again

    def wait_for_and_dispatch_events(self, timeout: float | None) -> None:
        """Wait at most until a client must have closed its end, or until it is this worker's turn."""
        assert timeout is not None  # run() always has one
        now = time.monotonic()
        ends = [now + timeout]
        if self.pending_conns:
            ends.append(self.pending_conns[0].timeout or 0)
        if self.alive and not self._accepting and self.nr_conns < self.worker_connections:
            ends.append(self.turn)
        super().wait_for_and_dispatch_events(max(0, min(ends) - now))

    def is_parent_alive(self) -> bool:
        """Tell whether the master lives; without it, accept no more connections."""
        if not super().is_parent_alive():
            self.alive = False  # and never back to True: a SIGTERM may come at any time
        return bool(self.alive)

    def finish_request(self, connection: TConn, result: "Future[bool]") -> None:
        """Keep a connection for its next request, or close it as soon as the client has."""
        self.turn, self.finished = 0, self.finished + 1
        if not result.cancelled() and not result.exception() and result.result():
            super().finish_request(connection, result)
            return
        try:
            connection.sock.shutdown(socket.SHUT_WR)
            connection.sock.setblocking(False)
            self.poller.register(connection.sock, EVENT_READ, partial(self.drain, connection))
        except OSError:
            self.nr_conns -= 1
            connection.close()
        else:
            connection.timeout = time.monotonic() + LINGER
            self.pending_conns.append(connection)

    def drain(self, connection: TConn, sock: Any) -> None:
        """Read what a client still sends: unread data would discard the response on its way."""
        try:
            closed = not sock.recv(65536)
        except OSError:
            closed = True
        if closed:
            self.poller.unregister(sock)
            self.pending_conns.remove(connection)
            self.nr_conns -= 1
            connection.close()
