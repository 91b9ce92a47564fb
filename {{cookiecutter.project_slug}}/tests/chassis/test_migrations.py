"""Migrations as chassis/database/migrations.py runs them, on tables of these tests."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import pytest
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import CheckConstraint, Column, Engine, Integer, String, Table, create_engine, text
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Base

from .sql_fixtures import ROOT, needs_postgresql, postgresql_database

ENV = "from chassis.database.migrations import run\n\nrun()\n"
REVISION = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "{}", {}


def upgrade():
    {}


def downgrade():
    pass
"""
FIRST = 'op.execute("CREATE TABLE things (id INTEGER PRIMARY KEY, name VARCHAR(100))")'
# Changes a table that another table refers to.
SECOND = """with op.batch_alter_table("things") as table:
        table.alter_column("name", type_=sa.String(200))"""
NOTES = """
CREATE TABLE notes (thing_id INTEGER REFERENCES things (id) ON DELETE CASCADE);
INSERT INTO things VALUES (1, 'one');
INSERT INTO notes VALUES (1)
"""
INDEX = """with op.get_context().autocommit_block():
        op.create_index("by_name", "things", ["name"], postgresql_concurrently=True)"""
Write = Callable[..., Config]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Return a function that writes migrations and returns their configuration."""
    versions = tmp_path / "migrations/versions"
    versions.mkdir(parents=True)
    (tmp_path / "migrations/env.py").write_text(ENV)
    (tmp_path / "migrations/script.py.mako").symlink_to(ROOT / "migrations/script.py.mako")
    config = Config()
    config.set_main_option("script_location", str(tmp_path / "migrations"))

    def write(*upgrades: str) -> Config:
        for old in versions.glob("*.py"):
            old.unlink()
        for number, upgrade in enumerate(upgrades, start=1):
            previous = repr(str(number - 1)) if number > 1 else None
            path = versions / f"revision_{number}.py"
            path.write_text(REVISION.format(number, previous, upgrade))
        return config

    return write


@pytest.fixture
def engine(empty: str) -> Iterator[Engine]:
    engine = create_engine(empty)
    yield engine
    engine.dispose()


@pytest.fixture
def on_postgresql(monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Yield a PostgreSQL database, and set it as the database of the migrations."""
    with postgresql_database() as url:
        monkeypatch.setenv("DATABASE_URL", url)
        engine = create_engine(url)
        yield engine
        engine.dispose()


def revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
        return found


def test_a_table_is_changed_without_loss_of_rows_that_refer_to_it(
    engine: Engine, write: Write
) -> None:
    command.upgrade(write(FIRST, SECOND), "1")
    with engine.begin() as connection:
        for statement in NOTES.split(";"):
            connection.execute(text(statement))
    command.upgrade(write(FIRST, SECOND), "2")
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM notes")) == 1


def test_a_migration_that_leaves_rows_without_a_parent_is_rolled_back(
    engine: Engine, write: Write
) -> None:
    orphan = 'op.execute("DELETE FROM things")'
    command.upgrade(write(FIRST, orphan), "1")
    with engine.begin() as connection:
        for statement in NOTES.replace(" ON DELETE CASCADE", "").split(";"):
            connection.execute(text(statement))
    with pytest.raises((SystemExit, Exception), match="Rolled back: notes|foreign key"):
        command.upgrade(write(FIRST, orphan), "head")
    assert revision(engine) == "1"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("postgresql://ada:secret@127.0.0.1:1/api", "(postgresql) .*Connection refused"),
        (
            "sqlite:////dev/null/app.db",
            "(sqlite) .*/dev/null/app.db: (File exists|Not a directory)",
        ),
        ("sqlite:////dev", "(sqlite) .*/dev: unable to open database file"),
    ],
)
def test_a_database_that_is_unavailable_is_reported_in_one_line(
    write: Write, monkeypatch: pytest.MonkeyPatch, url: str, reason: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SystemExit) as failed:
        command.upgrade(write(FIRST), "head")
    (line,) = str(failed.value).splitlines()
    kind, _, cause = reason.partition(" ")
    assert line.startswith(f"The database {kind} is not available: ")
    assert re.search(cause, line)
    assert line.endswith(". Check DATABASE_URL.")
    assert "secret" not in line


def test_an_index_is_built_in_an_autocommit_block(engine: Engine, write: Write) -> None:
    command.upgrade(write(FIRST, INDEX, SECOND), "head")
    assert revision(engine) == "3"


