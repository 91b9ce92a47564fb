"""Load a server and count lost requests."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from threading import Event


class Client:
    """Send requests one after another; count those without a response."""

    def __init__(
        self, address: tuple[str, int], connection: str, ended: Event, path: str = "/health"
    ) -> None:
        self.address = address
        request = f"GET {path} HTTP/1.1\r\nHost: test\r\nConnection: {connection}\r\n\r\n"
        self.request = request.encode()
        self.ended = ended
        self.answered = self.lost = 0

    def __call__(self) -> None:
        while not self.ended.is_set():
            with suppress(OSError), socket.create_connection(self.address, timeout=1) as server:
                # The server's kernel has now accepted the connection.
                server.settimeout(20)
                while not self.ended.is_set() and self.goes_on(server):
                    pass

    def goes_on(self, server: socket.socket) -> bool:
        """Send a request; return whether the connection can be reused."""
        answer = b""
        try:
            server.sendall(self.request)
            while not answer.endswith(b"}"):
                if not (part := server.recv(4096)):
                    raise ConnectionError
                answer += part
        except OSError:
            self.lost += 1
            return False
        assert answer.startswith(b"HTTP/1.1 200 ")
        self.answered += 1
        return b"\r\nConnection: close\r\n" not in answer


@contextmanager
def load(
    address: tuple[str, int], count: int, connection: str, path: str = "/health"
) -> Iterator[list[Client]]:
    """Run clients until the block ends; after it, their counts are complete."""
    ended = Event()
    clients = [Client(address, connection, ended, path) for _ in range(count)]
    with ThreadPoolExecutor(count) as pool:
        calls = [pool.submit(client) for client in clients]
        try:
            yield clients
        finally:
            ended.set()
    for call in calls:
        call.result()
