"""A model in an image, and in a folder that is mounted into a container."""

import json
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Build
from tests.support.engine import CONFINED, running
from tools.variants import AXES, PROJECT, allowed

pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.thorough]

INSTANCE = {"age": 41, "months": 16, "visits": 11.3, "plan": "plus"}
PREDICTED = {"label": "renews", "probability": 0.893859}


# The field `doc_string` of onnx.proto. It changes the hash, and not the predictions.
MORE = b"\x32\x05other"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the same model under another hash and another version."""
    file = (PROJECT / "model/model.onnx").read_bytes() + MORE
    card: dict[str, Any] = json.loads((PROJECT / "model/model.json").read_text(encoding="utf-8"))
    changed = {"version": "2.0.0", "sha256": sha256(file).hexdigest()}
    (tmp_path / "model.onnx").write_bytes(file)
    (tmp_path / "model.json").write_text(json.dumps(card | changed), encoding="utf-8")
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(
    "version",
    [v for v in AXES["python_version"] if allowed({"model": "onnx", "python_version": v})],
)
def test_it_serves_the_image_s_model_confined_and_writes_nothing(
    image: Build, version: str
) -> None:
    with running(image(model="onnx", python_version=version), CONFINED) as container:
        status, body = container.call("/api/v1/predictions", {"instances": [INSTANCE] * 100})
        assert (status, body["predictions"]) == (200, [PREDICTED] * 100)
        assert container.call("/api/v1/model")[1]["version"] == "1.0.0"
        assert container.stop() < 4
        assert container.state["ExitCode"] == 0
        for line in container.log.splitlines():
            assert "message" in json.loads(line)


def mounted(folder: Path) -> list[str]:
    return [*CONFINED, f"--volume={folder}:/models:ro", "--env=MODEL_PATH=/models"]


def test_a_mounted_folder_has_another_model(image: Build, folder: Path) -> None:
    with running(image(model="onnx"), mounted(folder)) as container:
        status, body = container.call("/api/v1/predictions", {"instances": [INSTANCE]})
        assert status == 200
        assert body["model"] == {"name": "renewal", "version": "2.0.0"}


def test_a_model_that_was_tampered_with_is_refused_in_one_line(image: Build, folder: Path) -> None:
    file = folder / "model.onnx"
    file.write_bytes(file.read_bytes().replace(b"other", b"wrong"))
    command = ["docker", "run", "--rm", *mounted(folder), image(model="onnx")]
    done = subprocess.run(command, text=True, capture_output=True, timeout=60)
    assert done.returncode != 0
    (line,) = (done.stdout + done.stderr).splitlines()
    assert line.startswith("MODEL_PATH=/models: model.onnx has SHA-256 ")
