"""Metrics of the connection pool."""

from pathlib import Path

from prometheus_client import REGISTRY
from sqlalchemy import text

from chassis import Secret, Settings
from chassis.database import reading
from chassis.metrics.datastore import measure

from .things import create_app


def test_connections_and_places_in_use_are_measured(tmp_path: Path) -> None:
    (tmp_path / "app.db").touch()
    app = create_app(Settings(database_url=Secret(f"sqlite:///{tmp_path}/app.db"), threads=4))

    def measured() -> list[float | None]:
        measure(app)
        value = REGISTRY.get_sample_value
        states = [value("datastore_connections", {"state": each}) for each in ("in_use", "idle")]
        return [*states, value("datastore_permits_in_use"), value("datastore_permits")]

    with app.app_context(), reading() as session:
        session.execute(text("SELECT 1"))
        assert measured() == [1, 0, 1, 3]
    assert measured() == [0, 1, 0, 3]
