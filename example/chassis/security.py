"""Declare OpenAPI security schemes, each with the function that verifies credentials."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, Generic, TypeVar

from flask import Blueprint, Flask, request

from .mistakes import mark, refuse

__all__ = ["Scheme", "api_key", "bearer", "open_id_connect", "public", "secure"]

C = TypeVar("C")  # the type of a caller
V = TypeVar("V", bound=Callable[..., Any])
Verify = Callable[[str], C | None]

VERIFIED = "chassis.security"  # the WSGI environment's key for the scheme and the caller
# https://www.rfc-editor.org/rfc/rfc6750#section-2.1
match_bearer = re.compile(r"bearer +([\w.~+/-]+=*)", re.ASCII | re.IGNORECASE).fullmatch


@dataclass(frozen=True)
class Scheme(Generic[C]):
    """A security scheme. Make one with `bearer`, `api_key` or `open_id_connect`.

    `verify` takes the token or key, which is never empty, and returns the caller. It may raise
    errors. If it returns a falsy value, such as None or "", the response is 401.
    """

    verify: Verify[C]
    name: str
    described: dict[str, str]  # https://spec.openapis.org/oas/v3.1.1.html#security-scheme-object
    scopes: tuple[str, ...] = ()
    errors: tuple[int, ...] = ()  # statuses that `verify` raises, for the document

    def __post_init__(self) -> None:
        if not is_verifier(self.verify):
            fix = "pass a function, written with `def`, that takes the token or key"
            raise refuse(self.verify, f"the scheme `{self.name}` cannot verify with it: {fix}")
        for what, value, allowed in (
            ("name", self.name, r"[\w.-]+"),
            ("header", self.described.get("name", "X"), r"[a-zA-Z0-9-]+"),
            ("URL", self.described.get("openIdConnectUrl", "http://x"), r"https?://\S+"),
            *(("scope", scope, r"[!#-\[\]-~]+") for scope in self.scopes),
        ):
            if not isinstance(value, str) or not re.fullmatch(allowed, value, re.ASCII):
                mistake = f"{value!r} cannot be the {what} of a scheme: it must match {allowed}"
                raise refuse(self.verify, mistake)

    def with_scopes(self, *scopes: str) -> "Scheme[C]":
        """Return a copy that requires more scopes; a caller whose `scopes` lack one gets 403."""
        if not scopes:
            raise refuse(self.verify, "with_scopes() names no scope: add one")
        return replace(self, scopes=(*self.scopes, *scopes))

    def caller(self) -> C:
        """Return the caller; raise LookupError if this scheme has not verified the request."""
        scheme, caller = request.environ.get(VERIFIED, (None, None))
        if not scheme or scheme.name != self.name:
            raise LookupError(f"the scheme `{self.name}` is not required here: use `secure`")
        return caller  # type: ignore[no-any-return]

    def read(self) -> str:
        """Return the request's credential; "" if there is none."""
        if header := self.described.get("name"):
            return request.headers.get(header, "")
        token = match_bearer(request.headers.get("Authorization", ""))
        return token[1] if token else ""

    def challenge(self, error: str = "") -> str:
        """Return a WWW-Authenticate header: https://www.rfc-editor.org/rfc/rfc6750#section-3."""
        if header := self.described.get("name"):
            return f'ApiKey header="{header}"'
        if error == "insufficient_scope":
            error += f'", scope="{" ".join(self.scopes)}'
        return f'Bearer error="{error}"' if error else "Bearer"


def is_verifier(verify: Any) -> bool:
    """Return whether `verify` can verify a token. A coroutine or generator accepts every token."""
    for each in (verify, type(verify).__call__):
        if inspect.iscoroutinefunction(each) or inspect.isgeneratorfunction(each):
            return False
    try:
        inspect.signature(verify).bind("token")
    except TypeError:
        return False
    except ValueError:  # a built-in function without a signature
        pass
    return True


def bearer(verify: Verify[C], name: str = "bearer", errors: tuple[int, ...] = ()) -> Scheme[C]:
    """Make a scheme for tokens that callers send as `Authorization: Bearer …`."""
    return Scheme(verify, name, {"type": "http", "scheme": "bearer"}, errors=errors)


def api_key(header: str, verify: Verify[C], name: str = "apiKey") -> Scheme[C]:
    """Make a scheme for keys that callers send in a header, such as X-API-Key."""
    return Scheme(verify, name, {"type": "apiKey", "in": "header", "name": header})


def open_id_connect(url: str, verify: Verify[C], name: str = "openIdConnect") -> Scheme[C]:
    """Make a scheme for the tokens of an OpenID Connect issuer with this discovery document."""
    return Scheme(verify, name, {"type": "openIdConnect", "openIdConnectUrl": url})


def secure(target: Flask | Blueprint, *schemes: Scheme[Any]) -> None:
    """Require one of these schemes on every route of an application or a blueprint.

    `@public` and `@operation(security=…)` override it for a view.
    """
    if not schemes or not all(isinstance(scheme, Scheme) for scheme in schemes):
        raise TypeError(f"secure({target.name!r}): name its schemes, such as `bearer(find_user)`")
    if isinstance(target, Flask):
        target.extensions["security"].add_default("", schemes)
    else:
        target.record(
            lambda setup: setup.app.extensions["security"].add_default(
                f"{setup.name_prefix}.{setup.name}".lstrip("."), schemes
            )
        )


def public(view: V) -> V:
    """Mark a view that needs no credentials, even if its application or blueprint does."""
    return mark(view, "public", security=())


def require(view: Any, security: Scheme[Any] | Sequence[Scheme[Any]]) -> Callable[..., Any]:
    """Mark a view with its schemes; wrap it to check that one of them has verified the request.

    The check is needed because a decorator above @operation() can hide the mark from close_app.
    """
    schemes = tuple(security) if isinstance(security, (list, tuple)) else (security,)
    if not schemes or not all(isinstance(scheme, Scheme) for scheme in schemes):
        raise refuse(view, "`security` names no scheme: add `bearer(…)`, or decorate with @public")
    mark(view, "operation(security=…)", security=schemes)

    @wraps(view)
    def checked(**arguments: Any) -> Any:
        if request.environ.get(VERIFIED, [None])[0] not in schemes:
            fix = "use functools.wraps in the decorator above @operation()"
            raise refuse(view, f"its `security` was not checked: {fix}")
        return view(**arguments)

    return checked
