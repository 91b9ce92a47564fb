"""Define column types for values that SQLite and PostgreSQL would return differently."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import DateTime, Numeric, TypeDecorator

from ..values import shortest


class UTCDateTime(TypeDecorator[datetime]):
    """A timezone-aware UTC datetime: SQLite stores no zone, PostgreSQL uses the session's zone."""

    impl = DateTime(timezone=True)
    cache_ok = True
    python_type = datetime

    def process_bind_param(self, value: datetime | None, dialect: Any) -> datetime | None:
        if value and not value.tzinfo:  # astimezone() would assume the server's zone
            raise ValueError("A time needs a zone: use chassis.Time, or now() for the current time")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Any) -> datetime | None:
        return value and (value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC))


class Amount(TypeDecorator[Decimal]):
    """A chassis.Money. SQLite stores a float, whose 15 exact digits are enough for a Money."""

    impl = Numeric(15, 4)
    cache_ok = True
    python_type = Decimal

    def load_dialect_impl(self, dialect: Any) -> Any:
        exact = dialect.supports_native_decimal
        return dialect.type_descriptor(Numeric(15, 4, asdecimal=exact))

    def process_result_value(self, value: Any, dialect: Any) -> Decimal | None:
        return None if value is None else shortest(Decimal(f"{value:.4f}"))
