"""docs/scaling.md has the tables that bench/scaling.py computes from docs/bench.json."""

import json
import math
import re
from typing import Any

import pytest

from bench import capacity, scaling
from tools.variants import PROJECT

BENCH = json.loads((scaling.DOCS / "bench.json").read_text("utf-8"))
DOCUMENT = (scaling.DOCS / "scaling.md").read_text("utf-8")
CLOUD_BUILD = (PROJECT / "cloudbuild.yaml").read_text("utf-8")


def test_the_document_has_the_computed_tables() -> None:
    computed = scaling.fill(DOCUMENT, scaling.tables(BENCH))
    assert computed == DOCUMENT, "run `python -m bench.scaling`"


def test_an_instance_has_the_size_in_cloudbuild_yaml() -> None:
    memory = f"{capacity.GIB * 1024:.0f}Mi"
    size = {"_CPU": capacity.CPU, "_CONCURRENCY": capacity.CONCURRENCY, "_MEMORY": memory}
    lines = [f'  {name}: "{value}"\n' for name, value in size.items()]
    assert [line for line in lines if line not in CLOUD_BUILD] == []


def test_the_first_limit_of_json_is_the_default() -> None:
    settings = (PROJECT / ".env.example").read_text("utf-8")
    assert f"MAX_JSON_BYTES={capacity.JSON_LIMITS[0]}\n" in settings


def test_the_memory_of_bodies_matches_docs_server_md() -> None:
    """docs/server.md repeats the memory factor, and has the sum for two workers of eight threads."""
    page = (PROJECT / "docs/server.md").read_text("utf-8")
    factor = math.ceil(capacity.factor(BENCH))
    assert f"WORKERS x THREADS x {factor} x MAX_JSON_BYTES" in page
    assert f"16 threads need {capacity.bodies(BENCH, capacity.JSON_LIMITS[0]):.0f} MB" in page


def test_the_document_names_existing_settings_only() -> None:
    known = CLOUD_BUILD + (PROJECT / ".env.example").read_text("utf-8")
    names = set(re.findall(r"\b_?[A-Z]+(?:_[A-Z]+)+\b|\bTHREADS\b|\bWORKERS\b", DOCUMENT))
    assert {"_MAX_INSTANCES", "DATASTORE_TIMEOUT"} < names
    assert {name for name in names if name not in known} == {"DEADLINE_EXCEEDED"}


WITHOUT_MEDIANS = [
    table | {"rows": [row | {"median": None} for row in table.get("rows", [])]}
    for table in BENCH["tables"]
]


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"tables": []}, f"no median of 'GET /health' in '{scaling.RATES}': run `make bench`"),
        ({"tables": WITHOUT_MEDIANS}, "no median of 'GET /health' in "),
        ({"machine": {}}, r"bench\.json has no 'cpu'"),
    ],
    ids=["table", "median", "machine"],
)
def test_a_missing_figure_is_named(part: dict[str, Any], message: str) -> None:
    with pytest.raises(SystemExit, match=message):
        scaling.tables(BENCH | part)
