"""Run the migrations; migrations/env.py calls this module."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event, exc, text

from ..application import Settings
from . import Amount, Base, Database, UTCDateTime
from .connecting import connected, unavailable

# Seconds that a migration waits for the lock of a table. Requests for that table queue behind the
# migration, so this is less than the timeout of a request.
LOCK_TIMEOUT = 1
LOCK_NOT_AVAILABLE = "55P03"


def run() -> None:
    """Migrate the database of DATABASE_URL, or write the SQL (`alembic upgrade head --sql`)."""
    settings = Settings.from_environment()
    database = Database(settings)
    if context.is_offline_mode():
        migrate(dialect_name=database.kind, literal_binds=True)
        return
    database.seconds = 0  # no statement_timeout: a migration can take long
    engine = database.make_engine(connections=2)
    try:
        if database.kind == "sqlite":
            migrate_sqlite(database, engine)
        else:
            with one_at_a_time(database, engine):
                migrate_postgresql(engine, settings.migration_timeout)
    finally:
        engine.dispose()


def migrate_sqlite(database: Database, engine: Engine) -> None:
    """Migrate a SQLite file, and create it if it is missing.

    Checks the foreign keys after each migration.
    """
    path = Path(engine.url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    except OSError as error:
        raise SystemExit(unavailable(database, error.strerror or "")) from None
    # Alembic copies a table to alter it. Dropping the old one must not delete rows of other tables.
    off = "PRAGMA foreign_keys = OFF"
    event.listen(engine, "connect", lambda raw, _: raw.execute(off))

    def check(ctx: Any, **_: Any) -> None:
        for table, _, parent, _ in ctx.connection.exec_driver_sql("PRAGMA foreign_key_check"):
            raise SystemExit(f"Rolled back: {table} refers to rows that {parent} does not have.")

    with connected(database, engine) as connection:
        migrate(connection=connection, transactional_ddl=True, on_version_apply=check)


@contextmanager
def one_at_a_time(database: Database, engine: Engine) -> Iterator[None]:
    """Wait until no other deployment is migrating.

    CREATE INDEX CONCURRENTLY in another deployment waits for every session with a snapshot. So this
    session must not hold a snapshot. It polls, because a statement that waits for the lock would
    hold a snapshot. It sends no parameters, because a statement with parameters keeps its snapshot
    until the next statement.
    """
    with connected(database, engine) as connection:
        while not connection.scalar(text("SELECT pg_try_advisory_xact_lock(0)")):
            connection.rollback()
            print("Waiting for another migration …", file=sys.stderr)
            time.sleep(1)
        yield


def migrate_postgresql(engine: Engine, seconds: int) -> None:
    """Migrate; retry for `seconds` while other transactions hold the lock of a table."""
    event.listen(engine, "begin", limit)
    end = time.monotonic() + seconds
    while True:
        try:
            with engine.connect() as connection:
                migrate(connection=connection)
            return
        except exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != LOCK_NOT_AVAILABLE:
                raise
            if time.monotonic() > end:
                raise SystemExit(f"Rolled back after MIGRATION_TIMEOUT: {error.orig}.") from None
            print(f"{error.orig}: retrying …", file=sys.stderr)
            time.sleep(LOCK_TIMEOUT)


def limit(connection: Connection) -> None:
    """Limit waits for locks, except in an autocommit_block, because no request queues behind it."""
    if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
        bounds = f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}s'; SET LOCAL statement_timeout = 0"
        connection.exec_driver_sql(bounds)


def migrate(**options: Any) -> None:
    """Run each migration in its own transaction, which an autocommit_block may split."""
    context.configure(
        target_metadata=Base.metadata,
        render_item=render_item,
        render_as_batch=True,  # copies the table, because SQLite cannot alter most parts of it
        compare_server_default=True,
        autogenerate_plugins=["alembic.autogenerate.*", "alembic.ext.checkconstraint_byname"],
        transaction_per_migration=True,
        **options,
    )
    if not context.is_offline_mode() and (unknown := unknown_revisions()):
        names = ", ".join(unknown)
        print(
            f"A newer version has migrated the database to {names}: nothing to do.", file=sys.stderr
        )
        return
    with context.begin_transaction():
        context.run_migrations()


def unknown_revisions() -> list[str]:
    """Return the database's revisions that this version lacks, if the command is `upgrade head`."""
    scripts = ScriptDirectory.from_config(context.config)
    known = {script.revision for script in scripts.walk_revisions()}
    unknown = [each for each in context.get_context().get_current_heads() if each not in known]
    with suppress(CommandError, KeyError):  # other commands have no revision to migrate to
        if unknown and context.get_revision_argument() == scripts.get_current_head():
            return unknown
    return []


def render_item(kind: str, item: Any, autogenerate: Any) -> str | Literal[False]:
    """Write the chassis's column types as SQLAlchemy types in a migration; import other types."""
    if isinstance(item, Amount | UTCDateTime):
        return f"sa.{item.impl!r}"
    if kind == "type" and not (module := type(item).__module__).startswith("sqlalchemy."):
        autogenerate.imports.add(f"import {module}")
    return False
