"""On SQLite, bin/run.sh runs Alembic unless the file certainly has the newest migration."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command

from chassis.database import DatastoreSettings
from chassis.database.migrated import DEFAULT, is_migrated

from .sql_fixtures import MIGRATIONS, ROOT

FIRST = 'revision = "1"\ndown_revision = None\n'
SECOND = 'revision: str = "2"\ndown_revision: str | None = "1"\n'
THIRD = 'revision = "3"\ndown_revision = "1"\n'
MERGED = 'revision = "4"\ndown_revision = ("2", "3")\n'
Decide = Callable[..., bool]


@pytest.fixture
def decide(tmp_path: Path) -> Decide:
    """Return a function that tells whether Alembic is skipped for migrations and revisions."""
    path = tmp_path / "app.db"
    (tmp_path / "migrations/versions").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.alembic]\n")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")

    def decide(*scripts: str, stored: str) -> bool:
        for number, script in enumerate(scripts):
            (tmp_path / f"migrations/versions/{number}.py").write_text(script)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executemany("INSERT INTO alembic_version VALUES (?)", stored.split())
        try:
            return is_migrated(path, tmp_path)
        except Exception:
            return False

    return decide


@pytest.mark.parametrize(
    ("scripts", "stored"),
    [([FIRST], "1"), ([SECOND, FIRST], "2"), ([FIRST, SECOND, THIRD, MERGED], "4")],
)
def test_a_file_with_the_newest_migration_needs_no_alembic(
    decide: Decide, scripts: list[str], stored: str
) -> None:
    assert decide(*scripts, stored=stored)


@pytest.mark.parametrize(
    ("scripts", "stored"),
    [
        pytest.param([FIRST], "", id="nothing is migrated"),
        pytest.param([FIRST, SECOND], "1", id="an older schema"),
        pytest.param([FIRST], "2", id="a newer schema"),
        pytest.param([FIRST, SECOND], "1 2", id="two revisions"),
        pytest.param([FIRST, SECOND, THIRD], "2", id="two heads"),
        pytest.param([FIRST, SECOND, THIRD], "2 3", id="two heads, both applied"),
        pytest.param([FIRST, FIRST], "1", id="a revision twice"),
        pytest.param([SECOND], "2", id="a missing migration"),
        pytest.param([], "1", id="no migrations"),
        pytest.param([FIRST, "x = 1"], "1", id="a file that is no migration"),
        pytest.param([FIRST, "revision = ("], "1", id="a syntax error"),
        pytest.param([FIRST, 'revision, down_revision = "2", "1"'], "1", id="assigned in a tuple"),
        pytest.param([FIRST + 'revision = "2"\n'], "2", id="assigned twice"),
        pytest.param([FIRST + 'if True:\n    revision = "2"\n'], "1", id="assigned in a block"),
        pytest.param(['revision = "1" + ""\ndown_revision = None\n'], "1", id="computed"),
        pytest.param([FIRST + 'depends_on = "0"\n'], "1", id="a dependency"),
        pytest.param([FIRST + 'branch_labels = ("a",)\n'], "1", id="a branch"),
    ],
)
def test_alembic_decides_unclear_cases(decide: Decide, scripts: list[str], stored: str) -> None:
    assert not decide(*scripts, stored=stored)


@pytest.mark.parametrize(
    ("name", "text"),
    [("pyproject.toml", '[tool.alembic]\nversion_locations = ["a"]\n'), ("alembic.ini", "")],
)
def test_alembic_decides_if_migrations_can_be_in_other_folders(
    decide: Decide, tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    assert not decide(FIRST, stored="1")


def exit_code(path: Path) -> int:
    """Return the exit code of the command that bin/run.sh runs."""
    code = [sys.executable, "-IS", "chassis/database/migrated.py"]
    return subprocess.run(code, cwd=ROOT, env={"DATABASE_URL": f"sqlite:///{path}"}).returncode


def test_the_command_succeeds_once_this_project_is_migrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a #%.db"
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
    assert exit_code(path) == 1
    assert not path.exists()
    command.upgrade(MIGRATIONS, "head")
    assert exit_code(path) == 0


def test_alembic_decides_about_a_file_that_is_corrupt(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    path.write_bytes(b"not a database" * 1000)
    assert exit_code(path) == 1


def test_alembic_waits_while_the_file_is_locked(decide: Decide, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "app.db", isolation_level=None)) as other:
        assert decide(FIRST, stored="1")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            is_migrated(tmp_path / "app.db", tmp_path)


def test_the_default_is_that_of_the_settings() -> None:
    default: Any = DatastoreSettings.database_url
    assert default.reveal() == DEFAULT


def test_the_server_does_not_import_alembic() -> None:
    code = "import sys, gunicorn.app.wsgiapp, chassis, chassis.worker, chassis.server; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "chassis.database" in found.stdout.split()
    assert not {"alembic", "chassis.database.migrations"} & set(found.stdout.split())
