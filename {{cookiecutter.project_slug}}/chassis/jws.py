"""Verify tokens with PyJWT, in half of the time that it takes otherwise."""

from typing import Any

import jwt
from jwt.utils import base64url_decode, base64url_encode


class Jws(jwt.PyJWS):
    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        """Decode a part of a token; raise DecodeError if another text would mean the same.

        PyJWT looks at each character, in Python. If a version has another name for this method, it
        calls its own.
        """
        decoded = base64url_decode(segment)
        if base64url_encode(decoded) != segment:
            raise jwt.DecodeError(f"Invalid {name} padding")
        return decoded


class Jwt(jwt.PyJWT):
    def __init__(self) -> None:
        super().__init__()
        self._jws: Any = Jws()


decode = Jwt().decode
