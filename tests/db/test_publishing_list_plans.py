"""Plans of lists, counts and quotas: none reads a user's posts one after another.

One user has nearly all posts. What each statement reads is measured, not estimated.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from core.health.housekeeping import merge_post_counts
from db.posts.post_days import PostDays
from db.posts.posts import Post
from db.publishing.calendar_posts import CalendarFilter, CalendarPosts
from db.publishing.destination_usage import DestinationUsage
from db.publishing.post_filter import DISPLAY_STATES, PostFilter
from db.publishing.queries import ListPart, ListPosition, PostQueries
from db.publishing.quota_slots import QuotaSlots
from db.publishing.usage_counts import Counted, UsageRule, count_usage
from db.session import Database
from tests.db.schema_catalog import run_sql

POSTS = 20_000
MAX_ROWS = 2100
"""Rows that a statement may read in any step of its plan."""

INSERT_HISTORY = (
    "INSERT INTO users (email) SELECT n || '@example.org' FROM generate_series(1, 20) AS n",
    """INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted,
         expires_at)
       SELECT 1 + n / 2, CASE n % 2 WHEN 0 THEN 'tiktok' ELSE 'instagram' END, 'open' || n, '',
              'encrypted', now() FROM generate_series(0, 39) AS n""",
    f"""INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, title, state,
         step, publish_at, created_at, finished_at, started_at, has_slot)
       SELECT owner.id, account.id, account.provider,
              CASE account.provider WHEN 'tiktok' THEN 'DIRECT_VIDEO' ELSE 'REELS' END,
              'FILE_UPLOAD', 'SIGNALPOST', 'clay and glaze ' || n || ' of spring',
              CASE WHEN n > {POSTS} - 5 THEN 'QUEUED' WHEN n % 500 = 0 THEN 'FAILED'
                   ELSE 'PUBLISHED' END,
              CASE WHEN n % 997 = 0 THEN 'DELIVERED' END,
              CASE WHEN n > {POSTS} - 5 THEN now() + interval '1 day' END,
              now() - ({POSTS} - n) * interval '500 days' / {POSTS},
              CASE WHEN n <= {POSTS} - 5 THEN now() - ({POSTS} - n) * interval '500 days' / {POSTS}
              END,
              now() - ({POSTS} - n) * interval '500 days' / {POSTS}, true
         FROM generate_series(1, {POSTS}) AS n
         JOIN users AS owner ON owner.id = CASE WHEN n % 100 = 0 THEN 1 + n / 100 % 20 ELSE 1 END
         JOIN oauth_accounts AS account ON account.user_id = owner.id
              AND (account.provider = 'tiktok') = (n % 3 > 0)""",
    """INSERT INTO tiktok_posts (user_id, oauth_account_id, ledger_id, publish_id, status, source,
         mode, created_at)
       SELECT user_id, oauth_account_id, id, 'p' || id, 'PUBLISH_COMPLETE', 'FILE_UPLOAD',
              'DIRECT', created_at
         FROM posts WHERE provider = 'tiktok' AND state = 'PUBLISHED'""",
    """INSERT INTO post_parts (post_id, position, role, handle, made_at)
       SELECT id, 0, 'video', 'c' || id, created_at FROM posts WHERE provider = 'instagram'""",
)

NOW = datetime.now(UTC)
MIDDLE = ListPosition(POSTS // 2, NOW - timedelta(days=250))
LAST = ListPosition(30, NOW - timedelta(days=499))
FILTERS = {
    "none": PostFilter(),
    **{f"shown as {name}": PostFilter(displays=(name,)) for name in DISPLAY_STATES},
    "two states": PostFilter(displays=("FAILED", "PUBLISHED")),
    "state": PostFilter(state="CANCELLED"),
    "platform": PostFilter(provider="instagram", kinds=("REELS", "IMAGE", "STORIES", "CAROUSEL")),
    "kind": PostFilter(kinds=("STORIES",)),
    "account": PostFilter(account_id=1),
    "account of another": PostFilter(account_id=10),
    "days": PostFilter(
        publish_since=NOW - timedelta(days=300), publish_until=NOW - timedelta(days=299)
    ),
    "rare word": PostFilter(words="glaze 1777"),
    "word of all": PostFilter(words="cla"),
    "no such word": PostFilter(words="porcelain"),
    "rare word and state": PostFilter(words="1777", displays=("FAILED",)),
}
PARTS = {
    "first page": ListPart(limit=26),
    "first page by time": ListPart(limit=26, is_by_time=True),
    "page in the middle": ListPart(limit=26, before=MIDDLE),
    "last page": ListPart(limit=26, before=LAST),
    "last page by time": ListPart(limit=26, before=LAST, is_by_time=True),
    "page before the last": ListPart(limit=26, after=LAST, is_by_time=True),
}
BY_ID_PARTS = {name for name, part in PARTS.items() if not part.is_by_time}


@pytest.fixture(scope="module")
def history_url(server_addresses, migrated_template):
    with server_addresses.temporary_database(migrated_template) as url:
        for statement in INSERT_HISTORY:
            run_sql(url, statement)
        database = Database(url)
        merge_post_counts(database)
        database.dispose()
        run_sql(url, "VACUUM ANALYZE")
        yield url


def count_rows_read(url, action):
    """The largest number of rows that a step of the plan of a statement of `action` read."""
    engine, statements = create_engine(url), []
    with Session(engine) as session:
        listener = lambda *args: statements.append(args[2:4])  # noqa: E731 - needed to remove it
        event.listen(engine, "before_cursor_execute", listener)
        action(session)
        event.remove(engine, "before_cursor_execute", listener)
        session.rollback()
    most = 0
    with engine.connect() as connection:
        for statement, values in statements:
            explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
            ((plan,),) = connection.exec_driver_sql(explain, values).scalars().all()
            most = max(most, count_plan_rows(plan["Plan"]))
    engine.dispose()
    return most


def count_plan_rows(plan):
    read = plan["Actual Rows"] + sum(
        plan.get(f"Rows Removed by {cause}", 0) for cause in ("Filter", "Index Recheck")
    )
    children = [count_plan_rows(child) for child in plan.get("Plans", ())]
    return max([read * plan["Actual Loops"], *children])


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("post_filter", FILTERS)
def test_a_page_reads_few_rows(history_url, post_filter, part):
    if post_filter == "days" and part in BY_ID_PARTS:
        pytest.skip("a list of days is sorted by time")

    def read_page(session):
        PostQueries(session).list_part(FILTERS[post_filter], PARTS[part], user_id=1)

    assert count_rows_read(history_url, read_page) <= MAX_ROWS


@pytest.mark.parametrize("provider", [None, "tiktok"])
def test_the_numbers_of_the_home_page_read_few_rows(history_url, provider):
    def count_posts(session):
        PostQueries(session).stats(user_id=1, provider=provider)

    assert count_rows_read(history_url, count_posts) < POSTS / 2


def test_counts_up_to_a_limit_read_no_more(history_url):
    def count_some(session):
        PostQueries(session).count_up_to(PostFilter(displays=("PUBLISHED",)), user_id=1, limit=100)

    assert count_rows_read(history_url, count_some) <= MAX_ROWS


DAY = timedelta(days=1)
USAGE_RULES = (
    UsageRule("tiktok", "direct", Counted.SLOTS, ("DIRECT_VIDEO",), DAY),
    UsageRule("tiktok", "pending", Counted.PENDING_SLOTS, ("DIRECT_VIDEO",), DAY),
    UsageRule("tiktok", "starts", Counted.STARTS, (), DAY),
    UsageRule("instagram", "posts", Counted.POSTS, ("REELS",), DAY),
    UsageRule("instagram", "parts", Counted.PARTS, (), DAY),
)
CHANGED_PARTS = (
    "UPDATE post_parts SET tries = 2 WHERE post_id % 5 = 0",
    """UPDATE post_parts SET handle = NULL, made_at = NULL
         FROM posts WHERE posts.id = post_id AND posts.state = 'QUEUED'""",
)
OWN_ACCOUNTS = {"tiktok": (1, 3, 5), "instagram": (2, 4)}


def usage_of_account(session, account_id=2):
    post = Post(id=0, provider="instagram", oauth_account_id=account_id, destination_id=None)
    return DestinationUsage(session, post)


QUOTA_COUNTS = {
    "slots": lambda session: QuotaSlots(session).count_slots(
        1, ["DIRECT_VIDEO"], while_pending=False
    ),
    "pending": lambda session: QuotaSlots(session).count_slots(
        1, ["DIRECT_VIDEO"], while_pending=True
    ),
    "starts": lambda session: QuotaSlots(session).count_starts(1, within=timedelta(minutes=1)),
    "accounts": lambda session: QuotaSlots(session).list_posting_accounts(["DIRECT_VIDEO"]),
    "posts": lambda session: usage_of_account(session).count_posts(
        ["REELS"], window=timedelta(days=1)
    ),
    "parts": lambda session: usage_of_account(session).count_parts(window=timedelta(days=1)),
    "several accounts": lambda session: count_usage(session, USAGE_RULES, OWN_ACCOUNTS),
}


@pytest.mark.parametrize("count", QUOTA_COUNTS)
def test_a_quota_is_counted_from_few_rows(history_url, count):
    assert count_rows_read(history_url, QUOTA_COUNTS[count]) <= MAX_ROWS


def test_several_accounts_are_counted_as_each_of_them(history_url):
    engine = create_engine(history_url)
    with Session(engine) as session:
        for statement in CHANGED_PARTS:
            session.execute(text(statement))
        counted = count_usage(session, USAGE_RULES, OWN_ACCOUNTS)
        slots = QuotaSlots(session)
        kinds = ["DIRECT_VIDEO"]
        expected = {
            **{
                ("direct", account): slots.count_slots(account, kinds, while_pending=False)
                for account in (1, 3, 5)
            },
            **{
                ("pending", account): slots.count_slots(account, kinds, while_pending=True)
                for account in (1, 3, 5)
            },
            **{
                ("starts", account): slots.count_starts(account, within=DAY)
                for account in (1, 3, 5)
            },
            **{
                ("posts", account): usage_of_account(session, account).count_posts(
                    ["REELS"], window=DAY
                )
                for account in (2, 4)
            },
            **{
                ("parts", account): usage_of_account(session, account).count_parts(window=DAY)
                for account in (2, 4)
            },
        }
        session.rollback()
    engine.dispose()
    assert {
        (key.rule_name, key.account_id): (usage.count, usage.oldest)
        for key, usage in counted.items()
    } == {key: (usage.count, usage.oldest) for key, usage in expected.items() if usage.count}
    assert {name for (name, _), usage in expected.items() if usage.count} >= {
        "direct",
        "starts",
        "posts",
        "parts",
    }


def test_a_count_of_all_posts_is_seen_to_read_them(history_url):
    """Negative control: the measurement finds a statement that reads every row."""

    def count_all(session):
        session.execute(text("SELECT count(*) FROM posts WHERE user_id = 1"))

    assert count_rows_read(history_url, count_all) > POSTS / 2


def test_the_counts_of_this_history_are_right(history_url):
    engine = create_engine(history_url)
    with Session(engine) as session:
        counted = PostDays(session).count_by_state(1)
    engine.dispose()
    query = "SELECT state, count(*) AS n FROM posts WHERE user_id = 1 GROUP BY 1"
    assert counted == dict(map(tuple, run_sql(history_url, query)))


@pytest.mark.parametrize("post_filter", [CalendarFilter(), CalendarFilter(states=("QUEUED",))])
@pytest.mark.parametrize("days", [0, 250, 499])
def test_a_month_of_the_calendar_reads_few_rows(history_url, post_filter, days):
    since = NOW - timedelta(days=days)

    def read_month(session):
        CalendarPosts(session).list_between(
            since, since + timedelta(days=42), post_filter, user_id=1, limit=401
        )

    assert count_rows_read(history_url, read_month) <= MAX_ROWS
