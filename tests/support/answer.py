"""A request to a server, and its response."""

import json
import time
import urllib.error
import urllib.request
from typing import Any, Protocol


class Server(Protocol):
    @property
    def address(self) -> str: ...


class Answer:
    """Send a request; keep the response and the seconds that it took."""

    def __init__(
        self, server: Server, path: str, body: object = None, method: str | None = None
    ) -> None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(server.address + path, data, headers, method=method)
        began = time.monotonic()
        try:
            response = urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            response = error
        with response:
            self.status, self.headers, self.text = (
                response.status,
                response.headers,
                response.read(),
            )
        self.seconds = time.monotonic() - began

    @property
    def json(self) -> Any:
        return json.loads(self.text)
