"""Refuse a request without the credentials that its route needs, before the view is called."""

from inspect import isawaitable
from typing import Any

from flask import Flask, request
from werkzeug.exceptions import Forbidden, HTTPException, Unauthorized

from .mistakes import refuse
from .security import VERIFIED, Scheme


class Challenged(HTTPException):
    """An error with a challenge for each scheme: https://www.rfc-editor.org/rfc/rfc9110#name-401-unauthorized."""

    def __init__(self, detail: str, challenges: list[str]) -> None:
        super().__init__(detail)
        self.challenges = challenges

    def get_headers(self, *args: Any) -> list[tuple[str, str]]:
        return [("WWW-Authenticate", challenge) for challenge in self.challenges]


class Denied(Challenged, Unauthorized):
    """401: the request has no valid credentials."""


class Lacking(Challenged, Forbidden):
    """403: the caller lacks a scope."""


class Security:
    """The schemes of an application's routes; a request needs credentials for one of them."""

    def __init__(self) -> None:
        self.defaults: dict[str, tuple[Scheme[Any], ...]] = {}  # by blueprint; "": the application
        self.needs: dict[str | None, tuple[Scheme[Any], ...]] = {}  # by endpoint; None: no route

    def add_default(self, name: str, schemes: tuple[Scheme[Any], ...]) -> None:
        """Require schemes on a blueprint's routes; the name "" stands for the application."""
        if self.needs:
            raise TypeError(
                f"secure() of {name or 'the application'} has no effect after close_app: call it, "
                "or register its blueprint, earlier"
            )
        self.defaults[name] = schemes

    def close(self, app: Flask) -> None:
        """Find the schemes of each route; raise TypeError if two schemes have the same name."""
        self.needs[None] = self.defaults.get("", ())
        for endpoint, view in app.view_functions.items():
            own, name = getattr(view, "security", None), endpoint
            while own is None and name:  # from the innermost blueprint to the application
                name = name.rpartition(".")[0]
                own = self.defaults.get(name)
            self.needs[endpoint] = own or ()
        verifiers: dict[str, Any] = {}
        for scheme in [scheme for needed in self.needs.values() for scheme in needed]:
            if verifiers.setdefault(scheme.name, scheme.verify) is not scheme.verify:
                raise refuse(scheme.verify, f"two schemes are named `{scheme.name}`: set `name=`")

    def authenticate(self) -> None:
        """Raise Denied or Lacking unless the request has credentials for a scheme of its route.

        Before `close`, raise RuntimeError for every request.
        """
        if not self.needs:  # without close_app, every route would be open
            raise RuntimeError("create_app does not end with `return close_app(app)`")
        needed = self.needs.get(request.endpoint, self.needs[None])
        if not needed or is_preflight():
            return
        refused, lacking = [], []
        for scheme in needed:
            credential = scheme.read()
            caller = scheme.verify(credential) if credential else None
            if isawaitable(caller):
                raise refuse(scheme.verify, "it returns an awaitable: return the caller")
            if not caller:
                refused.append(scheme.challenge("invalid_token" if credential else ""))
            elif set(scheme.scopes) <= scopes_of(caller):
                request.environ[VERIFIED] = scheme, caller
                return
            else:
                lacking.append(scheme.challenge("insufficient_scope"))
        if lacking:
            raise Lacking("The caller lacks a scope that this operation needs.", lacking)
        raise Denied("Send valid credentials: WWW-Authenticate names the schemes.", refused)


def is_preflight() -> bool:
    """Return whether this is a CORS preflight, which browsers send without credentials.

    If a view handles OPTIONS itself, credentials are required:
    https://fetch.spec.whatwg.org/#cors-preflight-fetch.
    """
    names = {"Origin", "Access-Control-Request-Method"}
    if request.method != "OPTIONS" or not all(name in request.headers for name in names):
        return False
    return bool(getattr(request.url_rule, "provide_automatic_options", True))


def scopes_of(caller: Any) -> set[str]:
    """Return a caller's scopes: an iterable or, as in OAuth, a string separated by spaces."""
    scopes = getattr(caller, "scopes", None) or ()
    return set(scopes.split() if isinstance(scopes, str) else scopes)


def register(app: Flask) -> None:
    """Authenticate before the application's own `before_request` functions."""
    security = app.extensions["security"] = Security()
    preprocess = app.preprocess_request

    def preprocess_request() -> Any:
        security.authenticate()
        return preprocess()

    app.preprocess_request = preprocess_request  # type: ignore[method-assign]


def close(app: Flask) -> None:
    """Find the schemes of each route; if no route needs credentials, authenticate no request."""
    security: Security = app.extensions["security"]
    security.close(app)
    if not any(security.needs.values()):
        del app.preprocess_request  # remove the override of `register`: Flask's own method applies
