"""Migrations up and down, and the models compared with the Postgres catalogue."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from core.post_state.settle import PostState
from db import Base, migrations, schema
from db.accounts import accounts
from db.posts import posts
from tests.db.schema_catalog import (
    SELECT_COLUMNS,
    SELECT_CONSTRAINTS,
    SELECT_INDEXES,
    SELECT_STORAGE_OPTIONS,
    SELECT_TABLE_COMMENTS,
    connect,
    insert_user_and_post,
    run_sql,
)
from tests.servers import owner_url

ENCRYPTED_COMMENT = "AES-256-GCM"


@pytest.fixture
def models_url(server_addresses):
    """The URL of a database created from the models, without migrations."""
    with server_addresses.temporary_database() as url:
        with connect(url) as connection:
            Base.metadata.create_all(connection)
        yield url


def test_models_and_migrations_declare_the_same_schema(database_url):
    with connect(database_url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize(
    "query",
    [
        SELECT_TABLE_COMMENTS,
        SELECT_COLUMNS,
        SELECT_CONSTRAINTS,
        SELECT_INDEXES,
        SELECT_STORAGE_OPTIONS,
    ],
)
def test_models_and_migrations_create_the_same_catalogue(database_url, models_url, query):
    assert sorted(run_sql(database_url, query), key=str) == sorted(
        run_sql(models_url, query), key=str
    )


def test_upgrade_twice_downgrade_and_upgrade_again(empty_database_url):
    url = empty_database_url
    assert schema.read_schema_status(url).current is None
    for _ in range(2):
        migrations.upgrade_schema(url)
        assert schema.read_schema_status(url).is_complete
    before = run_sql(url, SELECT_COLUMNS)
    migrations.downgrade_schema(url)
    assert schema.read_schema_status(url).tables == ()
    assert run_sql(url, "SELECT proname FROM pg_proc WHERE proname = 'touch_updated_at'") == []
    migrations.upgrade_schema(url)
    assert schema.read_schema_status(url).is_complete
    assert sorted(map(str, run_sql(url, SELECT_COLUMNS))) == sorted(map(str, before))


def test_downgrade_one_version_at_a_time_with_rows_in_the_tables(database_url):
    insert_user_and_post(database_url)
    versions = [f"{number:04}" for number in range(int(schema.latest_version()) - 1, 0, -1)]
    for version in (*versions, "base"):
        migrations.downgrade_schema(owner_url(database_url), version)
        current = schema.read_schema_status(owner_url(database_url)).current
        assert current == (None if version == "base" else version)


def test_downgrade_of_the_plain_comments_restores_the_earlier_ones(empty_database_url):
    url = empty_database_url
    command.upgrade(migrations.alembic_config(url), "0011")
    before = read_comments(url)
    migrations.upgrade_schema(url)
    assert read_comments(url) != before
    migrations.downgrade_schema(url, "0011")
    assert read_comments(url) == before


def read_comments(url):
    columns = run_sql(url, SELECT_COLUMNS)
    of_columns = {(row.table_name, row.column_name): row.comment for row in columns}
    return of_columns, dict(map(tuple, run_sql(url, SELECT_TABLE_COMMENTS)))


def test_two_concurrent_upgrades_do_no_harm(empty_database_url):
    with ThreadPoolExecutor(2) as both:
        list(both.map(migrations.upgrade_schema, [empty_database_url] * 2))
    assert schema.read_schema_status(empty_database_url).is_complete


def test_status_counts_and_lists_what_exists(database_url):
    status = schema.read_schema_status(database_url)
    assert (status.is_complete, status.missing) == (True, ())
    assert set(status.tables) == set(Base.metadata.tables)
    assert status.indexes == len(run_sql(database_url, SELECT_INDEXES))


@pytest.mark.parametrize(
    ("damage", "gap"),
    [
        ("DROP INDEX idx_posts_due", "idx_posts_due"),
        ("ALTER TABLE posts DROP CONSTRAINT ck_posts_state", "ck_posts_state"),
        ("ALTER TABLE tiktok_posts DROP CONSTRAINT fk_tiktok_posts_user_id", "fk_tiktok_posts"),
        ("DROP TRIGGER trg_users_updated ON users", "trg_users_updated"),
        ("ALTER TABLE users DISABLE TRIGGER trg_users_updated", "trg_users_updated"),
        ("DROP TRIGGER trg_users_access ON users", "trg_users_access"),
        ("DROP VIEW oauth_health_status", "oauth_health_status"),
        ("DROP TABLE beats", "beats"),
    ],
)
def test_status_names_every_gap(database_url, damage, gap):
    run_sql(database_url, damage)
    status = schema.read_schema_status(database_url)
    assert not status.is_complete
    assert any(name.startswith(gap) for name in status.missing)


def test_all_tables_and_all_encrypted_columns_have_comments(database_url):
    assert all(comment for _, comment in run_sql(database_url, SELECT_TABLE_COMMENTS))
    columns = run_sql(database_url, SELECT_COLUMNS)
    encrypted = [row for row in columns if row.column_name.endswith("_encrypted")]
    assert len(encrypted) == 5
    assert all(row.comment.startswith(ENCRYPTED_COMMENT) for row in encrypted)
    processed = next(row for row in columns if row.column_name == "processed_at")
    assert processed.comment == "NULL: not applied yet"


def test_ids_are_bigint_identities_and_every_time_has_a_zone(database_url):
    columns = run_sql(database_url, SELECT_COLUMNS)
    ids = [row for row in columns if row.column_name == "id"]
    assert {(row.type, row.identity) for row in ids} == {("bigint", "a")}
    assert not [row for row in columns if "without time zone" in row.type]
    assert not [row for row in columns if row.type == "integer"]


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("ck_posts_state", PostState),
        ("ck_posts_sent_by", posts.SentBy),
        ("ck_oauth_accounts_status", accounts.AccountStatus),
    ],
)
def test_check_constraints_allow_exactly_the_values_of_the_code(database_url, constraint, values):
    definitions = {row.name: row.definition for row in run_sql(database_url, SELECT_CONSTRAINTS)}
    assert set(re.findall(r"'(\w+)'", definitions[constraint])) == {str(value) for value in values}


def test_core_and_db_know_the_same_states():
    assert set(posts.POST_STATES) == {str(state) for state in PostState}


def test_updated_at_changes_with_every_update_and_cannot_be_set(database_url):
    insert_user_and_post(database_url)
    (before,) = run_sql(database_url, "SELECT updated_at FROM posts")
    run_sql(database_url, "UPDATE posts SET title = 'x', updated_at = '2001-01-01'")
    (after,) = run_sql(database_url, "SELECT updated_at FROM posts")
    assert after.updated_at > before.updated_at


def test_an_active_account_has_a_token(database_url):
    insert_user_and_post(database_url)
    with pytest.raises(IntegrityError):
        run_sql(database_url, "UPDATE oauth_accounts SET access_token_encrypted = NULL")
    run_sql(
        database_url, "UPDATE oauth_accounts SET access_token_encrypted = NULL, status = 'REVOKED'"
    )


def test_deleting_a_user_deletes_their_rows(database_url):
    insert_user_and_post(database_url)
    run_sql(database_url, "DELETE FROM users")
    assert run_sql(database_url, "SELECT 1 FROM posts UNION ALL SELECT 1 FROM oauth_accounts") == []


def test_views_sum_up_accounts_and_their_health(database_url):
    insert_user_and_post(database_url)
    (summary,) = run_sql(database_url, "SELECT * FROM oauth_accounts_summary")
    assert (summary.provider, summary.total, summary.active, summary.expired) == ("tiktok", 1, 1, 0)
    assert summary.expiring_within_1h == 1
    assert float(summary.average_hours_left) == 0.5
    assert health_status(database_url) == "healthy"
    insert_refresh_attempt(database_url, "done")
    insert_refresh_attempt(database_url, "retry")
    assert health_status(database_url) == "degraded"
    insert_refresh_attempt(database_url, "failed")
    assert health_status(database_url) == "unhealthy"


def health_status(url):
    return run_sql(url, "SELECT status FROM oauth_health_status")[0].status


def insert_refresh_attempt(url, outcome):
    run_sql(
        url,
        "INSERT INTO attempts (kind, row_id, number, outcome)"
        " SELECT 'accounts', id, 1, :outcome FROM oauth_accounts",
        outcome=outcome,
    )


def test_storage_parameters_survive_a_downgrade_and_upgrade(database_url):
    before = set(run_sql(database_url, SELECT_STORAGE_OPTIONS))
    assert ("webhook_events", "fillfactor=50") in before
    migrations.downgrade_schema(owner_url(database_url), "0007")
    assert ("webhook_events", "fillfactor=80") in set(run_sql(database_url, SELECT_STORAGE_OPTIONS))
    migrations.upgrade_schema(owner_url(database_url))
    assert set(run_sql(database_url, SELECT_STORAGE_OPTIONS)) == before
