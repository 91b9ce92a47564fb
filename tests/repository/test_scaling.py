"""docs/scaling.md says what bench/scaling.py computes from docs/bench.json."""

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from bench import scaling
from tools.variants import PROJECT

BENCH = json.loads((scaling.DOCS / "bench.json").read_text("utf-8"))
DOCUMENT = (scaling.DOCS / "scaling.md").read_text("utf-8")
CLOUD_BUILD = (PROJECT / "cloudbuild.yaml").read_text("utf-8")


def test_the_document_has_what_is_computed_from_the_measurements() -> None:
    computed = scaling.fill(DOCUMENT, scaling.tables(BENCH))
    assert computed == DOCUMENT, "run `python bench/scaling.py`"


def test_the_cpu_or_the_threads_bound_the_rate_of_an_instance() -> None:
    assert scaling.planned(peak=1000, wait=0) == pytest.approx(600)
    # 1 ms of CPU and 99 ms of waiting: 16 threads do 160 a second, and 60 % of that is planned.
    assert scaling.planned(peak=1000, wait=0.099) == pytest.approx(96)
    assert scaling.planned(peak=1000, wait=0.099, concurrency=80) == pytest.approx(480)
    assert scaling.planned(peak=math.inf, wait=0.016) == pytest.approx(600)


@pytest.mark.parametrize(("rate", "count"), [(1, 1), (600, 1), (601, 2), (60_000, 100)])
def test_instances_are_whole_and_at_least_one(rate: float, count: int) -> None:
    assert scaling.instances(rate, each=600) == count


def test_a_deploy_wants_the_connections_of_two_revisions() -> None:
    assert scaling.connections(2) == 32
    assert scaling.connections(10, workers=2, threads=8) == 160
    assert scaling.max_connections(2) == 32 + 32 + 1 + 3


@pytest.mark.parametrize(
    ("rate", "minutes"), [(1, 0), (500, 0), (501, 5), (750, 5), (1125, 10), (10_000, 40)]
)
def test_firestore_takes_half_as_much_again_every_five_minutes(rate: float, minutes: int) -> None:
    assert scaling.ramp(rate) == minutes


def test_a_million_requests_cost_what_the_price_list_says() -> None:
    # 1,000 s of 1 vCPU and 0.5 GiB, and the price of the requests.
    assert scaling.run_cost(1000) == pytest.approx(0.024 + 0.00125 + 0.40)
    assert scaling.firestore_cost((1, 1, 0)) == pytest.approx(0.30 + 0.90)
    assert scaling.firestore_cost((21, 0, 0)) == pytest.approx(6.30)


def test_the_size_of_an_instance_is_that_of_cloudbuild() -> None:
    memory = f"{scaling.GIB * 1024:.0f}Mi"
    size = {"_CPU": scaling.CPU, "_CONCURRENCY": scaling.CONCURRENCY, "_MEMORY": memory}
    lines = [f'  {name}: "{value}"\n' for name, value in size.items()]
    assert [line for line in lines if line not in CLOUD_BUILD] == []


def test_the_names_in_the_document_are_the_projects() -> None:
    known = CLOUD_BUILD + (PROJECT / ".env.example").read_text("utf-8")
    names = set(re.findall(r"\b_?[A-Z]+(?:_[A-Z]+)+\b|\bTHREADS\b|\bWORKERS\b", DOCUMENT))
    assert {"_MAX_INSTANCES", "DATASTORE_TIMEOUT"} < names
    assert {name for name in names if name not in known} == {"DEADLINE_EXCEEDED"}


def changed(title: str, name: str, median: float | None) -> dict[str, Any]:
    """Give the measurements with another median of one row."""
    bench: dict[str, Any] = json.loads(json.dumps(BENCH))
    rows = next(table["rows"] for table in bench["tables"] if table["title"] == title)
    next(row for row in rows if row["name"] == name)["median"] = median
    return bench


@pytest.mark.parametrize(
    ("title", "name"),
    [(scaling.RATES, "an item, PostgreSQL"), ("Boot to the first 200", "firestore")],
)
def test_a_figure_that_is_missing_is_named(title: str, name: str) -> None:
    with pytest.raises(SystemExit, match=f"no median of '{name}' in '{title}': run `make bench`"):
        scaling.tables(changed(title, name, None))


def test_a_table_and_a_machine_that_are_missing_are_named() -> None:
    with pytest.raises(SystemExit, match=f"no median of 'GET /health' in '{scaling.RATES}'"):
        scaling.tables(BENCH | {"tables": []})
    with pytest.raises(SystemExit, match=r"bench\.json has no 'cpu'"):
        scaling.tables(BENCH | {"machine": {}})


def test_the_marks_of_the_document_are_the_tables() -> None:
    computed = {"one": "1", "two": "2"}
    text = "<!-- computed: one -->\nold\n<!-- end -->\n<!-- computed: two -->\n<!-- end -->\n"
    filled = scaling.fill(text, computed)
    assert filled.startswith("<!-- computed: one -->\n\n1\n\n<!-- end -->\n<!-- computed: two")
    assert scaling.fill(filled, computed) == filled
    for broken in (text.replace("two", "too"), text.replace("<!-- end -->\n", "", 1)):
        with pytest.raises(SystemExit, match=r"its marks are .*, and should be \['one', 'two'\]"):
            scaling.fill(broken, computed)


def test_the_script_writes_the_document(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faster = changed(scaling.RATES, "GET /health", 123_456)
    (tmp_path / "bench.json").write_text(json.dumps(faster), "utf-8")
    (tmp_path / "scaling.md").write_text(DOCUMENT, "utf-8")
    monkeypatch.setattr(scaling, "DOCS", tmp_path)
    scaling.main()
    written = (tmp_path / "scaling.md").read_text("utf-8")
    assert "| 123,456 |" in written
    assert len(written.splitlines()) == len(DOCUMENT.splitlines())
