"""Runs the migrations against the database of DATABASE_URL."""

from pathlib import Path
from typing import Any, Literal

from alembic import context
from msgspec import structs

import api  # noqa: F401  # its models are in Base.metadata once they are imported
from api.database import Base, Database, UTCDateTime
from api.settings import Settings


def render_item(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Write a type of ours as what it is to the database; leave any other to Alembic."""
    return "sa.DateTime(timezone=True)" if isinstance(item, UTCDateTime) else False


# A migration takes the time it takes.
database = Database(structs.replace(Settings.from_environment(), datastore_timeout=0))
if database.url.get_backend_name() == "sqlite":
    Path(database.url.database or "").parent.mkdir(parents=True, exist_ok=True)
with database.engine.begin() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=True,  # SQLite changes a table by making it anew
    )
    context.run_migrations()
database.engine.dispose()
