"""Predict whether customers renew, an example to replace. `training/train.py` trains the model."""

from typing import Annotated, Literal

import msgspec
from flask import Blueprint
from msgspec import Meta

from chassis import Input, operation
from chassis.model import Card, Prediction, Version, model, serve

predictions = Blueprint("predictions", __name__)


class Customer(Input):
    """An input of the model. `make train` copies the fields into the model's card."""

    age: Annotated[int, Meta(ge=18, le=120, description="In years.")]
    months: Annotated[int, Meta(ge=0, le=1200, description="Since the first payment.")]
    visits: Annotated[float, Meta(ge=0, le=1000, description="Per month; null if unknown.")] | None
    plan: Literal["basic", "plus", "pro"]


class PredictionsIn(Input):
    instances: Annotated[list[Customer], Meta(min_length=1, max_length=100)]


class Predictions(msgspec.Struct):
    predictions: Annotated[list[Prediction], Meta(max_length=100)]
    model: Version


predictions.record_once(serve(Customer))


@predictions.post("/predictions")
@operation()
def create_predictions(body: PredictionsIn) -> Predictions:
    """Predict whether each customer renews."""
    return Predictions(model().predict(body.instances), model().version)


@predictions.get("/model")
@operation()
def get_model() -> Card:
    """Return the model's card."""
    return model().card
