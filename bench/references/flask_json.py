"""The bare Flask app, its JSON written by msgspec: Flask's place for another encoder."""

import msgspec
from bare_flask import app
from flask.json.provider import JSONProvider


class Msgspec(JSONProvider):
    def dumps(self, obj, **kwargs):
        return msgspec.json.encode(obj).decode()

    def loads(self, s, **kwargs):
        return msgspec.json.decode(s)

    def response(self, *args, **kwargs):
        data = msgspec.json.encode(self._prepare_response_obj(args, kwargs))
        return self._app.response_class(data, mimetype="application/json")


app.json = Msgspec(app)
