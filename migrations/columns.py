"""The words our migrations are written in. Frozen: another meaning would rewrite history."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

NOW = sa.text("now()")
CLOCK = sa.text("clock_timestamp()")
EMPTY = "{}"


def column(name: str, kind: Any, *, null: bool = False, default: Any = None, says: str = "") -> Any:
    """A column that must have a value unless `null`; `says` is its comment."""
    return sa.Column(name, kind, nullable=null, server_default=default, comment=says or None)


def identity() -> Any:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False)


def text(name: str, length: int | None = None, **more: Any) -> Any:
    return column(name, sa.Text() if length is None else sa.String(length), **more)


def number(name: str, **more: Any) -> Any:
    return column(name, sa.BigInteger(), **more)


def moment(name: str, **more: Any) -> Any:
    return column(name, sa.DateTime(timezone=True), **more)


def flag(name: str, **more: Any) -> Any:
    return column(name, sa.Boolean(), **more)


def json(name: str, **more: Any) -> Any:
    return column(name, JSONB(), **more)


def created() -> Any:
    return moment("created_at", default=NOW)


def updated() -> Any:
    return moment("updated_at", default=NOW)


def primary(table: str, name: str = "id") -> Any:
    return sa.PrimaryKeyConstraint(name, name=f"pk_{table}")


def unique(table: str, *names: str) -> Any:
    return sa.UniqueConstraint(*names, name="_".join(("uq", table, *names)))


def refers(table: str, name: str, to: str, ondelete: str) -> Any:
    return sa.ForeignKeyConstraint(
        [name], [f"{to}.id"], name=f"fk_{table}_{name}", ondelete=ondelete
    )


def one_of(table: str, name: str, *words: str) -> Any:
    listed = ", ".join(f"'{word}'" for word in words)
    return check(table, name, f"{name} IN ({listed})")


def check(table: str, name: str, condition: str) -> Any:
    return sa.CheckConstraint(condition, name=op.f(f"ck_{table}_{name}"))


def index(name: str, table: str, *columns: str, where: str = "", unique: bool = False) -> None:
    """Columns are SQL: "user_id", "created_at DESC", "lower(email)"."""
    only = sa.text(where) if where else None
    parts = [sa.text(each) for each in columns]
    op.create_index(name, table, parts, unique=unique, postgresql_where=only)


def touched(*tables: str) -> None:
    """`updated_at` of these tables is kept by the trigger of migration 0001."""
    for table in tables:
        op.execute(
            f"CREATE TRIGGER trg_{table}_updated BEFORE UPDATE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION touch_updated_at()"
        )


def drop(*tables: str) -> None:
    for table in tables:
        op.drop_table(table)
