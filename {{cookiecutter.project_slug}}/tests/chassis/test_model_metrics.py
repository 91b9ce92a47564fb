"""Metrics of the model."""

from pathlib import Path

from flask import Blueprint, Flask
from prometheus_client import REGISTRY

from chassis.metrics.model import watch
from chassis.model import model, serve

from .test_model import Pair, write


def test_batches_and_their_labels_are_counted(tmp_path: Path) -> None:
    app = Flask(__name__)
    app.extensions["settings"] = type("Settings", (), {"model_path": write(tmp_path)})
    blueprint = Blueprint("pairs", __name__)
    blueprint.record_once(serve(Pair))
    app.register_blueprint(blueprint)
    watch(app)
    with app.app_context():
        model().predict([Pair(1, 0), Pair(0, 1), Pair(5, 0)])
        model().predict([Pair(0, 1)])
    value = REGISTRY.get_sample_value
    assert value("model_labels_total", {"label": "first"}) == 2
    assert value("model_labels_total", {"label": "second"}) == 2
    assert value("model_batch_size_sum") == 4
    assert value("model_duration_seconds_count") == 2
