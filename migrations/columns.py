"""Helpers that the migrations are written with: columns, constraints, indexes, triggers.

They are frozen: if one of them changed its meaning, migrations that were applied long ago would
create another schema on a new database.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

NOW = sa.text("now()")
CLOCK_TIMESTAMP = sa.text("clock_timestamp()")
EMPTY = "{}"


def column(
    name: str, kind: Any, *, nullable: bool = False, default: Any = None, comment: str = ""
) -> Any:
    return sa.Column(name, kind, nullable=nullable, server_default=default, comment=comment or None)


def id_column() -> Any:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False)


def text_column(name: str, length: int | None = None, **options: Any) -> Any:
    return column(name, sa.Text() if length is None else sa.String(length), **options)


def bigint_column(name: str, **options: Any) -> Any:
    return column(name, sa.BigInteger(), **options)


def timestamp_column(name: str, **options: Any) -> Any:
    return column(name, sa.DateTime(timezone=True), **options)


def boolean_column(name: str, **options: Any) -> Any:
    return column(name, sa.Boolean(), **options)


def json_column(name: str, **options: Any) -> Any:
    return column(name, JSONB(), **options)


def created_at() -> Any:
    return timestamp_column("created_at", default=NOW)


def updated_at() -> Any:
    return timestamp_column("updated_at", default=NOW)


def primary_key(table: str, name: str = "id") -> Any:
    return sa.PrimaryKeyConstraint(name, name=f"pk_{table}")


def unique_constraint(table: str, *names: str) -> Any:
    return sa.UniqueConstraint(*names, name="_".join(("uq", table, *names)))


def foreign_key(table: str, name: str, to: str, ondelete: str) -> Any:
    """The column `name` refers to the `id` of the table `to`."""
    return sa.ForeignKeyConstraint(
        [name], [f"{to}.id"], name=f"fk_{table}_{name}", ondelete=ondelete
    )


def one_of(table: str, name: str, *values: str) -> Any:
    """CHECK constraint: the column holds one of these values."""
    value_list = ", ".join(f"'{value}'" for value in values)
    return check_constraint(table, name, f"{name} IN ({value_list})")


def check_constraint(table: str, name: str, condition: str) -> Any:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def create_index(
    name: str, table: str, *columns: str, where: str = "", unique: bool = False
) -> None:
    """Columns are SQL: "user_id", "created_at DESC", "lower(email)"."""
    condition = sa.text(where) if where else None
    parts = [sa.text(part) for part in columns]
    op.create_index(name, table, parts, unique=unique, postgresql_where=condition)


def create_updated_at_triggers(*tables: str) -> None:
    """Let the trigger function of migration 0001 set `updated_at` in these tables."""
    for table in tables:
        op.execute(
            f"CREATE TRIGGER trg_{table}_updated BEFORE UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
        )


def drop_tables(*tables: str) -> None:
    for table in tables:
        op.drop_table(table)
