"""The image with auth=jwt accepts no issuer without TLS."""

import time

import pytest

from tests.conftest import Build
from tests.support.engine import CONFINED, ISSUER, running

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]


def test_the_image_refuses_a_local_issuer(image: Build) -> None:
    settings = {"AUTH_ISSUER": "http://localhost:8300", "AUTH_AUDIENCE": "api"}
    with running(image(auth="jwt"), CONFINED, **settings) as container:
        for _ in range(100):
            if not container.state["Running"]:
                break
            time.sleep(0.1)
        assert container.state["ExitCode"] != 0
        assert "AUTH_ISSUER='http://localhost:8300': use https; " in container.log


def test_the_image_starts_while_its_issuer_is_unreachable(image: Build) -> None:
    with running(image(auth="jwt"), CONFINED, **ISSUER) as container:
        assert container.call("/health") == (200, {"status": "ok"})
        assert container.call("/api/v1/greetings", {"name": "Ada"})[0] == 401
        assert container.call("/nothing", Authorization="Bearer x.y.z")[0] == 401
