"""Migrations up and down, and the models' word against the catalogue's."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.exc import IntegrityError

from core.ledger.settle import State
from db import Base, accounts, posts, schema, upgrades
from tests.db.catalogue import (
    COLUMNS,
    CONSTRAINTS,
    INDEXES,
    STORAGE,
    TABLES,
    a_user_with_a_post,
    ask,
    connected,
)

SEALED = "AES-256-GCM"


@pytest.fixture
def from_models(shared):
    """A database as the models alone would make it."""
    with shared.database() as url:
        with connected(url) as connection:
            Base.metadata.create_all(connection)
        yield url


def test_models_and_migrations_say_the_same(database_url):
    with connected(database_url) as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, Base.metadata) == []


@pytest.mark.parametrize("question", [TABLES, COLUMNS, CONSTRAINTS, INDEXES, STORAGE])
def test_models_and_migrations_make_the_same_catalogue(database_url, from_models, question):
    assert sorted(ask(database_url, question), key=str) == sorted(
        ask(from_models, question), key=str
    )


def test_up_up_down_up(empty_database_url):
    url = empty_database_url
    assert schema.status(url).current is None
    for _ in range(2):
        upgrades.up(url)
        assert schema.status(url).complete
    before = ask(url, COLUMNS)
    upgrades.down(url)
    assert schema.status(url).tables == ()
    assert ask(url, "SELECT proname FROM pg_proc WHERE proname = 'touch_updated_at'") == []
    upgrades.up(url)
    assert schema.status(url).complete
    assert sorted(map(str, ask(url, COLUMNS))) == sorted(map(str, before))


def test_down_one_step_at_a_time_with_rows_in_the_tables(database_url):
    a_user_with_a_post(database_url)
    for version in ("0009", "0008", "0007", "0006", "0005", "0004", "0003", "0002", "0001", "base"):
        upgrades.down(database_url, version)
        current = schema.status(database_url).current
        assert current == (None if version == "base" else version)


def test_two_at_once_are_harmless(empty_database_url):
    with ThreadPoolExecutor(2) as both:
        list(both.map(upgrades.up, [empty_database_url] * 2))
    assert schema.status(empty_database_url).complete


def test_status_counts_and_lists_what_is_there(database_url):
    status = schema.status(database_url)
    assert (status.complete, status.missing) == (True, ())
    assert set(status.tables) == set(Base.metadata.tables)
    assert status.indexes == len(ask(database_url, INDEXES))


@pytest.mark.parametrize(
    ("damage", "gap"),
    [
        ("DROP INDEX idx_posts_due", "idx_posts_due"),
        ("ALTER TABLE posts DROP CONSTRAINT ck_posts_state", "ck_posts_state"),
        ("ALTER TABLE tiktok_posts DROP CONSTRAINT fk_tiktok_posts_user_id", "fk_tiktok_posts"),
        ("DROP TRIGGER trg_users_updated ON users", "trg_users_updated"),
        ("ALTER TABLE users DISABLE TRIGGER trg_users_updated", "trg_users_updated"),
        ("DROP VIEW oauth_health_status", "oauth_health_status"),
        ("DROP TABLE beats", "beats"),
    ],
)
def test_status_names_every_gap(database_url, damage, gap):
    ask(database_url, damage)
    status = schema.status(database_url)
    assert not status.complete
    assert any(name.startswith(gap) for name in status.missing)


def test_all_tables_and_all_sealed_columns_say_what_they_are(database_url):
    assert all(comment for _, comment in ask(database_url, TABLES))
    columns = ask(database_url, COLUMNS)
    sealed = [row for row in columns if row.column_name.endswith("_encrypted")]
    assert len(sealed) == 5
    assert all(row.comment.startswith(SEALED) for row in sealed)
    processed = next(row for row in columns if row.column_name == "processed_at")
    assert processed.comment == "NULL: not applied yet"


def test_ids_are_bigint_identities_and_every_time_has_a_zone(database_url):
    columns = ask(database_url, COLUMNS)
    ids = [row for row in columns if row.column_name == "id"]
    assert {(row.type, row.identity) for row in ids} == {("bigint", "a")}
    assert not [row for row in columns if "without time zone" in row.type]
    assert not [row for row in columns if row.type == "integer"]


@pytest.mark.parametrize(
    ("constraint", "words"),
    [
        ("ck_posts_state", State),
        ("ck_posts_sent_by", posts.SentBy),
        ("ck_posts_kind", posts.KINDS),
        ("ck_oauth_accounts_status", accounts.AccountStatus),
    ],
)
def test_closed_sets_are_the_ones_the_code_knows(database_url, constraint, words):
    definitions = {row.name: row.definition for row in ask(database_url, CONSTRAINTS)}
    assert set(re.findall(r"'(\w+)'", definitions[constraint])) == {str(word) for word in words}


def test_core_and_db_know_the_same_states():
    assert set(posts.STATES) == {str(state) for state in State}


def test_updated_at_moves_with_every_update_and_nobody_can_set_it(database_url):
    a_user_with_a_post(database_url)
    (before,) = ask(database_url, "SELECT updated_at FROM posts")
    ask(database_url, "UPDATE posts SET title = 'x', updated_at = '2001-01-01'")
    (after,) = ask(database_url, "SELECT updated_at FROM posts")
    assert after.updated_at > before.updated_at


def test_an_active_account_has_a_token(database_url):
    a_user_with_a_post(database_url)
    with pytest.raises(IntegrityError):
        ask(database_url, "UPDATE oauth_accounts SET access_token_encrypted = NULL")
    ask(database_url, "UPDATE oauth_accounts SET access_token_encrypted = NULL, status = 'REVOKED'")


def test_deleting_a_user_leaves_nothing_of_theirs(database_url):
    a_user_with_a_post(database_url)
    ask(database_url, "DELETE FROM users")
    assert ask(database_url, "SELECT 1 FROM posts UNION ALL SELECT 1 FROM oauth_accounts") == []


def test_views_sum_up_accounts_and_their_health(database_url):
    a_user_with_a_post(database_url)
    (summary,) = ask(database_url, "SELECT * FROM oauth_accounts_summary")
    assert (summary.provider, summary.total, summary.active, summary.expired) == ("tiktok", 1, 1, 0)
    assert summary.expiring_within_1h == 1
    assert float(summary.average_hours_left) == 0.5
    assert health(database_url) == "healthy"
    refreshed(database_url, "done")
    refreshed(database_url, "retry")
    assert health(database_url) == "degraded"
    refreshed(database_url, "failed")
    assert health(database_url) == "unhealthy"


def health(url):
    return ask(url, "SELECT status FROM oauth_health_status")[0].status


def refreshed(url, outcome):
    ask(
        url,
        "INSERT INTO attempts (kind, row_id, number, outcome)"
        " SELECT 'accounts', id, 1, :outcome FROM oauth_accounts",
        outcome=outcome,
    )


def test_busy_tables_are_laid_out_as_before_after_a_way_down_and_up(database_url):
    before = set(ask(database_url, STORAGE))
    assert ("webhook_events", "fillfactor=50") in before
    upgrades.down(database_url, "0007")
    assert ("webhook_events", "fillfactor=80") in set(ask(database_url, STORAGE))
    upgrades.up(database_url)
    assert set(ask(database_url, STORAGE)) == before
