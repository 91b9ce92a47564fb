"""Verify the bearer tokens of an OpenID Connect issuer. Every route needs one, unless it is public.

`public` (chassis/security.py) marks a view that needs no token. Other views read the claims with
`tokens.caller()`, and `@operation(security=tokens.with_scopes("items:write"))` requires scopes.
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Self, TypeVar

import jwt
import msgspec
from flask import Flask, current_app
from jwt.utils import base64url_decode
from msgspec import Meta

from . import jws
from .authentication import Denied
from .jwks import ALGORITHMS, URL, Keys
from .per_process import per_process
from .security import Scheme, bearer, secure
from .settings import ServerSettings

__all__ = ["Claims", "tokens"]

logger = logging.getLogger(__name__)
T = TypeVar("T")

LEEWAY = 30  # seconds by which the issuer's clock may differ
MAX_LENGTH = 8192  # of a token; gunicorn refuses a longer header
TYPES = {"jwt", "at+jwt", "application/at+jwt"}  # other types are not API tokens
OPTIONS: Any = {"require": ["exp", "iss", "aud"]}
# A deployment has one of these, and refuses an http issuer. The Dockerfile sets IN_IMAGE.
DEPLOYED = ("IN_IMAGE", "K_SERVICE", "KUBERNETES_SERVICE_HOST")
ISSUER = Meta(
    pattern=URL + r"\Z",
    description="the issuer's https URL, without a query; http is for localhost only",
)


@dataclass(frozen=True, kw_only=True)
class AuthSettings(ServerSettings):
    """The issuer and the audience of the tokens. Without them, `register` raises SystemExit."""

    auth_issuer: Annotated[str, ISSUER] = ""
    auth_audience: str = ""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Return the settings; raise SystemExit if a deployed API has an issuer without TLS."""
        __tracebackhide__ = True  # pytest would show the variables, including secrets
        settings = super().from_environment(environ)
        if settings.auth_issuer.startswith("http:") and any(map(environ.get, DEPLOYED)):
            shown = f"AUTH_ISSUER={settings.auth_issuer!r}"
            raise SystemExit(f"{shown}: use https; http is accepted on a developer's machine only.")
        return settings


class Header(msgspec.Struct):
    alg: str
    kid: str | None = None
    typ: str = "JWT"


class Claims(msgspec.Struct, kw_only=True, dict=True):
    """The claims of a verified token: https://www.rfc-editor.org/rfc/rfc9068#section-2.2.

    `read` returns other claims, such as those that your issuer adds.
    """

    iss: str
    aud: str | list[str]
    exp: float
    sub: str | None = None
    client_id: str | None = None
    scope: str | list[str] = ""
    scp: str | list[str] = ""  # the name that Microsoft Entra and Okta use

    @property
    def scopes(self) -> set[str]:
        given = [each.split() if isinstance(each, str) else each for each in (self.scope, self.scp)]
        return set(sum(given, []))

    def read(self, kind: type[T]) -> T:
        """Return the claims as a type with more fields; raise Denied (401) if they do not fit."""
        try:
            return msgspec.convert(vars(self)["all"], kind)
        except msgspec.ValidationError as error:
            logger.warning("A token does not fit %s: %s", kind.__name__, error)
            challenges = [tokens.challenge("invalid_token")]
            raise Denied("A claim of the token is missing or invalid.", challenges) from error


@per_process
def keys() -> Keys:
    settings = current_app.extensions["settings"]
    # One thread stays free for /health and for tokens whose key is known.
    return Keys(settings.auth_issuer, max(1, settings.threads - 1))


def verify(token: str) -> Claims | None:
    """Return the claims of a valid token; return None and log the reason if the token is invalid.

    Never logs the token. Raises ServiceUnavailable (503) if an unknown key cannot be fetched.
    """
    try:
        return decode(token)
    except (jwt.PyJWTError, msgspec.MsgspecError, ValueError, RecursionError) as error:
        logger.info("A token was refused: %s: %.200s", type(error).__name__, error)
        return None


def decode(token: str) -> Claims:
    """Return the claims of a token; raise an exception with the reason if the token is invalid."""
    settings = current_app.extensions["settings"]
    if len(token) > MAX_LENGTH:
        raise ValueError(f"it is longer than {MAX_LENGTH} bytes")
    header = msgspec.json.decode(base64url_decode(token.partition(".")[0]), type=Header)
    if header.alg not in ALGORITHMS or header.typ.lower() not in TYPES:
        raise ValueError("its algorithm or its type is not allowed")
    if not (key := keys().find(header.kid, header.alg)):
        raise ValueError("the issuer has no key with its id and algorithm")
    issuer, audience = settings.auth_issuer, settings.auth_audience
    found = jws.decode(
        token, key, [header.alg], OPTIONS, audience=audience, issuer=issuer, leeway=LEEWAY
    )
    claims = msgspec.convert(found, Claims)
    vars(claims)["all"] = found
    return claims


tokens: Scheme[Claims] = bearer(verify, errors=(503,))


def register(app: Flask) -> None:
    """Require a token on each non-public route; raise SystemExit if a setting is missing."""
    settings = app.extensions["settings"]
    needed = {"auth_issuer": ISSUER.description, "auth_audience": "the audience of its tokens"}
    missing = [name for name in needed if not getattr(settings, name)]
    if missing:
        raise SystemExit(
            "\n".join(f"{name.upper()} is not set: use {needed[name]}." for name in missing)
        )
    if settings.auth_issuer.startswith("http:"):
        logger.warning("AUTH_ISSUER is %s: for development only", settings.auth_issuer)
    secure(app, tokens)
