"""Migrations as chassis/database/migrations.py runs them, on tables of these tests."""

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from .sql_fixtures import needs_postgresql, postgresql_database

ENV = "from chassis.database.migrations import run\n\nrun()\n"
FIRST = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "1", None


def upgrade():
    op.create_table("things", sa.Column("id", sa.Integer(), primary_key=True),
                    sa.Column("name", sa.String(length=100)))
"""
# Changes a table to which another refers.
SECOND = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "2", "1"


def upgrade():
    with op.batch_alter_table("things") as table:
        table.alter_column("name", type_=sa.String(200))
"""
NOTES = """
CREATE TABLE notes (thing_id INTEGER REFERENCES things (id) ON DELETE CASCADE);
INSERT INTO things VALUES (1, 'one');
INSERT INTO notes VALUES (1)
"""


@pytest.fixture
def migrations(empty: str, tmp_path: Path) -> Config:
    """Return the configuration of two migrations, for an empty database."""
    versions = tmp_path / "migrations/versions"
    versions.mkdir(parents=True)
    (tmp_path / "migrations/env.py").write_text(ENV)
    (versions / "first.py").write_text(FIRST)
    (versions / "second.py").write_text(SECOND)
    config = Config()
    config.set_main_option("script_location", str(tmp_path / "migrations"))
    return config


def test_a_table_is_changed_without_loss_of_rows_that_refer_to_it(
    empty: str, migrations: Config
) -> None:
    command.upgrade(migrations, "1")
    engine = create_engine(empty)
    with engine.begin() as connection:
        for statement in NOTES.split(";"):
            connection.execute(text(statement))
    command.upgrade(migrations, "2")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 1
    engine.dispose()


@needs_postgresql
def test_a_migration_may_take_longer_than_the_timeout_of_a_request(
    migrations: Config, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = FIRST.replace("def upgrade():", 'def upgrade():\n    op.execute("SELECT pg_sleep(2)")')
    (tmp_path / "migrations/versions/first.py").write_text(slow)
    monkeypatch.setenv("DATASTORE_TIMEOUT", "1")
    with postgresql_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        command.upgrade(migrations, "1")
        engine = create_engine(url)
        assert "things" in inspect(engine).get_table_names()
        engine.dispose()


def test_the_migrations_can_be_written_as_sql(
    migrations: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(migrations, "1", sql=True)
    assert "CREATE TABLE things" in capsys.readouterr().out
