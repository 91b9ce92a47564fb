"""Your migrations create what your models describe, and remove it again."""

import pytest
from alembic import command
from sqlalchemy import create_engine, inspect

from .chassis.sql_fixtures import MIGRATIONS

pytestmark = pytest.mark.usefixtures("empty")


def test_the_migrations_create_what_the_models_describe() -> None:
    command.upgrade(MIGRATIONS, "head")
    command.check(MIGRATIONS)  # if it fails: make migration m="…"


def test_every_migration_can_be_reverted(empty: str) -> None:
    for _ in range(2):
        command.upgrade(MIGRATIONS, "head")
        command.downgrade(MIGRATIONS, "base")
    engine = create_engine(empty)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()
