"""Fetch the keys of an OpenID Connect issuer when a token needs them, and keep them."""

import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from threading import BoundedSemaphore, Event, Lock, Thread
from time import monotonic
from typing import Any

import msgspec
from jwt import PyJWK, PyJWTError
from werkzeug.exceptions import ServiceUnavailable

from .fetching import read

logger = logging.getLogger(__name__)
# Algorithms, with their keys' type and curve: https://www.rfc-editor.org/rfc/rfc8725#section-3.1
ALGORITHMS = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "EdDSA": ("OKP", "Ed25519"),
}
# TLS is required, because forged keys would make forged tokens valid. http is for a local issuer.
URL = (
    r"^(https://([\w.-]+|\[[\da-fA-F:]+\])|http://(localhost|127(\.\d{1,3}){3}|\[::1\]))"
    r"(:\d{1,5})?(/[^\s?#\\]*)?"
)
match_url = re.compile(URL + r"(\?[^\s#]*)?\Z", re.ASCII).match
PATIENCE = 2  # seconds to fetch both documents; a request waits no longer
PAUSE = 5  # seconds between fetches, so that many unknown key ids do not cause many fetches
MAX_AGE = 600  # seconds after which known keys are fetched again; no request waits for that


class Discovery(msgspec.Struct):
    issuer: str
    jwks_uri: str


class KeySet(msgspec.Struct):
    keys: list[dict[str, Any]]


class Keys:
    """An issuer's keys, by id and algorithm. While the issuer is down, known keys stay valid."""

    def __init__(self, issuer: str, most: int) -> None:
        """Limit the number of requests that wait for a fetch; the first fetch has no limit."""
        self.issuer = issuer
        self.keys: dict[tuple[str | None, str], PyJWK] = {}
        self._lock, self._places = Lock(), BoundedSemaphore(most)
        self._ended = Event()  # of the last fetch
        self._ended.set()
        self._is_away = False
        self._began_at = self._fetched_at = float("-inf")

    def find(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return a key, or None if the issuer lacks it; raise 503 if new keys cannot be fetched."""
        if key := self.get(key_id, algorithm):
            if monotonic() - self._fetched_at > MAX_AGE:
                self.refresh()
            return key
        ended = self.refresh()
        left = max(self._began_at + PATIENCE - monotonic(), 0)
        if not self.keys and not self._is_away:  # the first fetch: every token needs it
            ended.wait(left)
        elif not ended.is_set() and self._places.acquire(timeout=0.05):
            ended.wait(left)
            self._places.release()
        key = self.get(key_id, algorithm)
        if not key and (self._is_away or not ended.is_set()):
            raise ServiceUnavailable("Tokens cannot be verified now.", retry_after=PAUSE)
        return key

    def get(self, key_id: str | None, algorithm: str) -> PyJWK | None:
        """Return a known key. If `key_id` is None, the algorithm must have exactly one key."""
        if key_id is not None:
            return self.keys.get((key_id, algorithm))
        found = [key for (_, name), key in self.keys.items() if name == algorithm]
        return found[0] if len(found) == 1 else None

    def refresh(self) -> Event:
        """Start a fetch if none is running or began in the last PAUSE seconds; return its Event."""
        with self._lock:
            if self._ended.is_set() and monotonic() - self._began_at > PAUSE:
                ended = Event()
                # In a thread, because DNS lookups and slow responses have no timeout.
                Thread(target=self.fetch, args=[ended], name="keys", daemon=True).start()
                self._began_at, self._ended = monotonic(), ended
            return self._ended

    def fetch(self, ended: Event) -> None:
        """Fetch new keys; keep the old ones if that fails."""
        try:
            self.keys = load(self.issuer)
            self._fetched_at, self._is_away = monotonic(), False
        except Exception as error:
            getattr(error, "close", bool)()  # an HTTPError is an open response
            self._is_away = True
            place = getattr(error, "__notes__", [self.issuer])[0]
            logger.warning("No keys from %s: %s: %.200s", place, type(error).__name__, error)
        finally:
            ended.set()


def load(issuer: str) -> dict[tuple[str | None, str], PyJWK]:
    """Return the issuer's keys: https://openid.net/specs/openid-connect-discovery-1_0.html."""
    end = monotonic() + PATIENCE
    url = issuer.rstrip("/") + "/.well-known/openid-configuration"
    found = read(url, end, Discovery)
    if found.issuer != issuer:
        raise ValueError(f"its discovery document has the issuer {found.issuer}")
    is_http = found.jwks_uri.startswith("http:") and issuer.startswith("https:")
    if is_http or not match_url(found.jwks_uri):
        raise ValueError(f"its keys are not at an https URL: {found.jwks_uri}")
    listed = read(found.jwks_uri, end, KeySet).keys
    keys = dict(each for data in listed for each in usable(data))
    if not keys:
        raise ValueError(f"it has no valid key for {', '.join(ALGORITHMS)}")
    return keys


def usable(data: dict[str, Any]) -> Iterator[tuple[tuple[str | None, str], PyJWK]]:
    """Yield a key for each algorithm that can use it; skip malformed, weak and encryption keys."""
    shape = data.get("kty"), data.get("crv")
    for algorithm, needed in ALGORITHMS.items():
        given = data.get("alg", algorithm), data.get("use", "sig")
        if shape == needed and given == (algorithm, "sig"):
            with suppress(PyJWTError):
                key = PyJWK(data, algorithm)
                is_weak = key.Algorithm.check_key_length(key.key)
                if not is_weak and isinstance(key.key_id, str | None):
                    yield (key.key_id, algorithm), key
