"""The project without its request ids and security headers."""

from api import middleware

middleware.with_headers = lambda application: application

from wsgi import app  # noqa: E402, F401
