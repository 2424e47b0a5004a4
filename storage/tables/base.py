"""What every table is made of: UTC times, exact amounts, names for constraints."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    JSON,
    BigInteger,
    CheckConstraint,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase


class Utc(TypeDecorator[datetime]):
    """An aware UTC time; SQLite keeps it without the zone, PostgreSQL with it."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive time: it would silently be local."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"naive time {value!r}: pass an aware one")
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Give the zone back that SQLite dropped."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """A decimal amount, exact: SQLite has no decimal type, so it is kept as text there."""

    impl = Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Text on SQLite, NUMERIC elsewhere."""
        return dialect.type_descriptor(String(32) if dialect.name == "sqlite" else Numeric())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        """Hand over text or a decimal."""
        return str(value) if value is not None and dialect.name == "sqlite" else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002
        """The decimal as it was handed over, trailing zeros included."""
        return None if value is None else Decimal(value)


class Table(DeclarativeBase):
    """Base of every table."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Utc,
        Decimal: Money,
        bytes: LargeBinary,
        int: BigInteger().with_variant(Integer, "sqlite"),  # SQLite numbers only INTEGER PRIMARY KEY by itself
        list[str]: JSON,
        list[Any]: JSON,
        dict[str, Any]: JSON,
    }


def one_of(column: str, values: str) -> CheckConstraint:
    """Only these words, separated by spaces, in a column."""
    listed = ", ".join(f"'{value}'" for value in values.split())
    return CheckConstraint(f"{column} IN ({listed})", name=column)
