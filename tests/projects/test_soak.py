"""A short run of tests/soak.py: acknowledged writes survive random faults."""

import pytest

from tests.conftest import Bake
from tests.soak import soak
from tests.support.edits import replace

pytestmark = pytest.mark.thorough


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "firestore"])
def test_nothing_that_was_acknowledged_is_lost_or_stored_twice(workshop: Bake, kind: str) -> None:
    project = workshop(datastore="firestore" if kind == "firestore" else "sql")
    report = soak(project, kind, seconds=10, seed=16)
    assert report["items"] > 20
    assert (report["lost"], report["twice"]) == ([], [])
    assert not report["responses"].keys() & {404, 500}


@pytest.mark.parametrize(
    ("found", "write"),
    [
        ("lost", "[] if item.name.endswith('0') else [ItemRow(**structs.asdict(item))]"),
        ("twice", "[ItemRow(**structs.asdict(item) | {'id': id}) for id in (item.id, uuid4())]"),
    ],
)
def test_a_project_that_loses_or_repeats_a_write_is_detected(
    workshop: Bake, found: str, write: str
) -> None:
    project = workshop(datastore="sql")
    store = project / "api/items/sql.py"
    replace(store, "session.add(ItemRow(**structs.asdict(item)))", f"session.add_all({write})")
    replace(store, "from uuid import UUID", "from uuid import UUID, uuid4")
    assert soak(project, "sqlite", seconds=3, seed=1)[found]
