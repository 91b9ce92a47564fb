"""The migrations make what the models describe, and take it away again."""

import shutil
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sql_fixtures import MIGRATIONS
from sqlalchemy import create_engine, inspect, text

pytestmark = pytest.mark.usefixtures("empty")

# Changes a table to which another refers.
CHANGE = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "change", "0001"


def upgrade():
    with op.batch_alter_table("items") as table:
        table.alter_column("name", type_=sa.String(200))
"""
NOTES = """
CREATE TABLE notes (item_id {} REFERENCES items (id) ON DELETE CASCADE);
INSERT INTO items VALUES ('{}', '', '', '2026-01-01', '2026-01-01');
INSERT INTO notes SELECT id FROM items
"""


def test_the_migrations_make_what_the_models_describe() -> None:
    command.upgrade(MIGRATIONS, "head")
    command.check(MIGRATIONS)  # if it fails: make migration m="…"


def test_every_migration_can_be_taken_back(empty: str) -> None:
    for _ in range(2):
        command.upgrade(MIGRATIONS, "head")
        command.downgrade(MIGRATIONS, "base")
    engine = create_engine(empty)
    assert inspect(engine).get_table_names() == ["alembic_version"]
    engine.dispose()


def test_a_table_is_changed_without_loss_of_what_refers_to_it(empty: str, tmp_path: Path) -> None:
    migrations = Path(__file__).parent.parent / "migrations"
    shutil.copytree(migrations, tmp_path / "migrations")
    (tmp_path / "migrations/versions/change.py").write_text(CHANGE)
    config = Config()
    config.set_main_option("script_location", str(tmp_path / "migrations"))
    command.upgrade(config, "0001")

    engine = create_engine(empty)
    kind = "CHAR(32)" if engine.name == "sqlite" else "UUID"
    with engine.begin() as connection:
        for statement in NOTES.format(kind, "0" * 32).split(";"):
            connection.execute(text(statement))
    command.upgrade(config, "change")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 1
    engine.dispose()


def test_the_migrations_can_be_written_as_sql(capsys: pytest.CaptureFixture[str]) -> None:
    command.upgrade(MIGRATIONS, "head", sql=True)
    assert "CREATE TABLE items" in capsys.readouterr().out
