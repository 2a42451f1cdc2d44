"""What all tables share: constraint names, column types, id and time columns, storage settings."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    MetaData,
    Text,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

NAMING_CONVENTION = {
    "ix": "idx_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}

Json = dict[str, Any]


class Base(DeclarativeBase):
    """Base of all models. Maps Python types: times have a zone, integers are 64 bits wide."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    # Server defaults are returned by the INSERT, so a row can be used after its session has ended.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy's own attribute
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own attribute
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        Json: JSONB,
    }


def complete_tables() -> None:
    """Work out how all declared tables relate, as the first query otherwise does.

    A process that forks does it once before, instead of each child.
    """
    Base.registry.configure()


class IdColumn:
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, sort_order=-10)


class CreatedAtColumn:
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)


class TimestampColumns(CreatedAtColumn):
    """`created_at`, and `updated_at`, which a trigger sets so that no writer can forget it.

    A session that updates a row keeps the old `updated_at`: reading it back would cost a round
    trip per row.
    """

    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """CHECK constraint: the column holds one of these values."""
    value_list = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({value_list})", name=column)


# Storage parameters of busy tables, as Postgres names them. Measured in
# docs/decisions/0012-webhook-events-fill-factor-50.md.
StorageParameters = Mapping[str, str]

CLAIMED_ROWS_STORAGE: StorageParameters = {
    # A claim updates all rows of a page at once. Half of the page is kept free for their new
    # versions, so that these updates are heap-only and write no index.
    "fillfactor": "50",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    # At the default cost limit, vacuuming millions of rows waits 23 s for half a second of work.
    "autovacuum_vacuum_cost_limit": "1000",
}

UPDATED_ROWS_STORAGE: StorageParameters = {
    "fillfactor": "80",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Long-lived rows that are updated one at a time."""

APPENDED_ROWS_STORAGE: StorageParameters = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Rows that are written once or twice and deleted by age."""
