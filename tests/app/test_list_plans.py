"""Lists, counts and quotas read as much for a user with ten times the history.

Every page and route is called for a user with 2,000 posts and for one with 20,000, as many on each
day. What their statements read is measured, not estimated.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import psycopg2
import pytest
from sqlalchemy import Engine, event

from app.http.context import CONTAINER_KEY
from app.http.cookies import SESSION_COOKIE
from bench import large_user, large_user_views
from core.encryption_keys import generate_key
from core.health.housekeeping import merge_post_counts
from core.identity.sign_in import BrowserContext, start_session
from db.identity.users import User
from tests.app.conftest import BASE_SETTINGS, AppFactory
from tests.db.schema_catalog import run_sql
from tests.servers import owner_url

SMALL, LARGE = 2_000, 20_000
DAYS_PER_POST = 0.05
MAX_ROWS = 2_500
"""Rows that a statement may read in any step of its plan."""

MAX_GROWTH, FREE_PAGES = 2, 700
"""How many times as many pages of 8 KiB may be read for the large user, and how many besides."""

SEARCH_PAGES = 1_000
"""A search by words reads so many posts before it asks the index: the small user has fewer."""

SEARCHES = {"events publish", "events account", "events type", "audit action", "people search"}
"""Free filters of operators: they read tables from the newest row on, within a limit of time."""

SAMPLES = {"platforms"}
"""Views that read the newest thousands of rows, as many as a constant says."""

SUMS = {"tiktok page", "widget tiktok"}
"""Views that sum up the metrics of all videos of the user."""

UNBOUNDED = SEARCHES | SAMPLES | SUMS
"""What is known to read more for a longer history, or for an installation with more rows."""


class Reading(NamedTuple):
    """What a statement read: rows in any step of its plan, pages of 8 KiB, and which indexes."""

    statement: str
    rows: float
    pages: int
    indexes: frozenset[str]


INDEX_VIEWS = {
    "idx_posts_user": "api posts to",
    "idx_posts_user_state": "api posts state FAILED",
    "idx_posts_user_state_time": "history days and state",
    "idx_posts_user_time": "calendar month, middle",
    "idx_posts_user_kind": "history kind",
    "idx_posts_login": "history account",
    "idx_posts_destination": "history destination",
    "idx_posts_unstarted": "api tiktok posts status QUEUED",
    "idx_posts_drafts": "history state DRAFT",
    "idx_posts_title": "history text, no such word",
    "idx_posts_unfinished": "api tiktok quota",
    "idx_posts_finished": "api tiktok quota",
    "idx_posts_group": "api posts group",
    "idx_posts_due": "queue posts",
    "idx_posts_retry_of": "post",
    "idx_tiktok_posts_list": "api tiktok posts status FAILED",
    "idx_tiktok_posts_public_ids": "insights",
    "idx_ig_comments_unhandled": "comments",
    "idx_ig_media_posted": "home",
    "idx_media_unfinished": "home",
}
"""Index → a view that reads it: what no query reads costs each change of a row for nothing."""

REFERENCE_INDEXES = {"idx_posts_media", "idx_posts_instagram"}
"""They lead from a row that is deleted to those that refer to it."""


@dataclass
class LargeUserApp:
    """The application on a database with one large user, who is signed in."""

    posts: int
    engine: Engine
    client: object
    paths: dict[str, str]
    readings: dict = field(default_factory=dict)

    def measure_view(self, title):
        """Return what each statement of the view reads."""
        statements = record_statements(self.engine, lambda: self.get_page(self.paths[title]))
        return [self.measure(statement, values) for statement, values in statements]

    def get_page(self, path):
        response = self.client.get(path)
        assert response.status_code == 200, (path, response.status_code)

    def measure(self, statement, values):
        key = (statement, str(values))
        if key not in self.readings:
            explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
            with self.engine.connect() as connection:
                ((plan,),) = connection.exec_driver_sql(explain, values).scalars().all()
            root = plan["Plan"]
            pages = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
            self.readings[key] = Reading(
                statement, count_plan_rows(root), pages, frozenset(list_plan_indexes(root))
            )
        return self.readings[key]


def record_statements(engine, action):
    """Return the statements of `action` that only read, with their values."""
    statements = []

    def record_statement(_connection, _cursor, statement, values, *_):
        if statement.lstrip("( \n").upper().startswith(("SELECT", "WITH")):
            statements.append((statement, values))

    event.listen(engine, "before_cursor_execute", record_statement)
    action()
    event.remove(engine, "before_cursor_execute", record_statement)
    return [pair for pair in statements if "FOR UPDATE" not in pair[0]]


def count_plan_rows(plan):
    """The largest number of rows that a step of the plan read."""
    read = plan["Actual Rows"] + sum(
        plan.get(f"Rows Removed by {cause}", 0) for cause in ("Filter", "Index Recheck")
    )
    children = [count_plan_rows(child) for child in plan.get("Plans", ())]
    return max([read * plan["Actual Loops"], *children])


def list_plan_indexes(plan):
    """The indexes that the steps of the plan read."""
    own = [plan["Index Name"]] if "Index Name" in plan else []
    return own + [name for child in plan.get("Plans", ()) for name in list_plan_indexes(child)]


@pytest.fixture(scope="module")
def large_user_apps(server_addresses, migrated_template):
    """The application for the small history and for the large one."""
    with (
        server_addresses.temporary_database(migrated_template) as small_url,
        server_addresses.temporary_database(migrated_template) as large_url,
    ):
        factories = [build_factory(small_url), build_factory(large_url)]
        yield [
            open_app(factory, url, posts)
            for factory, url, posts in zip(
                factories, (small_url, large_url), (SMALL, LARGE), strict=True
            )
        ]
        for factory in factories:
            factory.close()


def build_factory(url):
    platforms = {
        "INSTAGRAM_APP_ID": "1234567890123456",
        "INSTAGRAM_APP_SECRET": "0" * 32,
        "INSTAGRAM_REDIRECT_URI": "http://127.0.0.1/api/auth/instagram/callback",
    }
    stores = {"DATABASE_URL": url, "TOKEN_ENCRYPTION_KEY": generate_key()}
    return AppFactory({**BASE_SETTINGS, **platforms, **stores})


def open_app(factory, url, posts):
    app = factory.create_app()
    database = app.extensions[CONTAINER_KEY].database
    with database.transaction() as session:
        user = User(email="large@example.org", is_admin=True)
        session.add(user)
        session.flush()
        cookie = start_session(session, user, BrowserContext(timedelta(days=1))).cookie
        user_id, engine = user.id, session.get_bind()
    connection = psycopg2.connect(owner_url(url).replace("+psycopg2", ""))
    large_user.insert_large_user(
        connection, user_id=user_id, posts=posts, days=int(posts * DAYS_PER_POST)
    )
    merge_post_counts(database)
    large_user.analyze_tables(connection)
    rows = large_user.find_user_rows(connection, user_id)
    connection.close()
    client = app.test_client()
    client.set_cookie(SESSION_COOKIE, cookie.reveal())
    paths = large_user_views.list_view_paths(rows)
    return LargeUserApp(posts, engine, client, paths)


def list_titles():
    return list(large_user_views.list_view_paths(large_user_views.EXAMPLE_ROWS))


@pytest.mark.parametrize("title", list_titles())
def test_a_view_reads_as_much_for_ten_times_the_history(large_user_apps, title):
    small, large = (app.measure_view(title) for app in large_user_apps)
    if title in UNBOUNDED:
        return
    assert [describe_reading(reading) for reading in large if reading.rows > MAX_ROWS] == []
    before, after = (sum(reading.pages for reading in readings) for readings in (small, large))
    largest = describe_reading(max(large, key=lambda reading: reading.pages))
    free_pages = (
        SEARCH_PAGES
        if "q" in parse_qs(urlsplit(large_user_apps[1].paths[title]).query)
        else FREE_PAGES
    )
    assert after <= MAX_GROWTH * before + free_pages, largest


def describe_reading(reading):
    where = reading.statement.partition("FROM")[2].replace("\n", "")
    return f"{reading.rows:.0f} rows, {reading.pages} pages: FROM{where[:400]}"


@pytest.mark.parametrize("index", INDEX_VIEWS)
def test_an_index_is_read_by_a_view(large_user_apps, index):
    readings = large_user_apps[1].measure_view(INDEX_VIEWS[index])
    assert index in frozenset().union(*(reading.indexes for reading in readings))


def test_each_index_of_posts_has_a_query(database_url):
    query = "SELECT indexname AS name FROM pg_indexes WHERE tablename = 'posts'"
    names = {row.name for row in run_sql(database_url, query) if row.name.startswith("idx_")}
    assert (
        names == {name for name in INDEX_VIEWS if name.startswith("idx_posts")} | REFERENCE_INDEXES
    )


def test_a_statement_that_reads_all_posts_is_seen(large_user_apps):
    """Negative control: the measurement finds rows and growth."""
    statement = "SELECT count(payload_json) FROM posts"
    small, large = (app.measure(statement, ()) for app in large_user_apps)
    assert large.rows > MAX_ROWS
    assert large.pages > MAX_GROWTH * small.pages + FREE_PAGES
