"""The bare Flask app, with a request id and the project's headers by a hook of Flask."""

from secrets import token_hex

from bare_flask import app
from chassis.middleware import SECURITY_HEADERS


@app.after_request
def add_headers(response):
    response.headers.extend([*SECURITY_HEADERS, ("X-Request-ID", token_hex(16))])
    return response
