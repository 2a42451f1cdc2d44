"""What all tables share: names of constraints, types, identity, times. Holds no table itself."""

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
    """Python types to columns: every time has a zone, every number is 64 bits wide."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)
    # What the database filled in comes back with the statement, so that a row outlives its session.
    __mapper_args__ = {"eager_defaults": True}  # noqa: RUF012 - SQLAlchemy's own attribute
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own attribute
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        Json: JSONB,
    }


class IdColumn:
    id: Mapped[int] = mapped_column(Identity(always=True), primary_key=True, sort_order=-10)


class CreatedAtColumn:
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=90)


class TimestampColumns(CreatedAtColumn):
    """`updated_at` is kept by a trigger, so that no writer can forget it.

    The writer itself goes on seeing what it has read: to ask back would cost a round trip a row.
    """

    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), sort_order=91)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A closed set: the database refuses every other word."""
    words = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({words})", name=column)


PROVIDERS = ("tiktok", "instagram")
"""Platforms that rows may name; a new one widens the CHECKs by a migration."""


# MERGED db.storage: How busy tables lie on disk, as Postgres' own settings of a table. Knows no table by name.
#
# Measured in `docs/decisions/0012-room-for-the-claim.md`.

StorageParameters = Mapping[str, str]

INBOX_STORAGE: StorageParameters = {
    # A claim changes a whole page of neighbours at once: half of it is kept for their successors,
    # so that a claim writes no index at all.
    "fillfactor": "50",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_vacuum_insert_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.02",
    # Cleaning millions of rows is mostly waiting: 23 s of it for half a second of work.
    "autovacuum_vacuum_cost_limit": "1000",
}

UPDATED_ROWS_STORAGE: StorageParameters = {
    "fillfactor": "80",
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Rows that live long and are claimed one here, one there."""

APPENDED_ROWS_STORAGE: StorageParameters = {
    "autovacuum_vacuum_scale_factor": "0.02",
    "autovacuum_vacuum_insert_scale_factor": "0.05",
    "autovacuum_analyze_scale_factor": "0.05",
}
"""Written once or twice, and deleted by age."""
