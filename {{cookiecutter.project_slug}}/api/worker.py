"""gunicorn's threaded worker, with its faults mended: docs/decisions.md has the measurements.

As it comes, it resets what waits to be accepted when it stops, lets a client that sends nothing hold
a thread, waits by itself, accepting nobody, for each client to close its end, and of those who come at
once the first of the workers to wake up takes all, even if its threads are busy and another's are not.
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
# Seconds to the client and back, at most: who has been answered that he may connect, is then.
HANDSHAKE = 0.2
# Seconds that accepting may take at a stop, where new connections cannot be refused.
LAST_CALL = 1
# Seconds for which a worker that has accepted somebody leaves who comes next to the others.
REST = 0.001
SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27  # of Linux
# Berkeley Packet Filter, https://docs.kernel.org/networking/filter.html: a SYN without ACK, which
# asks for a connection, is dropped, and all else is kept. 13 is where the flags of TCP are.
DROP_SYN = [
    (0x30, 0, 0, 13),  # load the byte at 13
    (0x54, 0, 0, 0x12),  # and it with SYN | ACK
    (0x15, 0, 1, 0x02),  # skip one line if it is not SYN
    (0x06, 0, 0, 0),  # drop
    (0x06, 0, 0, 0xFFFFFFFF),  # keep
]


def has_closed(process: int, listener: socket.socket) -> bool:
    """Tell whether a process has closed what this one still has of it; no, if nobody can tell."""
    number = listener.fileno()
    with suppress(OSError):
        return number >= 0 and str(number) not in os.listdir(f"/proc/{process}/fd")
    return False


@contextmanager
def refusing_connections(listener: socket.socket) -> Iterator[None]:
    """Let no new connection begin; who is about to be connected will be.

    Otherwise close() resets whoever has had half of the handshake by then. The filter is the socket's,
    and not this process's: the last of the workers takes it off, for a server that took over the
    socket (SIGUSR2), or systemd, goes on with it.
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
    left = False  # whether it left the last who came to the others
    finished = 0  # requests finished since somebody came
    patience = 0  # seconds that a client may pause in a request or an answer; 0 is for ever

    def accept(self, listener: socket.socket) -> None:
        """Accept who comes, and leave the next to the other workers for a moment.

        With no thread free, leave him to them until requests are finished. If he still waits then, they
        have none free either, and this worker accepts as many as were finished.
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
        """Accept a connection, if there still is one; a thread gets it when it has sent something."""
        try:
            client, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        # The system's own bounds are for each pause; Python's would be for all of an answer.
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
        """Start or stop accepting, and do not start before it is this worker's turn.

        When the server stops, accept first who is connected already; when only this worker does, the
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
        """Wait, at most until a client's time to close its end is over, or it is this worker's turn."""
        assert timeout is not None  # run() always has one
        now = time.monotonic()
        ends = [now + timeout]
        if self.pending_conns:
            ends.append(self.pending_conns[0].timeout or 0)
        if self.alive and not self._accepting and self.nr_conns < self.worker_connections:
            ends.append(self.turn)
        super().wait_for_and_dispatch_events(max(0, min(ends) - now))

    def is_parent_alive(self) -> bool:
        """Tell whether the master is there; without it, nobody is to be accepted any more."""
        if not super().is_parent_alive():
            self.alive = False  # and never back to True: a SIGTERM may come at any time
        return bool(self.alive)

    def finish_request(self, connection: TConn, result: "Future[bool]") -> None:
        """Keep a connection for its next request, or close it, as soon as the client has."""
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
        """Take what a client still sends; unread, it would have the last answer thrown away."""
        try:
            closed = not sock.recv(65536)
        except OSError:
            closed = True
        if closed:
            self.poller.unregister(sock)
            self.pending_conns.remove(connection)
            self.nr_conns -= 1
            connection.close()
