"""What the application's database role may do, when another role owns the tables.

Granted after each upgrade of the schema, so that new tables are covered.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import unquote, urlsplit

from sqlalchemy import Connection, text

from db import Base
from db.connections import SCHEMA

ALL_ROW_RIGHTS = "SELECT, INSERT, UPDATE, DELETE"
RIGHTS_BY_TABLE: Mapping[str, str] = {"audit_log": "SELECT, INSERT", "alembic_version": "SELECT"}
"""Tables in which not every row right is granted."""

FUNCTIONS = (
    "prune_audit_log(interval, timestamptz, integer)",
    "empty_audit_details(bigint, text[])",
    "forget_audit_addresses(bigint)",
)
VIEWS = ("oauth_accounts_summary", "oauth_health_status")


def find_application_role(url: str, owner_url: str) -> str | None:
    """Return the role of `url` if it is another one than that of `owner_url`."""
    role, owner = (unquote(urlsplit(each).username or "") for each in (url, owner_url))
    return role if role and role != owner else None


def grant_application_rights(connection: Connection, role: str) -> None:
    """Let the role work with the rows of our tables, and with nothing else."""
    quote = connection.dialect.identifier_preparer.quote
    for statement in application_grants(quote(role)):
        connection.execute(text(statement))


def application_grants(role: str) -> Iterator[str]:
    """Statements; `role` is quoted. Rights that an earlier version granted are taken back."""
    yield f"GRANT USAGE ON SCHEMA {SCHEMA} TO {role}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA {SCHEMA} TO {role}"
    for table in (*Base.metadata.tables, *VIEWS, *RIGHTS_BY_TABLE):
        yield f"REVOKE ALL ON {SCHEMA}.{table} FROM {role}"
        rights = "SELECT" if table in VIEWS else RIGHTS_BY_TABLE.get(table, ALL_ROW_RIGHTS)
        yield f"GRANT {rights} ON {SCHEMA}.{table} TO {role}"
    for function in FUNCTIONS:
        yield f"GRANT EXECUTE ON FUNCTION {SCHEMA}.{function} TO {role}"
    # Tables that the owner creates besides ours, such as those of an operator.
    defaults = f"ALTER DEFAULT PRIVILEGES IN SCHEMA {SCHEMA} GRANT"
    yield f"{defaults} {ALL_ROW_RIGHTS} ON TABLES TO {role}"
    yield f"{defaults} USAGE, SELECT ON SEQUENCES TO {role}"
