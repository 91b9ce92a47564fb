"""Exit with 0 if the SQLite file has the newest migration. bin/run.sh runs this before Alembic.

Usually there is nothing to migrate, and importing Alembic and the application takes longer than
the rest of the startup. So this file imports only the standard library, and parses the migrations.
If it finds another revision, or cannot read a file, it exits with 1. Then bin/run.sh runs Alembic.
"""

import ast
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

DEFAULT = "sqlite:///instance/app.db"
ROOT = Path(__file__).parents[2]
NAMES = {"revision", "down_revision", "depends_on", "branch_labels"}


def read(script: Path) -> dict[str, Any]:
    """Return the NAMES in a migration; raise ValueError unless each is a literal, assigned once."""
    module = ast.parse(script.read_bytes())
    found = {}
    for node in module.body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in NAMES:
                found[target.id] = ast.literal_eval(node.value)
    names = [node.id for node in ast.walk(module) if isinstance(node, ast.Name)]
    if any(names.count(name) != (name in found) for name in NAMES):
        raise ValueError(script)
    return found


def newest(root: Path) -> str:
    """Return the only head of the migrations; raise an error if Alembic could find another one."""
    config = (root / "pyproject.toml").read_text(encoding="utf-8")
    if "version_locations" in config or (root / "alembic.ini").exists():
        raise ValueError("There may be migrations in other folders.")
    scripts = [read(path) for path in (root / "migrations/versions").glob("*.py")]
    if any(script.get("depends_on") or script.get("branch_labels") for script in scripts):
        raise ValueError("Only Alembic resolves these.")
    before: set[str] = set()
    for script in scripts:
        down = script["down_revision"] or ()
        before.update([down] if isinstance(down, str) else down)
    revisions = [script["revision"] for script in scripts]
    (head,) = set(revisions) - before
    if len(revisions) > len(set(revisions)) or not before.issubset(revisions):
        raise ValueError("A migration is missing or exists twice.")
    return str(head)


def is_migrated(path: Path, root: Path = ROOT) -> bool:
    """Return whether a file has the newest migration; raise an error if that is unclear."""
    uri = f"{path.absolute().as_uri()}?mode=rw"  # does not create the file
    with closing(sqlite3.connect(uri, uri=True, timeout=0)) as connection:
        stored = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    return stored == [(newest(root),)]


if __name__ == "__main__":
    url = os.environ.get("DATABASE_URL") or DEFAULT
    try:
        migrated = is_migrated(Path(url.removeprefix("sqlite:///")))
    except Exception:
        migrated = False
    sys.exit(not migrated)
