"""gunicorn's threaded worker, with these main changes (docs/server.md has the measurements):

- At shutdown, queued connections are accepted before the port is closed.
- A client that sends nothing, or stops halfway, does not occupy a thread for long.
- A worker without a free thread leaves new connections to the other workers.
- A body in thousands of small chunks is refused.
"""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ
from struct import Struct
from typing import Any

from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import InvalidChunkSize
from gunicorn.workers.gthread import TConn, ThreadWorker

# Seconds for a client to close its side: https://www.rfc-editor.org/rfc/rfc9112#section-9.6
LINGER = 2
# Seconds that a stopping worker accepts connections. SIGTERM to a process group reaches it before
# the master closes the port. If the worker closed the port first, connections would stay queued.
LAST_CALL = 0.5
# Seconds before the last accept() and after close(). A connection that arrives in between is reset.
# No request starts in a pause: busy threads would delay close(), and clients would reconnect.
QUIET = 0.05
# Maximum number of chunks under SMALL bytes in a body: docs/server.md has the CPU time of a chunk.
CHUNKS, SMALL = 4096, 256


def limit_chunks(chunks: Any) -> Iterator[bytes]:
    """Yield the chunks of a body; raise gunicorn's error for a bad chunk if too many are small."""
    small = 0
    for chunk in chunks:
        small += len(chunk) < SMALL
        if small > CHUNKS:
            raise InvalidChunkSize(b"too many small chunks")
        yield chunk


class Worker(ThreadWorker):
    _accepting: bool  # of ThreadWorker
    patience = 0  # seconds that a client may pause in a request or a response; 0 is no limit

    def init_signals(self) -> None:
        """Ignore SIGHUP: a whole process group can receive it, and it would end this process."""
        super().init_signals()
        signal.signal(signal.SIGHUP, signal.SIG_IGN)

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection; if this worker is full, leave it to the others."""
        if self.is_full():
            super().set_accept_enabled(False)
        else:
            self.take(listener)

    def take(self, listener: socket.socket) -> bool:
        """Accept a queued connection; return whether there was one.

        The connection gets a thread when the client has sent something.
        """
        try:
            client, address = listener.accept()
        except OSError:  # none is queued, the client has gone, or no more files can be opened
            return False
        # On a dual-stack socket, an IPv4 client has an address such as ::ffff:192.0.2.1.
        if listener.family == socket.AF_INET6 and "." in address[0]:
            address = (address[0].removeprefix("::ffff:"), address[1])
        # Kernel timeouts apply to each read; Python's would cover the whole response.
        for bound in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            client.setsockopt(socket.SOL_SOCKET, bound, Struct("ll").pack(self.patience, 0))
        conn = TConn(self.cfg, client, address, listener.getsockname())
        conn.data_ready = True
        conn.timeout = time.monotonic() + max(self.cfg.keepalive, LINGER)
        self.nr_conns += 1
        self.keepalived_conns.append(conn)
        self.poller.register(client, EVENT_READ, partial(self.on_client_socket_readable, conn))
        return True

    def is_full(self) -> bool:
        """Return whether every thread is busy."""
        waiting = len(self.keepalived_conns) + len(self.pending_conns)
        return bool(self.nr_conns - waiting >= self.cfg.threads)

    def set_accept_enabled(self, enabled: bool | None) -> None:
        """Start or stop accepting; when the worker stops, accept the queued connections first."""
        if self.alive:
            super().set_accept_enabled(enabled and not self.is_full())
            return
        super().set_accept_enabled(True)
        end = time.monotonic() + LAST_CALL
        while (left := end - time.monotonic()) > 0:
            self.wait_for_and_dispatch_events(left)
        super().set_accept_enabled(False)
        time.sleep(QUIET)
        for listener in self.sockets:
            while self.take(listener):
                pass
            listener.close()
        self.sockets = []
        time.sleep(QUIET)

    def is_parent_alive(self) -> bool:
        """Return whether the master is alive; begin to shut down if it is not."""
        if not super().is_parent_alive():
            self.alive = False  # never set to True, because a SIGTERM may arrive meanwhile
        return bool(self.alive)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        """Handle a request; limit the number of small chunks in its body."""
        reader = req.body.reader
        if isinstance(reader, ChunkedReader):
            reader.parser = limit_chunks(reader.parser)  # type: ignore[assignment]
        return bool(super().handle_request(req, conn))

    def finish_request(self, conn: TConn, fs: Any) -> None:
        """Keep a connection for its next request, or close it when the client has closed its side.

        If accepting was stopped because the worker was full, accept one queued connection.
        """
        if not fs.cancelled() and not fs.exception() and fs.result():
            super().finish_request(conn, fs)
        else:
            try:
                conn.sock.shutdown(socket.SHUT_WR)
                conn.sock.setblocking(False)
                self.poller.register(conn.sock, EVENT_READ, partial(self.drain, conn))
            except OSError:
                self.nr_conns -= 1
                conn.close()
            else:
                conn.timeout = time.monotonic() + LINGER
                self.pending_conns.append(conn)
        if self.alive and not self._accepting and self.nr_conns < self.worker_connections:
            for listener in self.sockets:
                self.take(listener)

    def drain(self, conn: TConn, sock: Any) -> None:
        """Discard a client's data. Closing a socket with unread data could lose the response."""
        with suppress(OSError):
            if sock.recv(65536):
                return
        self.poller.unregister(sock)
        self.pending_conns.remove(conn)
        self.nr_conns -= 1
        conn.close()
