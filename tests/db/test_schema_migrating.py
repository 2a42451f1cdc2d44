"""Who may migrate, one at a time, and what is said to those who may not."""

import pytest

from db import migrations
from db.connections import SessionLimits
from db.session import DatabaseUnavailable
from tests.db.schema_catalog import run_sql
from tests.servers import owner_url

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


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "of a version that this release"),
        ("INSERT INTO alembic_version VALUES ('0012')", "of a version that this release"),
        ("DELETE FROM alembic_version", "exist already, and no version"),
        ("DROP TABLE alembic_version", "exist already, and no version"),
        ("ALTER TABLE alembic_version RENAME version_num TO v", "those of another version"),
    ],
    ids=["newer", "two", "none", "no table", "another table"],
)
def test_tables_whose_version_does_not_fit_are_named(database_url, statement, message):
    run_sql(database_url, statement)
    with pytest.raises(DatabaseUnavailable, match=message):
        migrations.upgrade_schema(owner_url(database_url))


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_in_another_encoding_is_refused(database_url, encoding):
    name = f"{database_url.rpartition('/')[2]}_{encoding.lower()}"
    url = f"{owner_url(database_url).rpartition('/')[0]}/{name}"
    run_sql(
        database_url,
        f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' LOCALE_PROVIDER 'libc'"
        " TEMPLATE template0",
    )
    try:
        with pytest.raises(DatabaseUnavailable, match=f"is {encoding}: it must be UTF8"):
            migrations.upgrade_schema(url)
    finally:
        run_sql(database_url, f"DROP DATABASE {name} WITH (FORCE)")
