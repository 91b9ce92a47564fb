"""Runs the migrations; migrations/env.py calls it."""

from pathlib import Path
from typing import Any, Literal

from alembic import context
from sqlalchemy import Engine, event, func, select

from ..application import Settings
from . import Base, Database, UTCDateTime


def run() -> None:
    """Migrate the database of DATABASE_URL, or write the SQL (`alembic upgrade head --sql`)."""
    database = Database(Settings.from_environment())
    if context.is_offline_mode():
        migrate(dialect_name=database.kind, literal_binds=True)
        return
    database.seconds = 0  # a migration takes as long as it takes
    engine = database.make_engine()
    try:
        if database.kind == "sqlite":
            migrate_sqlite(engine)
        else:
            with engine.begin() as connection:
                connection.execute(select(func.pg_advisory_xact_lock(0)))  # one deploy at a time
                migrate(connection=connection)
    finally:
        engine.dispose()


def migrate_sqlite(engine: Engine) -> None:
    """Migrate a file, which is created if it is missing; check its foreign keys in the end."""
    path = Path(engine.url.database or "")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    # SQLite copies a table to change it. Dropping the old one must not delete rows that refer to it.
    off = "PRAGMA foreign_keys = OFF"
    event.listen(engine, "connect", lambda raw, _: raw.execute(off))
    with engine.begin() as connection:
        migrate(connection=connection)
        for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            raise SystemExit(f"Rolled back: {table} refers to rows that {parent} does not have.")


def migrate(**options: Any) -> None:
    context.configure(
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=True,  # SQLite cannot alter most of a table: it is copied
        **options,
    )
    with context.begin_transaction():
        context.run_migrations()


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write UTCDateTime into a migration as the type of its column; leave others to Alembic."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UTCDateTime) else False
