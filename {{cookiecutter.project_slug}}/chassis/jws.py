"""Verify tokens with PyJWT, with a faster check of base64."""

from typing import Any

import jwt
from jwt.utils import base64url_decode, base64url_encode


class Jws(jwt.PyJWS):
    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        """Decode a part of a token; raise DecodeError unless its base64 is canonical.

        PyJWT checks each character in Python. If PyJWT renames this method, PyJWT's check runs.
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
