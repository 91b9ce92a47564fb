"""A project with a model: training, changes and serving, as an owner would do them."""

import json
import os
import random
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Bake, serving
from tests.support.answer import Answer
from tests.support.edits import add_after, blocks, replace
from tests.support.installed import install
from tests.support.machine import OWN_TESTS, environment, free_port, run

pytestmark = pytest.mark.thorough

PAGE = "docs/model.md"
URL = "/api/v1/predictions"
CUSTOMER = {"age": 41, "months": 16, "visits": 11.5, "plan": "plus"}
HEAD = "age,months,visits,plan,outcome\n"


@pytest.fixture
def project(workshop: Bake) -> Path:
    project = workshop(model="onnx")
    install(project)
    # Older than the environment, as in install().
    os.utime(project / "requirements/training.txt", (0, 0))
    return project


def trained(project: Path, data: str | None = None) -> str:
    """Train on a text, or on the example's data; return the output."""
    if data is None:
        return run("make", "train", cwd=project)
    (project / "customers.csv").write_text(data, encoding="utf-8")
    return run("make", "train", "DATA=customers.csv", cwd=project)


def files(project: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (project / "model").iterdir()}


def card(project: Path) -> Any:
    return json.loads((project / "model/model.json").read_text(encoding="utf-8"))


def refusal(project: Path, **settings: str) -> str:
    """Start the server, which exits with an error; return its output."""
    own = environment(**{"PORT": str(free_port())} | settings)
    done = subprocess.run(
        [project / "bin/run.sh"], env=own, text=True, capture_output=True, timeout=60
    )
    assert done.returncode not in (0, None)
    return done.stdout + done.stderr


def opposite(count: int = 2000) -> str:
    """Return customers whose age alone decides whether they renew."""
    dice, lines = random.Random(7), []
    for _ in range(count):
        age, months = dice.randint(18, 100), dice.randint(0, 120)
        outcome = "renews" if age + dice.gauss(0, 5) > 60 else "cancels"
        visits = dice.choice(["", dice.randint(0, 30)])
        lines.append(f"{age},{months},{visits},{dice.choice(['basic', 'plus', 'pro'])},{outcome}\n")
    return HEAD + "".join(lines)


# --- training


def test_the_same_inputs_give_the_same_files_and_the_rendered_card_names_the_same_data(
    project: Path,
) -> None:
    rendered = card(project)
    trained(project)
    first = files(project)
    trained(project)
    assert files(project) == first
    assert card(project)["training"]["data_sha256"] == rendered["training"]["data_sha256"]
    assert card(project)["metrics"] == rendered["metrics"]


PARITY = """
import numpy as np
from pathlib import Path
from sklearn.model_selection import train_test_split
from api.predictions import Customer
from chassis.model import Model
from training.data import customers
from training.train import build, read, table

train, _, outcomes, _ = train_test_split(*read(customers()), test_size=0.2, random_state=0)
others, _ = read(customers(seed=2))
expected = build().fit(table(train), outcomes).predict_proba(table(others))
print(len(others), np.abs(Model(Path("model"), Customer).probabilities(others) - expected).max())
"""


def test_the_model_agrees_with_scikit_learn_on_other_data(project: Path) -> None:
    trained(project)
    printed = run(project / ".venv/training/bin/python", "-c", PARITY, cwd=project).split()
    assert int(printed[0]) == 5000
    assert float(printed[1]) < 1e-5


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("FLOOR = 0.99", r"roc_auc is 0\.9\d+, less than 0\.99; nothing was written"),
        ("TOLERANCE = 0", r"ONNX differs from scikit-learn by \S+; nothing was written"),
    ],
)
def test_a_model_under_the_floor_or_not_at_parity_is_not_written(
    project: Path, line: str, reason: str
) -> None:
    before = files(project)
    name = line.partition(" = ")[0]
    path = project / "training/train.py"
    path.write_text(re.sub(rf"^{name} = .*", line, path.read_text("utf-8"), flags=re.MULTILINE))
    with pytest.raises(AssertionError, match=reason) as failed:
        trained(project)
    assert "Traceback" not in str(failed.value)
    assert files(project) == before


