"""The spans and metrics of predictions, as a collector receives them."""

from collections.abc import Callable
from pathlib import Path

from flask import Blueprint, Flask

from chassis import Settings, close_app
from chassis.model import model, serve

from .collector import Collector
from .test_model import Pair, write
from .things import open_test_app


def test_a_prediction_has_a_span_in_its_request_and_metrics(
    collector: Collector, ending: Callable[[Flask], Flask], tmp_path: Path
) -> None:
    pairs = Blueprint("pairs", __name__)
    pairs.record_once(serve(Pair))

    @pairs.get("/pairs")
    def predict() -> str:
        return model().predict([Pair(1, 0), Pair(0, 1), Pair(5, 0)])[0].label

    settings = Settings(otel_exporter_otlp_endpoint=collector.endpoint, model_path=write(tmp_path))
    app = open_test_app(settings)
    app.register_blueprint(pairs)
    response = ending(close_app(app)).test_client().get("/pairs", buffered=True)
    assert response.text == "first"
    span, request = collector.span("predict"), collector.span("GET /pairs")
    assert (span.trace, span.parent) == (request.trace, request.id)
    about = {"model.name": "pairs", "model.version": "1"}
    assert span.attributes == about | {"model.batch_size": 3}
    for name in ("model.prediction.duration", "model.prediction.batch_size"):
        point = collector.newest(name)
        assert (point.value, point.attributes) == (1, about)
