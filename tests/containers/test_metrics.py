"""Metrics of a read-only container."""

import re

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
            page = fetch(f"http://{container.host}:9464/metrics")
            found = re.findall(r'^http_requests_total\{.*"/health".*\} (\S+)$', page, re.MULTILINE)
            assert [float(each) for each in found] == [expected]
            docker("restart", container.id)
        container.call("/health")
        assert container.stop() < 4
        assert container.state["ExitCode"] == 0
