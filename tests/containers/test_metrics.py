"""Metrics of a read-only container."""

import pytest

from tests.conftest import Build
from tests.support.engine import CONFINED, docker, running
from tests.support.machine import fetch

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]


def test_a_read_only_container_serves_its_metrics_and_counts_from_zero_after_a_restart(
    image: Build,
) -> None:
    with running(image(telemetry="prometheus"), CONFINED) as container:
        for expected in (20, 10):
            for _ in range(expected):
                assert container.call("/health")[0] == 200
            # Retry, because a request is counted after its response.
            counted = 'http_requests_total{method="GET",route="/health",status="200"}'
            fetch(f"http://{container.host}:9464/metrics", f"{counted} {expected}.0")
            docker("restart", container.id)
        container.call("/health")
        assert container.stop() < 4
        assert container.state["ExitCode"] == 0