GOOD = "41,16,11.5,plus,renews\n"
# The lines below the head, and the number of the line with the fault.
BAD = {
    "a text for a number": (GOOD + "old,16,11.5,plus,renews\n", 3),
    "a number out of range": (GOOD * 2 + "17,16,11.5,plus,renews\n", 4),
    "no number": ("41,16,nan,plus,renews\n", 2),
    "an infinite number": ("41,16,inf,plus,renews\n", 2),
    "a fraction for an integer": ("41.5,16,11.5,plus,renews\n", 2),
    "an unknown category": (GOOD + "41,16,11.5,gold,renews\n", 3),
    "an unknown outcome": (GOOD + "41,16,11.5,plus,stays\n", 3),
    "an empty cell where there must be a value": (GOOD + ",16,11.5,plus,renews\n", 3),
    "a cell too few": (GOOD + "41,16,11.5,plus\n", 3),
    "a cell too many": (GOOD + "41,16,11.5,plus,renews,1\n", 3),
    "a fault below an empty line": (GOOD + "\n" + "41,x,11.5,plus,renews\n", 4),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_line_is_named_and_nothing_is_written(project: Path, fault: str) -> None:
    before, (lines, number) = files(project), BAD[fault]
    with pytest.raises(AssertionError) as failed:
        trained(project, HEAD + lines + GOOD)
    said = re.findall(r"^line .*", str(failed.value), re.MULTILINE)
    assert [re.match(rf"line {number} of the data: .+; nothing was written$", s) for s in said]
    assert len(said) == 1
    assert f"line {number} of" in said[0]
    assert "Traceback" not in str(failed.value)
    assert files(project) == before


OTHER = {
    "a missing column": (b"age,months,plan,outcome\n41,16,plus,renews\n", "line 2 .*`visits`"),
    "no outcome": (
        b"age,months,visits,plan\n41,16,11.5,plus\n",
        "the data has no column outcome, only",
    ),
    "another separator": (
        b"age;months;visits;plan;outcome\n",
        "the data has no column outcome, only",
    ),
    "a column without values": (
        "".join([HEAD, *(f"41,16,,plus,{each}\n" * 50 for each in ("renews", "cancels"))]).encode(),
        "no row has a value for visits",
    ),
    "no rows": (HEAD.encode(), "0 rows have the outcome cancels, fewer than 50"),
    "one outcome": ((HEAD + GOOD * 99).encode(), "0 rows have the outcome cancels"),
    "another encoding": (HEAD.encode("utf-16"), "customers.csv cannot be read: 'utf-8' codec"),
    "no file": (None, "customers.csv cannot be read: .*No such file"),
}


@pytest.mark.parametrize("fault", OTHER)
def test_a_file_that_cannot_be_used_is_refused_and_nothing_is_written(
    project: Path, fault: str
) -> None:
    before, (data, reason) = files(project), OTHER[fault]
    if data:
        (project / "customers.csv").write_bytes(data)
    with pytest.raises(AssertionError, match=f"{reason}.*; nothing was written") as failed:
        run("make", "train", "DATA=customers.csv", cwd=project)
    assert "Traceback" not in str(failed.value)
    assert files(project) == before


def test_a_model_that_cannot_be_written_is_reported_in_one_line(project: Path) -> None:
    card = project / "model/model.json"
    card.unlink()
    card.mkdir()
    with pytest.raises(AssertionError, match=r"\nmodel/ cannot be written: ") as failed:
        trained(project)
    assert "Traceback" not in str(failed.value)
    assert {path.name for path in (project / "model").iterdir()} == {"model.json", "model.onnx"}


def test_an_empty_cell_is_a_missing_value(project: Path) -> None:
    code = f"from training.train import read; print(read({HEAD + '41,16,,plus,renews'!r})[0])"
    trained(project)
    printed = run(project / ".venv/training/bin/python", "-c", code, cwd=project)
    assert "visits=None" in printed


def test_a_file_that_a_spreadsheet_has_written_is_read(project: Path) -> None:
    """With a byte order mark and Windows' line ends."""
    trained(project, "\ufeff" + opposite().replace("\n", "\r\n"))
    assert card(project)["training"]["data"] == "customers.csv"


def test_other_data_gives_another_model_which_the_server_serves(project: Path) -> None:
    old, young = CUSTOMER | {"age": 90}, CUSTOMER | {"age": 20}
    before = card(project)
    trained(project, opposite())
    assert card(project)["sha256"] != before["sha256"]
    with serving(project) as server:
        served = Answer(server, URL, {"instances": [old, young, young | {"visits": None}]})
        assert [each["label"] for each in served.json["predictions"]] == [
            "renews",
            "cancels",
            "cancels",
        ]
        assert Answer(server, "/api/v1/model").json == card(project)


def test_a_changed_struct_without_training_is_refused_at_the_start_in_one_line(
    project: Path,
) -> None:
    replace(project / "api/predictions.py", "le=120", "le=110")
    (line,) = refusal(project).splitlines()
    assert line.startswith("MODEL_PATH=model: the input age: model.json has ")
    trained(project)
    with serving(project) as server:
        assert Answer(server, URL, {"instances": [CUSTOMER | {"age": 115}]}).status == 422
        assert Answer(server, URL, {"instances": [CUSTOMER]}).status == 200


# --- docs/model.md


def block(project: Path, heading: str, begin: str) -> str:
    """Return the code block of a section that begins with a text."""
    (found,) = [each for each in blocks(project, PAGE, heading) if each.startswith(begin)]
    return found


def sh(project: Path, heading: str, begin: str) -> str:
    """Run a block of commands; return its output."""
    return run("sh", "-ec", block(project, heading, begin), cwd=project, **OWN_TESTS)


def put(project: Path, path: str, lines: str, new: str) -> None:
    """Replace a pattern's only match in a file."""
    text = (project / path).read_text(encoding="utf-8")
    changed, count = re.subn(lines, lambda _: new, text, flags=re.MULTILINE | re.DOTALL)
    assert count == 1, lines
    (project / path).write_text(changed, encoding="utf-8")


def test_the_page_s_request_has_the_response_that_it_shows(project: Path) -> None:
    command = block(project, "Use it", "curl ")
    shown = json.loads(block(project, "Use it", '{"predictions"'))
    with serving(project) as server:
        here = command.replace("localhost:8080", f"127.0.0.1:{server.port}")
        assert json.loads(run("sh", "-ec", f"curl -s{here[4:]}", cwd=project)) == shown


def test_the_page_s_training_prints_what_it_shows_and_writes_the_rendered_model(
    project: Path,
) -> None:
    rendered = card(project)
    printed = sh(project, "Train it on your data", ".venv/bin/python -m training.data")
    assert block(project, "Train it on your data", "model/: ") in printed
    made = card(project)
    assert made["training"]["data_sha256"] == rendered["training"]["data_sha256"]
    assert made["golden_example"] == rendered["golden_example"]


def change_the_fields(project: Path) -> None:
    """Follow the page's section "Change the fields"."""
    change = "Change the fields"
    field = block(project, change, "    tickets: ")
    add_after(project / "api/predictions.py", r"    plan: .*", field.rstrip())
    named = block(project, change, "NAME, VERSION")
    put(project, "training/train.py", r"^NAME, VERSION = [^\n]*\n", named)
    example = block(project, change, "CUSTOMER")
    put(project, "tests/test_predictions.py", r"^CUSTOMER[^=\n]*= [^\n]*\n", example)
    sh(project, change, ".venv/bin/python -m training.data")


def test_the_page_s_steps_to_add_a_field_serve_a_model_with_it(project: Path) -> None:
    change_the_fields(project)
    with serving(project) as server:
        one = Answer(server, URL, {"instances": [CUSTOMER | {"tickets": 3}]})
        assert one.json["model"] == {"name": "renewal", "version": "1.1.0"}
        fault = Answer(server, URL, {"instances": [CUSTOMER]})
        assert fault.status == 422


def test_the_page_s_forest_is_trained_and_served(project: Path) -> None:
    forest = block(project, "Which estimators convert", "    columns = [")
    put(project, "training/train.py", r"^    columns = \[.*?^    return [^\n]*\n", forest)
    replace(
        project / "training/train.py",
        "from sklearn.impute",
        "from sklearn.ensemble import RandomForestClassifier\nfrom sklearn.impute",
    )
    trained(project)
    assert len(files(project)["model.onnx"]) > 10_000
    with serving(project) as server:
        assert Answer(server, URL, {"instances": [CUSTOMER]}).status == 200


def test_the_page_s_model_that_was_not_trained_here_is_served(project: Path) -> None:
    heading = "A model that was not trained here"
    sh(project, heading, "make .venv/training")
    iris = block(project, heading, "class Iris")
    put(project, "api/predictions.py", r"^class Customer.*?(?=^\n\nclass )", iris)
    own = block(project, heading, '"""Write the card')
    (project / "training/card.py").write_text(own, encoding="utf-8")
    test = block(project, heading, "from flask.testing")
    (project / "tests/test_predictions.py").write_text(test, encoding="utf-8")
    sh(project, heading, "sed ")
    with serving(project) as server:
        flower = card(project)["golden_example"]["input"]
        served = Answer(server, URL, {"instances": [flower]}).json
        assert served["predictions"][0]["label"] == "setosa"
        assert served["model"]["name"] == "irises"


def test_the_page_s_folder_of_models_is_served(project: Path) -> None:
    heading = "A new model without a new image"
    sh(project, heading, "version=")
    (folder,) = (project / "models").iterdir()
    with serving(project, MODEL_PATH=str(folder.relative_to(project))) as server:
        assert Answer(server, "/api/v1/model").json == card(project)


# --- serving


def test_neither_the_server_nor_the_training_sends_telemetry(project: Path, tmp_path: Path) -> None:
    """By default, ONNX Runtime sends telemetry outside CI. It first stores a machine id in HOME."""
    home = tmp_path / "home"
    home.mkdir()
    trained(project)  # installs the requirements of the training
    alone = {"HOME": str(home), "XDG_CACHE_HOME": "", "CI": "", "ORT_RUNNING_UNIT_TESTS": ""}
    python = project / ".venv/bin/python"
    session = "import onnxruntime; onnxruntime.InferenceSession('model/model.onnx')"
    run(python, "-c", session, cwd=project, **alone)
    traces = [path for path in home.rglob("*") if path.is_file()]
    assert traces, "the test does not detect telemetry"
    for path in traces:
        path.unlink()
    run(python, "-c", "import wsgi", cwd=project, **alone)
    run(project / ".venv/training/bin/python", "-m", "training.train", cwd=project, **alone)
    assert [path for path in home.rglob("*") if path.is_file()] == []


def test_threads_and_preloaded_workers_give_one_output_for_one_input(project: Path) -> None:
    body = {"instances": [CUSTOMER | {"age": age} for age in range(18, 118)]}
    with serving(project, WORKERS="2", THREADS="8") as server, ThreadPoolExecutor(32) as pool:
        answers = [*pool.map(lambda _: Answer(server, URL, body), range(640))]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1


MEMORY = """
import os
import random
import wsgi
from api.predictions import Customer

model, dice = wsgi.app.extensions["model"], random.Random(1)

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

def predict(batches):
    for _ in range(batches):
        ages = [dice.randint(18, 100) for _ in range(100)]
        model.predict([Customer(age, 16, dice.choice([None, 2.5]), "plus") for age in ages])

predict(200)
before = resident()
predict(1000)
print(resident() - before)
"""


def test_memory_does_not_grow_over_100_000_predictions(project: Path) -> None:
    grown = run(project / ".venv/bin/python", "-c", MEMORY, cwd=project).split()[-1]
    assert int(grown) < 2_000_000


@pytest.fixture
def other(project: Path, tmp_path: Path) -> Iterator[Path]:
    """Yield a folder with another model of the same inputs."""
    rendered = files(project)
    trained(project, opposite())
    (project / "model").rename(tmp_path / "other")
    (project / "model").mkdir()
    for name, content in rendered.items():
        (project / "model" / name).write_bytes(content)
    return tmp_path / "other"


def test_model_path_names_another_folder_and_a_changed_file_there_is_refused(
    project: Path, other: Path
) -> None:
    with serving(project, MODEL_PATH=str(other)) as server:
        served = Answer(server, "/api/v1/model").json
        assert served["training"]["data"] == "customers.csv"
    with (other / "model.onnx").open("ab") as file:
        file.write(b"\0")
    (line,) = refusal(project, MODEL_PATH=str(other)).splitlines()
    assert line.startswith(f"MODEL_PATH={other}: model.onnx has SHA-256 ")
    (other / "model.onnx").unlink()
    (line,) = refusal(project, MODEL_PATH=str(other)).splitlines()
    assert line.startswith(f"MODEL_PATH={other}: ")
    assert "No such file" in line
