"""The application's role works with rows and nothing else; nobody changes the audit log."""

from datetime import timedelta

import pytest
from sqlalchemy import func, literal, select, text
from sqlalchemy.exc import DBAPIError

from db.ops.audit import AuditEntry, AuditLog
from db.roles import find_application_role
from db.session import Database
from local.databases import Databases
from tests.db.schema_catalog import run_sql
from tests.servers import owner_url

YEAR = timedelta(days=365)
AUDIT_CHANGES = (
    "UPDATE audit_log SET actor = 'x'",
    "DELETE FROM audit_log",
    "TRUNCATE audit_log",
)
FORBIDDEN_TO_APPLICATION = (
    "CREATE TABLE mine ()",
    "DROP TABLE beats",
    "ALTER TABLE beats ADD mine text",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "UPDATE alembic_version SET version_num = '0001'",
    "ALTER TABLE audit_log DISABLE TRIGGER ALL",
    "SET ROLE signalpost_owner",
    "COPY beats TO PROGRAM 'true'",
)
OWN_RIGHTS_SQL = "SELECT rolsuper OR rolcreaterole OR rolcreatedb FROM pg_roles WHERE rolname = "


@pytest.fixture
def entries(database):
    """Two entries of the audit log: a recent one, and one that is older than a year."""
    with database.transaction() as session:
        log = AuditLog(session)
        for subject in ("account:7", "account:8"):
            log.add("account.connected", actor="cli", subject=subject, details={"name": "Ada"})
    run_sql_as(
        database,
        "INSERT INTO audit_log (at, actor, action) VALUES (now() - interval '400 days', 'a', 'b')",
    )


def run_sql_as(database, statement):
    with database.transaction() as session:
        result = session.execute(text(statement))
        return result.all() if result.returns_rows else []


def load_details(database):
    with database.transaction() as session:
        rows = session.execute(select(AuditEntry.subject, AuditEntry.details)).all()
    return {subject: details for subject, details in rows if subject}


@pytest.mark.parametrize("statement", [*FORBIDDEN_TO_APPLICATION, *AUDIT_CHANGES])
def test_the_application_may_not(database, entries, statement):
    with pytest.raises(DBAPIError, match="InsufficientPrivilege"):
        run_sql_as(database, statement)


@pytest.mark.parametrize("statement", AUDIT_CHANGES)
def test_the_owner_may_not_change_the_audit_log_either(database_url, entries, statement):
    with pytest.raises(DBAPIError, match="InsufficientPrivilege"):
        run_sql(database_url, statement)


def test_neither_role_is_a_superuser_or_makes_roles(database, database_url):
    assert run_sql_as(database, f"{OWN_RIGHTS_SQL} current_user") == [(False,)]
    [(is_superuser,)] = run_sql(
        database_url, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    )
    assert not is_superuser


def test_the_owner_makes_databases_and_sees_and_ends_sessions(database_url, database):
    run_sql_as(database, "SELECT 1")
    pid, query = run_sql(
        database_url,
        "SELECT pid, query FROM pg_stat_activity WHERE usename = 'signalpost'"
        " AND datname = current_database() LIMIT 1",
    )[0]
    assert "SELECT" in query or "ROLLBACK" in query or "COMMIT" in query
    assert run_sql(database_url, f"SELECT pg_terminate_backend({pid})") == [(True,)]
    assert Databases(owner_url(database_url).replace("+psycopg2", "")).is_reachable()


def test_tables_that_the_owner_adds_can_be_used_by_the_application(database, database_url):
    run_sql(database_url, "CREATE TABLE noted (id bigint)")
    run_sql_as(database, "INSERT INTO noted VALUES (1)")
    run_sql_as(database, "DELETE FROM noted")


def test_old_entries_are_deleted_and_young_ones_never(database, entries):
    with database.transaction() as session:
        count, newest = AuditLog(session).prune(older_than=YEAR, since=None, limit=10)
        assert count == 1
        assert newest < session.scalar(select(func.now()))
    assert len(load_details(database)) == 2
    with pytest.raises(DBAPIError, match="365 days"), database.transaction() as session:
        AuditLog(session).prune(older_than=timedelta(days=1), since=None, limit=10)
    with pytest.raises(DBAPIError, match="InsufficientPrivilege"):
        run_sql_as(database, "DELETE FROM audit_log")


def test_the_details_about_an_erased_account_are_emptied_and_the_entry_stays(database, entries):
    with database.transaction() as session:
        AuditLog(session).empty_details(None, select(literal("account:7")))
    assert load_details(database) == {"account:7": {}, "account:8": {"name": "Ada"}}


def test_a_deleted_user_keeps_their_entries(database, database_url):
    [(user_id,)] = run_sql(
        database_url, "INSERT INTO users (email) VALUES ('a@example.org') RETURNING id"
    )
    with database.transaction() as session:
        AuditLog(session).add("user.created", actor="cli", user_id=user_id)
    run_sql_as(database, f"DELETE FROM users WHERE id = {user_id}")
    assert run_sql_as(database, "SELECT user_id FROM audit_log") == [(user_id,)]


def test_one_role_for_everything_still_works(server_addresses, migrated_template):
    with server_addresses.temporary_database(migrated_template) as url:
        owner = Database(owner_url(url))
        run_sql_as(owner, "INSERT INTO audit_log (actor, action) VALUES ('a', 'b')")
        with pytest.raises(DBAPIError, match="InsufficientPrivilege"):
            run_sql_as(owner, "DELETE FROM audit_log")
        owner.dispose()


def test_rights_are_granted_to_the_other_role_only():
    url = "postgresql://app:x@h/d"
    assert find_application_role(url, url) is None
    assert find_application_role(url, "postgresql://owner@h/d") == "app"
