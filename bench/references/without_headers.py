"""The project without its request ids and security headers."""

from chassis import middleware

middleware.with_headers = lambda application: application

from api import create_app  # noqa: E402

app = create_app()
