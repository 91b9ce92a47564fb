"""Define a model's card, model.json. docs/model.md explains its fields."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

Name = Annotated[str, Meta(max_length=200)]


class Prediction(msgspec.Struct):
    label: Name
    probability: Annotated[float, Meta(ge=0, le=1)]


class Example(msgspec.Struct):
    input: dict[str, Any]
    output: Prediction


class Version(msgspec.Struct):
    name: Name
    version: Name


class Card(Version):
    """A model's name and version, its inputs and output, and its training."""

    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$", max_length=64)]
    inputs: dict[str, dict[str, Any]]
    output: Name
    labels: Annotated[list[Name], Meta(max_length=10_000)]
    metrics: dict[str, Any]
    training: dict[str, Any]
    golden_example: Example