def test_a_migration_that_fails_leaves_those_before_it(engine: Engine, write: Write) -> None:
    broken = 'op.execute("DROP TABLE things"); op.execute("DROP TABLE missing")'
    with pytest.raises(Exception, match="missing"):
        command.upgrade(write(FIRST, broken), "head")
    assert revision(engine) == "1"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM things")) == 0


def test_an_older_version_leaves_a_newer_database_as_it_is(
    engine: Engine, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """A rollback to an older image must not cause an outage."""
    command.upgrade(write(FIRST, SECOND), "head")
    older = write(FIRST)
    command.upgrade(older, "head")
    assert "A newer version has migrated the database to 2" in capsys.readouterr().err
    assert revision(engine) == "2"
    with pytest.raises(CommandError, match="Can't locate revision"):
        command.downgrade(older, "base")


@needs_postgresql
def test_a_migration_waits_for_a_lock_in_short_turns(
    on_postgresql: Engine, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every request that needs the table queues behind a migration that waits."""
    migrations = write(FIRST, SECOND)
    command.upgrade(migrations, "1")
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with ThreadPoolExecutor(1) as thread, on_postgresql.connect() as reader:
        reader.execute(text("SELECT * FROM things"))  # holds its lock until the end
        migration = thread.submit(command.upgrade, migrations, "head")
        seen = []
        while "retrying" not in capsys.readouterr().err:
            with on_postgresql.connect() as observer:
                seen.append(observer.scalar(text(waiting)))
            Event().wait(0.05)
        reader.rollback()
        migration.result()
    assert 1 in seen
    assert revision(on_postgresql) == "2"


@needs_postgresql
def test_a_migration_that_gets_no_lock_gives_up_in_one_line(
    on_postgresql: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    migrations = write(FIRST, SECOND)
    command.upgrade(migrations, "1")
    monkeypatch.setenv("MIGRATION_TIMEOUT", "0")
    with on_postgresql.connect() as reader:
        reader.execute(text("SELECT * FROM things"))
        with pytest.raises(
            SystemExit, match="^Rolled back after MIGRATION_TIMEOUT: .* lock timeout"
        ):
            command.upgrade(migrations, "head")
    assert revision(on_postgresql) == "1"


@needs_postgresql
def test_migrations_run_one_at_a_time(
    on_postgresql: Engine, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(1) as thread, on_postgresql.connect() as other:
        other.execute(text("SELECT pg_advisory_xact_lock(0)"))
        migration = thread.submit(command.upgrade, write(FIRST, INDEX), "head")
        while "Waiting for another migration" not in capsys.readouterr().err:
            Event().wait(0.05)
        other.rollback()
        migration.result()
    assert revision(on_postgresql) == "2"


@needs_postgresql
def test_a_migration_may_take_longer_than_the_timeout_of_a_request(
    on_postgresql: Engine, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATASTORE_TIMEOUT", "1")
    command.upgrade(write('op.execute("SELECT pg_sleep(2)")'), "1")
    assert revision(on_postgresql) == "1"


def test_the_migrations_can_be_written_as_sql(
    empty: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(write(FIRST), "1", sql=True)
    assert "CREATE TABLE things" in capsys.readouterr().out


def generated(config: Config, message: str) -> str:
    """Generate a migration, apply it, and return it."""
    script = command.revision(config, message, autogenerate=True)
    assert script
    assert not isinstance(script, list)
    command.upgrade(config, "head")
    command.check(config)
    return Path(script.path).read_text(encoding="utf-8")


def test_a_migration_is_generated_for_what_a_model_adds(engine: Engine, write: Write) -> None:
    config = write()
    things = Table("things", Base.metadata, Column("id", Integer, primary_key=True))
    things.append_column(Column("name", String(10), nullable=False))
    generated(config, "Add things")
    things.append_constraint(CheckConstraint("name <> ''", name="not_empty"))
    assert "ck_things_not_empty" in generated(config, "Check names")
    things.append_column(Column("state", String(10), server_default="new", nullable=False))
    assert "server_default" in generated(config, "Add states")
    things.c.state.server_default = None
    assert "server_default=None" in generated(config, "Add states without a default")


@needs_postgresql
def test_a_generated_migration_imports_the_types_of_postgresql(
    on_postgresql: Engine, write: Write
) -> None:
    config = write()
    Table("things", Base.metadata, Column("data", JSONB))
    written = generated(config, "Add data")
    assert re.search(r"^from sqlalchemy.dialects import postgresql$", written, re.MULTILINE)


class Word(String):
    """A column type that an application defines."""


def test_a_generated_migration_imports_your_own_types(engine: Engine, write: Write) -> None:
    config = write()
    Table("things", Base.metadata, Column("word", Word(5)))
    assert f"import {__name__}" in generated(config, "Add words")
