"""Your migrations create what your models describe, keep the rows, and can be reverted."""

from collections.abc import Iterator
from typing import Any

import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from chassis.database import Base

from .chassis.sql_fixtures import MIGRATIONS
from .chassis.tables import add_rows, count_rows, describe

# The rows of the second test have generated values. If a CHECK refuses a generated value, set
# another one here, such as {"orders.state": "new"}, or a function that computes it from the row's
# number.
VALUES: dict[str, Any] = {}


@pytest.fixture
def engine(empty: str) -> Iterator[Engine]:
    engine = create_engine(empty)
    yield engine
    engine.dispose()


def test_the_migrations_create_what_the_models_describe(engine: Engine) -> None:
    command.upgrade(MIGRATIONS, "head")
    command.check(MIGRATIONS)  # if it fails: make migration m="…"
    migrated = describe(engine)
    command.downgrade(MIGRATIONS, "base")
    Base.metadata.create_all(engine)
    # Finds changes that `make migration` misses, such as the text of a CHECK: write those by hand.
    assert migrated == describe(engine)


def test_rows_survive_every_migration_and_its_reversal(engine: Engine) -> None:
    """Some changes fail only on a table with rows, such as a new NOT NULL column."""
    scripts = ScriptDirectory.from_config(MIGRATIONS).walk_revisions()
    revisions = [script.revision for script in scripts][::-1]
    steps = [(command.upgrade, revision) for revision in revisions]
    steps += [(command.downgrade, revision) for revision in revisions[-2::-1]]
    before: dict[str, int] = {}
    for number, (move, revision) in enumerate(steps, start=1):
        move(MIGRATIONS, revision)
        with engine.begin() as connection:
            after = count_rows(connection)
            kept = before.keys() & after.keys()
            assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
            add_rows(connection, number, VALUES)
            before = count_rows(connection)


def test_every_migration_can_be_reverted(engine: Engine) -> None:
    for _ in range(2):
        command.upgrade(MIGRATIONS, "head")
        command.downgrade(MIGRATIONS, "base")
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
        assert connection.execute(text("SELECT * FROM alembic_version")).all() == []
