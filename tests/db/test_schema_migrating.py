"""Who may migrate, one at a time, and what is said to those who may not."""

import pytest

from db import migrations
from db.connections import SessionLimits
from db.session import DatabaseUnavailable
from tests.db.schema_catalog import run_sql

LOCKS_SQL = """
SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
 WHERE locktype = 'advisory' AND datname = current_database()
"""


def test_a_second_migration_waits_for_the_first_and_then_says_so(empty_database_url, monkeypatch):
    """The shipped limit of two minutes is shortened here."""
    short_limits = SessionLimits(statement=0, idle=0, lock=200)
    monkeypatch.setattr(migrations, "LOCK_LIMITS", short_limits)
    with migrations.migration_lock(empty_database_url):
        assert len(run_sql(empty_database_url, LOCKS_SQL)) == 1
        with pytest.raises(migrations.MigrationsBusy, match="another process is migrating"):
            migrations.upgrade_schema(empty_database_url)
    assert run_sql(empty_database_url, LOCKS_SQL) == []
    migrations.upgrade_schema(empty_database_url)


def test_the_applications_role_may_not_migrate(database_url):
    with pytest.raises(DatabaseUnavailable, match="the role may not do this"):
        migrations.downgrade_schema(database_url, "0018")


def test_a_read_only_database_is_named(empty_database_url):
    name = empty_database_url.rpartition("/")[2]
    run_sql(empty_database_url, f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    with pytest.raises(DatabaseUnavailable, match="read-only"):
        migrations.upgrade_schema(empty_database_url)


def test_a_role_that_does_not_exist_is_named(empty_database_url):
    other = "postgresql://nobody_of_that_name@127.0.0.1/x"
    with pytest.raises(DatabaseUnavailable, match="role that is named does not exist"):
        migrations.upgrade_schema(empty_database_url, application_url=other)
