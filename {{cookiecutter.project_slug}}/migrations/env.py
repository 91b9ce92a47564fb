"""Runs the migrations against the database of DATABASE_URL."""

from pathlib import Path
from typing import Any, Literal

from alembic import context
from msgspec import structs
from sqlalchemy import Connection, event, func, select

import api  # noqa: F401  # its models are in Base.metadata once they are imported
from api.database import Base, Database, UTCDateTime
from api.settings import Settings


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write a type of ours as what it is to the database; leave any other to Alembic."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UTCDateTime) else False


def migrate(connection: Connection | None = None) -> None:
    context.configure(
        connection=connection,
        dialect_name=database.kind,
        target_metadata=Base.metadata,
        literal_binds=connection is None,
        render_item=render_item,
        render_as_batch=True,  # SQLite changes a table by making it anew
    )
    with context.begin_transaction():
        context.run_migrations()


# A migration takes the time it takes.
database = Database(structs.replace(Settings.from_environment(), datastore_timeout=0))
if context.is_offline_mode():
    migrate()  # alembic upgrade head --sql
elif database.kind == "sqlite":
    Path(database.url.database or "").parent.mkdir(parents=True, exist_ok=True)
    # While a table is made anew, the rows that refer to it must not be deleted with the old one.
    off = "PRAGMA foreign_keys = OFF"
    event.listen(database.engine, "connect", lambda raw, _: raw.execute(off))
    with database.engine.begin() as connection:
        migrate(connection)
        for table, _, parent, _ in connection.exec_driver_sql("PRAGMA foreign_key_check"):
            raise SystemExit(f"The migration is undone: {table} refers to what {parent} has not.")
else:
    with database.engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(0)))  # two deploys take turns
        migrate(connection)
database.engine.dispose()
