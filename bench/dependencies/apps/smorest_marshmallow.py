"""flask-smorest, which has marshmallow; its document is at /openapi.json."""

from typing import Any

from flask import Flask
from flask.views import MethodView
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields, validate

app = Flask(__name__)
app.config.update(API_TITLE="Greetings", API_VERSION="1", OPENAPI_VERSION="3.1.0")
app.config["OPENAPI_URL_PREFIX"] = "/"
api = Api(app)
blueprint = Blueprint("greetings", __name__)


class Health(Schema):
    status = fields.String(required=True)


class GreetingIn(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 100))


class Greeting(Schema):
    message = fields.String(required=True)


class Query(Schema):
    limit = fields.Integer(load_default=20, validate=validate.Range(1, 100))


class Greetings(Schema):
    limit = fields.Integer(required=True)


@blueprint.route("/health")
class HealthView(MethodView):
    @blueprint.response(200, Health)
    def get(self) -> dict[str, str]:
        return {"status": "ok"}


@blueprint.route("/greetings")
class GreetingsView(MethodView):
    @blueprint.arguments(GreetingIn)
    @blueprint.response(201, Greeting)
    def post(self, body: dict[str, str]) -> dict[str, str]:
        return {"message": f"Hello, {body['name']}!"}

    @blueprint.arguments(Query, location="query")
    @blueprint.response(200, Greetings)
    def get(self, query: dict[str, Any]) -> dict[str, Any]:
        return {"limit": query["limit"]}


api.register_blueprint(blueprint)
