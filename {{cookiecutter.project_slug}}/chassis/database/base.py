"""Define the base class of the models; find columns that a database lacks."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Connection, Integer, MetaData, inspect
from sqlalchemy.orm import DeclarativeBase

from .columns import Amount, UTCDateTime

# The log's message for the columns that a database lacks.
UNMIGRATED = (
    "The database has no %s. Run `make migrate`. If this message remains, the migration is missing: "
    'run `make migration m="…"`, then `make migrate` again.'
)


class Base(DeclarativeBase):
    """Base class of the models."""

    type_annotation_map = {
        datetime: UTCDateTime,
        Decimal: Amount,
        # SQLite's Integer has 64 bits, and only an Integer primary key increments automatically.
        int: BigInteger().with_variant(Integer(), "sqlite"),
    }
    # Only named constraints can be altered: https://alembic.sqlalchemy.org/en/latest/naming.html
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def missing_columns(connection: Connection) -> Iterator[str]:
    """Yield the models' columns that the database lacks; ignore columns that no model has."""
    tables = Base.metadata.sorted_tables
    for schema in {table.schema for table in tables}:
        wanted = [table for table in tables if table.schema == schema]
        names = [table.name for table in wanted]
        found = inspect(connection).get_multi_columns(schema=schema, filter_names=names)
        for table in wanted:
            present = {column["name"] for column in found.get((schema, table.name), [])}
            yield from (
                f"{table}.{column.name}" for column in table.c if column.name not in present
            )
