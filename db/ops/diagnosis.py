"""What `signalpost doctor` asks Postgres: whether it stores, for whom, and how safely."""

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.connection_faults import describe_fault
from db.connections import SessionLimits
from db.session import Database, DatabaseUnavailable, Session
from db.webhooks.insert import insert_events

FACTS_SQL = """
SELECT current_setting('server_version') AS version,
       current_setting('server_encoding') AS encoding,
       current_user AS role,
       (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) AS is_superuser,
       CASE WHEN to_regclass('audit_log') IS NULL THEN false
            ELSE has_table_privilege('audit_log', 'UPDATE')
              OR has_table_privilege('audit_log', 'DELETE')
              OR has_table_privilege('audit_log', 'TRUNCATE')
       END AS can_change_audit_log,
       current_setting('synchronous_commit') AS synchronous_commit,
       current_setting('synchronous_standby_names') <> '' AS has_standby_names,
       current_setting('fsync') = 'on' AS is_durable
"""

SETTINGS_SQL = """
SELECT name, setting FROM pg_settings
 WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'TimeZone',
                'DateStyle', 'IntervalStyle', 'search_path', 'transaction_isolation')
"""


IDENTITY_SQL = """
SELECT system_identifier || '/' || current_database() FROM pg_control_system()
"""


@dataclass(frozen=True)
class DatabaseFacts:
    """`wrong_settings` are those of a transaction that are not as it set them."""

    version: str
    encoding: str
    role: str
    is_superuser: bool
    can_change_audit_log: bool
    synchronous_commit: str
    has_standby_names: bool
    is_durable: bool
    wrong_settings: tuple[str, ...]

    @property
    def has_unsafe_commits(self) -> bool:
        """Whether a commit is reported before it is safe."""
        is_local = self.has_standby_names and self.synchronous_commit == "local"
        return is_local or self.synchronous_commit == "off"


def read_database_identity(session: Session) -> str:
    """Return the number of the server and the name of the database.

    Replicas, and a server restored from its own files, have the same; a copy by pg_dump has not.
    """
    return str(session.execute(text(IDENTITY_SQL)).scalar_one())


def read_database_facts(database: Database) -> DatabaseFacts:
    """Errors: DatabaseUnavailable, with the reason in words, also if the tables refuse a write."""
    try:
        with database.transaction() as session:
            facts = session.execute(text(FACTS_SQL)).one()._mapping  # noqa: SLF001 - public by its docs
            wrong_settings = find_wrong_settings(session)
            if session.scalar(text("SELECT to_regclass('webhook_events') IS NOT NULL")):
                insert_events(session, [])  # what a delivery does, without a row
    except DBAPIError as error:
        raise DatabaseUnavailable(describe_fault(error)) from error
    return DatabaseFacts(**facts, wrong_settings=wrong_settings)


def find_wrong_settings(session: Session) -> tuple[str, ...]:
    """Return the settings that this transaction has not as it set them when it began."""
    limits = SessionLimits()
    expected = {
        "statement_timeout": str(limits.statement),
        "idle_in_transaction_session_timeout": str(limits.idle),
        "TimeZone": "UTC",
        "DateStyle": "ISO, MDY",
        "IntervalStyle": "postgres",
        "search_path": "public",
        "transaction_isolation": "read committed",
    }
    found = {row.name: row.setting.replace('"', "") for row in session.execute(text(SETTINGS_SQL))}
    return tuple(sorted(name for name, value in expected.items() if found.get(name) != value))
