"""Describe tables, and add rows to them, for the tests of your migrations."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import Column, Connection, Engine, MetaData, insert, inspect, select

# Functions that make a value of each type from a number. Different numbers give different values.
MAKERS: dict[type, Any] = {
    bool: lambda number: number % 2 == 0,
    bytes: lambda number: str(number).encode(),
    date: lambda number: date(2000, 1, 1) + timedelta(days=number),
    datetime: lambda number: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(days=number),
    Decimal: Decimal,
    dict: lambda number: {"number": number},
    float: float,
    int: int,
    list: lambda number: [],
    str: str,
    time: lambda number: time(number % 24),
    timedelta: lambda number: timedelta(seconds=number),
    UUID: lambda number: UUID(int=number),
}


def describe(engine: Engine) -> dict[str, Any]:
    """Return each table's columns, keys, constraints and indexes, as the database has them."""
    inspector = inspect(engine)
    described = {}
    for name in inspector.get_table_names():
        if name == "alembic_version":
            continue
        columns = inspector.get_columns(name)
        described[name] = {
            "columns": {
                each["name"]: (
                    each["type"].compile(engine.dialect),
                    "NULL" if each["nullable"] else "NOT NULL",
                    each["default"],
                )
                for each in columns
            },
            "primary key": inspector.get_pk_constraint(name)["constrained_columns"],
            "foreign keys": sorted(map(str, inspector.get_foreign_keys(name))),
            "unique": sorted(map(str, inspector.get_unique_constraints(name))),
            "checks": {
                str(each["name"]): " ".join(each["sqltext"].split())
                for each in inspector.get_check_constraints(name)
            },
            "indexes": sorted(map(str, inspector.get_indexes(name))),
        }
    return described


def add_rows(connection: Connection, number: int, values: Mapping[str, Any]) -> None:
    """Add a row to each table, with values that are computed from the number.

    `values` maps a column (`table.column`) to its value, or to a function that computes the value
    from the number.
    """
    metadata = MetaData()
    metadata.reflect(connection)
    for table in metadata.sorted_tables:
        if table.name == "alembic_version":
            continue
        row = {}
        for column in table.c:
            given = values.get(f"{table.name}.{column.name}")
            if given is not None:
                row[column.name] = given(number) if callable(given) else given
            elif column.foreign_keys:
                row[column.name] = parent_of(connection, column)
            elif column.computed is None and column.identity is None:
                row[column.name] = value_for(column, number)
        connection.execute(insert(table).values(row))


def parent_of(connection: Connection, column: Column[Any]) -> Any:
    """Return a value that a foreign key can refer to; None if the other table has no row yet."""
    (key, *_) = column.foreign_keys
    return connection.scalar(select(key.column).order_by(key.column.desc()))


def value_for(column: Column[Any], number: int) -> Any:
    if enums := getattr(column.type, "enums", None):
        return enums[number % len(enums)]
    made = MAKERS.get(column.type.python_type, lambda number: None)(number)
    return made[-(getattr(column.type, "length", None) or 100) :] if isinstance(made, str) else made


def count_rows(connection: Connection) -> dict[str, int]:
    metadata = MetaData()
    metadata.reflect(connection)
    return {
        table.name: len(connection.execute(select(*table.primary_key or table.c)).all())
        for table in metadata.sorted_tables
        if table.name != "alembic_version"
    }
