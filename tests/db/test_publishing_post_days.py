"""Counts of posts by time and state: kept by a trigger, equal to a count of the posts."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.health.housekeeping import merge_post_counts
from db.posts.post_days import PostDays
from db.posts.posts import POST_STATES
from tests.db.schema_catalog import run_sql

COUNTED = """
SELECT user_id, account_id, provider, starts_at, state, sum(n)::int AS n FROM post_days
 GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0 ORDER BY 1, 2, 3, 4, 5
"""
ACTUAL = """
SELECT user_id, oauth_account_id, provider,
       date_bin('15 minutes', COALESCE(publish_at, created_at), '2000-01-01Z') AS starts_at,
       state, count(*)::int AS n
  FROM posts GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
ADD_PEOPLE = (
    "INSERT INTO users (email) SELECT n || '@example.org' FROM generate_series(1, 3) AS n",
    """INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted,
         expires_at)
       SELECT 1 + n % 3, 'tiktok', 'open' || n, '', 'encrypted', now()
         FROM generate_series(1, 5) AS n""",
)
ADD_POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, publish_at,
                   created_at)
SELECT account.user_id, account.id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', :state,
       now() + :shift * interval '7 minutes', now() - :shift * interval '1 hour'
  FROM oauth_accounts AS account, generate_series(1, :number)
 WHERE account.id = :account
"""
CHANGES = (
    "UPDATE posts SET state = :state WHERE id % 3 = :part",
    "UPDATE posts SET state = :state, publish_at = NULL WHERE id % 7 = :part",
    "UPDATE posts SET publish_at = now() + :part * interval '1 hour' WHERE id % 5 = :part",
    "UPDATE posts SET attempts = attempts + 1 WHERE id % 2 = :part AND :state = :state",
    "DELETE FROM posts WHERE id % 11 = :part AND :state = :state",
)


@pytest.fixture
def people_url(database_url):
    for statement in ADD_PEOPLE:
        run_sql(database_url, statement)
    return database_url


def add_posts(url, number, *, account=1, state="PUBLISHED", shift=0):
    run_sql(url, ADD_POSTS, number=number, account=account, state=state, shift=shift)


def test_after_random_changes_the_counts_equal_the_posts(people_url, database):
    chance = random.Random(25)
    for _ in range(25):
        state, part = chance.choice(POST_STATES), chance.randrange(3)
        add_posts(
            people_url,
            chance.randrange(1, 9),
            account=chance.randrange(1, 6),
            state=state,
            shift=chance.randrange(-50, 50),
        )
        statement = chance.choice(CHANGES)
        values = {"part": part} | ({"state": state} if ":state" in statement else {})
        run_sql(people_url, statement, **values)
        if chance.random() < 0.2:
            merge_post_counts(database)
        assert run_sql(people_url, COUNTED) == run_sql(people_url, ACTUAL)
    assert run_sql(people_url, ACTUAL), "the changes left no post to compare"


def test_a_deleted_account_leaves_its_posts_counted_without_one(people_url, database):
    add_posts(people_url, 3)
    run_sql(people_url, "DELETE FROM oauth_accounts WHERE id = 1")
    assert run_sql(people_url, COUNTED) == run_sql(people_url, ACTUAL)
    (row,) = run_sql(people_url, COUNTED)
    assert (row.account_id, row.n) == (None, 3)


def test_a_deleted_user_leaves_no_counts(people_url):
    add_posts(people_url, 3)
    run_sql(people_url, "DELETE FROM users WHERE id = (SELECT user_id FROM posts LIMIT 1)")
    assert run_sql(people_url, "SELECT 1 FROM post_days") == []


def test_a_change_that_is_rolled_back_is_not_counted(people_url, database):
    add_posts(people_url, 2)
    before = run_sql(people_url, COUNTED)
    with contextlib.suppress(ZeroDivisionError), database.transaction() as session:
        session.connection().exec_driver_sql("UPDATE posts SET state = 'FAILED'")
        raise ZeroDivisionError
    assert run_sql(people_url, COUNTED) == before


def test_merged_rows_keep_their_sums_and_old_ones_only_their_day(people_url, database):
    add_posts(people_url, 4)
    run_sql(people_url, "UPDATE posts SET publish_at = now() - interval '90 days' WHERE id <= 2")
    run_sql(people_url, "UPDATE posts SET state = 'FAILED' WHERE id = 1")
    assert merge_post_counts(database) == 1
    assert merge_post_counts(database) == 0
    rows = run_sql(people_url, "SELECT starts_at, state, n, is_merged FROM post_days")
    assert sorted((row.state, row.n) for row in rows) == [
        ("FAILED", 1),
        ("PUBLISHED", 1),
        ("PUBLISHED", 2),
    ]
    assert all(row.is_merged for row in rows)
    old = [row.starts_at for row in rows if row.n == 1]
    assert all((at.hour, at.minute) == (0, 0) for at in (at.astimezone(UTC) for at in old))


def test_a_merge_leaves_rows_alone_that_are_added_meanwhile(people_url, database):
    add_posts(people_url, 2)
    with database.transaction() as session:
        PostDays(session).list_unmerged_users(limit=1)
        add_posts(people_url, 3)
        PostDays(session).merge_user(read_owner(people_url))
        add_posts(people_url, 4)
    assert run_sql(people_url, COUNTED) == run_sql(people_url, ACTUAL)


def read_owner(url):
    return run_sql(url, "SELECT DISTINCT user_id FROM posts")[0].user_id


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Asia/Kathmandu"])
def test_days_are_those_of_the_readers_zone(people_url, database, zone):
    add_posts(people_url, 40)
    run_sql(people_url, "UPDATE posts SET publish_at = now() - id * interval '67 minutes'")
    since = datetime.now(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    begins = [since + timedelta(days=days) for days in (-1, 0, 1)]
    since = begins[0]
    user_id = read_owner(people_url)
    with database.transaction() as session:
        counted = PostDays(session).count_by_day(user_id, states=["PUBLISHED"], begins=begins)
        total = PostDays(session).count_by_state(user_id, since=since)
    actual = run_sql(
        people_url,
        "SELECT to_char(timezone(:zone, publish_at), 'YYYY-MM-DD') AS day, count(*) AS n"
        " FROM posts WHERE publish_at >= :since GROUP BY 1 ORDER BY 1",
        zone=zone,
        since=since,
    )
    days = [(f"{begins[item.index]:%Y-%m-%d}", item.count) for item in counted]
    assert days == [tuple(row) for row in actual]
    assert total == {"PUBLISHED": sum(row.n for row in actual)}


def test_counts_of_an_account_are_those_of_its_posts(people_url, database):
    add_posts(people_url, 2, account=1)
    add_posts(people_url, 3, account=4)
    user_id = read_owner(people_url)
    with database.transaction() as session:
        days = PostDays(session)
        assert days.count_by_state(user_id, account_id=4) == {"PUBLISHED": 3}
        assert days.count_by_state(user_id, provider="instagram") == {}
        assert days.count_by_state(user_id + 1) == {}


def count_rows(url):
    [(number,)] = run_sql(url, "SELECT count(*) FROM post_days")
    return number


def test_a_statement_adds_a_row_for_each_count_it_changes_not_for_each_post(people_url):
    add_posts(people_url, 100, state="PROCESSING")
    before = count_rows(people_url)
    run_sql(people_url, "UPDATE posts SET attempts = attempts + 1")
    assert count_rows(people_url) == before
    run_sql(people_url, "UPDATE posts SET state = 'PUBLISHED'")
    assert count_rows(people_url) == before + 2  # one state loses, the other gains
