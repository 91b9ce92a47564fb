"""Serve a model of scikit-learn with FastAPI, as their documentation shows: joblib and a function."""

import math
import os
from typing import Annotated, Literal

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

app = FastAPI()
pipeline = joblib.load(os.environ["MODEL"])


class Customer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    age: Annotated[int, Field(ge=18, le=120)]
    months: Annotated[int, Field(ge=0, le=1200)]
    visits: Annotated[float, Field(ge=0, le=1000)] | None
    plan: Literal["basic", "plus", "pro"]


class PredictionsIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    instances: Annotated[list[Customer], Field(min_length=1, max_length=100)]


class Prediction(BaseModel):
    label: str
    probability: float


class Predictions(BaseModel):
    predictions: list[Prediction]


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/api/v1/predictions")
def predict(body: PredictionsIn) -> Predictions:
    rows = [
        (each.age, each.months, math.nan if each.visits is None else each.visits, each.plan)
        for each in body.instances
    ]
    found = pipeline.predict_proba(np.array(rows, dtype=object))
    return Predictions(
        predictions=[
            Prediction(label=pipeline.classes_[row.argmax()], probability=row.max())
            for row in found
        ]
    )
