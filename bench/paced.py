"""Send requests at fixed times, whether earlier responses have arrived or not (an open loop).

    python bench/paced.py PORT PATH [--rate 500] [--count 1000] [--connections 100] [--hold]

A latency is measured from the time that a request was due. So it includes the delay that a slow server
causes (coordinated omission: https://github.com/giltene/wrk2#acknowledgements). Without a rate, all
requests are due at once. A new connection is opened only if none is free. Prints JSON, with times in
milliseconds. With --hold, the connections stay open until the end of the input.
"""

import argparse
import json
import resource
import socket
import sys
import time
from collections import deque
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector

PATIENCE = 10  # seconds after the last request was due


class Connection:
    """A connection with one request at a time."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))
        self.due, self.received = 0.0, b""

    def is_answered(self) -> bool:
        """Read; return whether the response is complete. Raises OSError if the peer disconnects."""
        if not (part := self.socket.recv(65536)):
            raise ConnectionError
        self.received += part
        head, end, body = self.received.partition(b"\r\n\r\n")
        if not end:
            return False
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        return len(body) >= length


def run(
    port: int, path: str, rate: float, count: int, connections: int
) -> tuple[list[float], int, list[Connection]]:
    """Send the requests; return the seconds of each 200, the number of other outcomes, and the
    connections that are open.
    """
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    selector = DefaultSelector()
    free: deque[Connection] = deque()
    seconds: list[float] = []
    opened = sent = failed = 0
    began = time.perf_counter()
    last = began + (count / rate if rate else 0)

    def due(number: int) -> float:
        return began + (number / rate if rate else 0)

    def end(connection: Connection) -> None:
        nonlocal opened
        selector.unregister(connection.socket)
        connection.socket.close()
        opened -= 1

    while len(seconds) + failed < count and time.perf_counter() < last + PATIENCE:
        while sent < count and due(sent) <= time.perf_counter() and (free or opened < connections):
            if free:
                connection = free.pop()
            else:
                connection, opened = Connection(port), opened + 1
                selector.register(connection.socket, EVENT_WRITE, connection)
            selector.modify(connection.socket, EVENT_WRITE, connection)
            connection.due, connection.received = due(sent), b""
            sent += 1
        can_send = sent < count and (free or opened < connections)
        wait = max(0, due(sent) - time.perf_counter()) if can_send else 1
        for key, event in selector.select(wait):
            connection = key.data
            try:
                if event & EVENT_WRITE:
                    connection.socket.sendall(request)
                    selector.modify(connection.socket, EVENT_READ, connection)
                elif connection.is_answered():
                    if connection.received.startswith(b"HTTP/1.1 200 "):
                        seconds.append(time.perf_counter() - connection.due)
                    else:
                        failed += 1
                    if b"\r\nConnection: close\r\n" in connection.received:
                        end(connection)
                    else:
                        free.append(connection)
            except OSError:
                end(connection)
                if connection in free:  # it was idle: no request is lost
                    free.remove(connection)
                else:
                    failed += 1
    return seconds, count - len(seconds), [*free]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0: all at once")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=100, help="maximum number")
    parser.add_argument("--hold", action="store_true")
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # a connection is a file
    seconds, failed, connections = run(
        options.port, options.path, options.rate, options.count, options.connections
    )
    seconds.sort()
    figures = {
        name: 1000 * seconds[int(share * (len(seconds) - 1))] if seconds else None
        for name, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999), ("last", 1))
    }
    print(json.dumps(figures | {"lost": failed}), flush=True)
    if options.hold:
        sys.stdin.read()
    for connection in connections:
        connection.socket.close()


if __name__ == "__main__":
    main()
