"""The tables of the database, from their classes, which a test compares with the migrations."""

from collections.abc import Iterator

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql

from db import Base
from tests.references.markdown import WRITTEN_BY, format_table

DIALECT = postgresql.dialect()
INTRODUCTION = f"""# Tables

{WRITTEN_BY} `tests/db/test_schema.py` compares the classes with the migrations.

Times are UTC. Which tables others may read is in [the public surface](../surface.md); how long rows are kept in [running signalpost](../operations.md#how-long-data-is-kept).

"""  # noqa: E501 - a paragraph is one line in our documents


def render_tables() -> str:
    tables = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
    return INTRODUCTION + "\n\n".join("\n".join(describe_table(each)) for each in tables) + "\n"


def describe_table(table: Table) -> Iterator[str]:
    yield f"## {table.name}\n"
    if table.comment:
        yield f"{table.comment[0].upper()}{table.comment[1:].rstrip('.')}.\n"
    yield from format_table(
        ("Column", "Type", "May be null", "Leads to", "Meaning"),
        (
            (
                f"`{column.name}`",
                column.type.compile(DIALECT).lower(),
                "yes" if column.nullable else "",
                ", ".join(f"`{key.target_fullname}`" for key in column.foreign_keys),
                column.comment or "",
            )
            for column in table.columns
        ),
    )
