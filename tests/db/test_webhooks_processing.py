"""Stored webhook events are applied: each once, in any order, effect and mark in one commit."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier, Thread

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.event import listen, remove

from core.backoff import RetryPolicy, seconds
from core.webhooks import process_batch, replay_events
from core.webhooks.process import WEBHOOK_JOB_TYPE
from db.posts.posts import Post
from db.records.post_records import list_webhook_reports
from db.webhooks.events import EventFilter
from tests.db.schema_catalog import run_sql
from tests.db.webhooks_harness import publish_event
from tests.flows.brokers import wait_until
from tests.support.row_factory import make_services
from tests.support.tiktok_webhooks import CREATOR, build_envelope

HOUR = timedelta(hours=1)
IMMEDIATE_RETRIES = RetryPolicy(seconds(*[0.0] * len(WEBHOOK_JOB_TYPE.retry_policy.delays)))


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account(open_id=CREATOR)


def test_an_update_and_its_mark_are_one_commit(webhook_harness, account_id):
    post = webhook_harness.create_publication(account_id)
    (event,) = webhook_harness.store_envelopes(publish_event("complete"))
    report = webhook_harness.process_events()
    assert (report.claimed, report.recorded) == (1, 1)
    assert (webhook_harness.post(post).state, webhook_harness.post(post).step) == (
        "PUBLISHED",
        "PUBLISHED",
    )
    assert webhook_harness.tiktok_post(post).status == "PUBLISH_COMPLETE"
    assert "webhook_received_at" in webhook_harness.tiktok_post(post).details
    row = webhook_harness.load_event(event)
    assert (row.status, row.attempts, row.last_error, row.due_at) == ("done", 1, None, None)
    assert row.processed_at is not None
    assert row.leased_until is None
    with webhook_harness.database.transaction() as session:
        writers = text(
            "SELECT DISTINCT xmin::text FROM webhook_events WHERE status = 'done'"
            " UNION SELECT xmin::text FROM posts"
        )
        assert len(session.execute(writers).all()) == 1


def test_the_record_keeps_when_each_webhook_was_received_and_whether_it_was_news(
    webhook_harness, account_id
):
    post = webhook_harness.create_publication(account_id)
    first, second = webhook_harness.store_envelopes(
        publish_event("complete"), publish_event("complete", create_time=1_800_000_000)
    )
    webhook_harness.process_events()
    replay_events(webhook_harness.database, EventFilter(ids=[first]))
    webhook_harness.process_events()
    reports = list_webhook_reports("tiktok", webhook_harness.tiktok_post(post))
    rows = [webhook_harness.load_event(event) for event in (first, second)]
    assert [report.received_at for report in reports] == [row.created_at for row in rows]
    assert [report.occurred_at.timestamp() for report in reports] == [1_770_210_873, 1_800_000_000]
    assert [(report.status, report.is_news) for report in reports] == [
        ("PUBLISH_COMPLETE", True),
        ("PUBLISH_COMPLETE", False),
    ]


def test_a_done_event_is_never_claimed_again(webhook_harness, account_id):
    webhook_harness.create_publication(account_id)
    webhook_harness.store_envelopes(publish_event("complete"))
    webhook_harness.process_events()
    assert webhook_harness.process_events().claimed == 0


@pytest.mark.parametrize(
    ("event", "state", "error"),
    [
        (publish_event("failed", content={"reason": "internal"}), "FAILED", "internal"),
        (
            publish_event("failed", content={"reason": "publish_cancelled"}),
            "CANCELLED",
            "publish_cancelled",
        ),
        (publish_event("inbox_delivered"), "PUBLISHED", None),
    ],
    ids=["failed", "cancelled", "delivered"],
)
def test_each_final_event_sets_the_state_of_the_post(
    webhook_harness, account_id, event, state, error
):
    post = webhook_harness.create_publication(account_id)
    webhook_harness.store_envelopes(event)
    webhook_harness.process_events()
    assert (webhook_harness.post(post).state, webhook_harness.post(post).error_code) == (
        state,
        error,
    )


PUBLISH_EVENTS = [
    publish_event("inbox_delivered"),
    publish_event("complete"),
    publish_event("publicly_available", content={"post_id": "77"}),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("batch", [200, 1], ids=["together", "apart"])
def test_any_order_of_arrival_ends_the_same(webhook_harness, account_id, order, batch):
    post = webhook_harness.create_publication(account_id)
    webhook_harness.store_envelopes(*(PUBLISH_EVENTS[number] for number in order))
    for _ in range(3):
        webhook_harness.process_events(batch_size=batch)
    assert webhook_harness.post(post).state == "PUBLISHED"
    assert webhook_harness.post(post).platform_post_id == "77"
    tiktok_row = webhook_harness.tiktok_post(post)
    assert (tiktok_row.status, tiktok_row.publicly_available) == ("PUBLISH_COMPLETE", True)
    assert tiktok_row.details["publicaly_available_post_id"] == ["77"]


def test_a_draft_event_after_publication_does_not_change_the_post(webhook_harness, account_id):
    post = webhook_harness.create_publication(account_id)
    webhook_harness.store_envelopes(publish_event("complete"))
    webhook_harness.process_events()
    before = webhook_harness.timeline(post)
    webhook_harness.store_envelopes(publish_event("inbox_delivered"))
    webhook_harness.process_events()
    assert webhook_harness.post(post).state == "PUBLISHED"
    assert webhook_harness.post(post).step == "PUBLISHED"
    assert webhook_harness.timeline(post) == before


def test_an_event_brings_the_next_poll_forward(webhook_harness, account_id):
    post = webhook_harness.create_publication(
        account_id, state="SENDING", step="RECEIVING", due_at=func.now() + HOUR
    )
    # Without a post id yet: the post is published all the same.
    webhook_harness.store_envelopes(publish_event("publicly_available"))
    webhook_harness.process_events()
    assert webhook_harness.post(post).state == "PUBLISHED"
    contradicted = webhook_harness.create_publication(
        account_id, "v_pub~2", state="FAILED", step="FAILED"
    )
    webhook_harness.store_envelopes(publish_event("complete", "v_pub~2"))
    webhook_harness.process_events()
    assert webhook_harness.post(contradicted).state == "FAILED"
    assert webhook_harness.post(contradicted).due_at is not None


def test_an_event_for_an_unknown_publication_is_applied_once_its_post_exists(
    webhook_harness, account_id
):
    (event,) = webhook_harness.store_envelopes(publish_event("complete"))
    webhook_harness.process_events()
    row = webhook_harness.load_event(event)
    assert (row.status, row.processed_at, row.attempts) == ("pending", None, 1)
    assert row.last_error.startswith("unknown_publication")
    assert row.due_at is not None
    post = webhook_harness.create_publication(account_id)
    webhook_harness.update_events(event, due_at=func.now())
    webhook_harness.process_events()
    assert webhook_harness.post(post).state == "PUBLISHED"
    assert webhook_harness.load_event(event).status == "done"


def test_an_event_for_an_unknown_publication_is_dead_after_a_day_and_not_before(webhook_harness):
    (event,) = webhook_harness.store_envelopes(
        publish_event("complete"), created_at=func.now() - 23 * HOUR
    )
    for _ in range(WEBHOOK_JOB_TYPE.retry_policy.max_attempts + 1):
        webhook_harness.update_events(event, due_at=func.now())
        webhook_harness.process_events(retry_policy=IMMEDIATE_RETRIES)
    row = webhook_harness.load_event(event)
    assert row.dead_at is None
    assert row.due_at - row.created_at == 24 * HOUR
    webhook_harness.update_events(event, due_at=func.now(), created_at=func.now() - 25 * HOUR)
    webhook_harness.process_events()
    row = webhook_harness.load_event(event)
    assert (row.status, row.due_at, row.processed_at) == ("dead", None, None)
    assert row.dead_at is not None
    assert webhook_harness.process_events().claimed == 0


def test_an_unconfirmed_start_is_due_again_after_an_event_of_its_account(
    webhook_harness, account_id
):
    unconfirmed = webhook_harness.create_post(
        account_id, state="UNCONFIRMED", due_at=func.now() + HOUR
    )
    other = webhook_harness.create_post(
        webhook_harness.create_account(), state="UNCONFIRMED", due_at=func.now() + HOUR
    )
    before = webhook_harness.post(other).due_at
    webhook_harness.store_envelopes(
        publish_event("complete", user_openid=webhook_harness.open_id(account_id))
    )
    webhook_harness.process_events()
    with webhook_harness.database.transaction() as session:
        due = select(Post.id).where(Post.due_at <= func.now())
        assert list(session.scalars(due)) == [unconfirmed]
    assert webhook_harness.post(other).due_at == before


def test_an_event_without_effect_is_never_due(webhook_harness):
    (event,) = webhook_harness.store_envelopes(build_envelope("tiktok.ping"))
    assert webhook_harness.process_events().claimed == 0
    assert webhook_harness.load_event(event).event_type == "tiktok.ping"


def reject_updates_of_title(database_url, title):
    """Make the database refuse any change of a post with this title."""
    run_sql(
        database_url,
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        f" IF NEW.title = '{title}' THEN RAISE 'poison'; END IF; RETURN NEW; END $$;"
        "CREATE TRIGGER refuse BEFORE UPDATE ON posts FOR EACH ROW EXECUTE FUNCTION refuse()",
    )


def test_an_event_that_cannot_be_recorded_does_not_affect_the_others_of_its_batch(
    webhook_harness, account_id, database_url
):
    posts = [
        webhook_harness.create_publication(account_id, f"p{n}", title="poison" if n == 2 else "")
        for n in range(5)
    ]
    reject_updates_of_title(database_url, "poison")
    events = webhook_harness.store_envelopes(
        *(publish_event("complete", f"p{n}") for n in range(5))
    )
    report = webhook_harness.process_events()
    assert (report.recorded, report.failed) == (4, 1)
    assert [webhook_harness.load_event(event).status for event in events].count("done") == 4
    assert webhook_harness.load_event(events[2]).status == "pending"
    assert webhook_harness.load_event(events[2]).attempts == 1
    assert [webhook_harness.post(post).state for post in posts].count("PUBLISHED") == 4


def test_attempts_run_out_and_a_replay_resets_them(webhook_harness, account_id, database_url):
    post = webhook_harness.create_publication(account_id, title="poison")
    reject_updates_of_title(database_url, "poison")
    (event,) = webhook_harness.store_envelopes(publish_event("complete"))
    for _ in range(WEBHOOK_JOB_TYPE.retry_policy.max_attempts + 2):
        if webhook_harness.load_event(event).due_at is not None:
            webhook_harness.update_events(event, due_at=func.now())
        webhook_harness.process_events(retry_policy=IMMEDIATE_RETRIES)
    assert webhook_harness.load_event(event).status == "dead"
    assert webhook_harness.load_event(event).attempts == WEBHOOK_JOB_TYPE.retry_policy.max_attempts
    run_sql(database_url, "DROP TRIGGER refuse ON posts")
    assert replay_events(webhook_harness.database, EventFilter(status="dead")).ids == [event]
    webhook_harness.process_events()
    assert webhook_harness.load_event(event).status == "done"
    assert webhook_harness.post(post).state == "PUBLISHED"


def test_retry_delays_follow_the_policy(webhook_harness, account_id, database_url):
    webhook_harness.create_publication(account_id, title="poison")
    reject_updates_of_title(database_url, "poison")
    webhook_harness.store_envelopes(publish_event("complete"), attempts=2)
    with webhook_harness.database.transaction() as session:
        started_at = session.execute(text("SELECT clock_timestamp()")).scalar_one()
    webhook_harness.process_events()
    with webhook_harness.database.transaction() as session:
        due = text("SELECT next_attempt_at, now() FROM webhook_events")
        next_attempt_at, ended_at = session.execute(due).one()
    assert started_at < next_attempt_at <= ended_at + timedelta(seconds=4)


def test_a_platform_that_is_switched_off_costs_no_attempts(
    webhook_harness, account_id, database_url
):
    (event,) = webhook_harness.store_envelopes(publish_event("complete"))
    webhook_harness.services = make_services(
        database_url, "http://127.0.0.1:9", TIKTOK_CLIENT_SECRET=""
    )
    webhook_harness.process_events()
    row = webhook_harness.load_event(event)
    assert (row.status, row.attempts, row.dead_at) == ("pending", 0, None)


def test_two_workers_never_apply_one_event_twice(webhook_harness, account_id):
    """Counted in the timeline, which has no unique key that could hide a second application."""
    count = 60
    for number in range(count):
        webhook_harness.create_publication(account_id, f"p{number}")
    webhook_harness.store_envelopes(
        *(publish_event("complete", f"p{number}") for number in range(count))
    )
    barrier = Barrier(4)

    def run_worker():
        barrier.wait()
        while webhook_harness.process_events(batch_size=7).claimed:
            pass

    threads = [Thread(target=run_worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with webhook_harness.database.transaction() as session:
        applied = "SELECT post_id, count(*) FROM post_events WHERE kind = 'webhook' GROUP BY 1"
        assert [number for _, number in session.execute(text(applied))] == [1] * count
        assert (
            session.execute(
                text("SELECT count(*) FROM webhook_events WHERE status = 'done'")
            ).scalar_one()
            == count
        )


def test_batches_over_the_same_posts_lock_them_in_one_order(webhook_harness, account_id):
    """A batch that waits for the first post must not have locked the second."""
    first, second = (
        webhook_harness.create_publication(account_id, publish_id) for publish_id in ("p2", "p1")
    )
    with webhook_harness.database.transaction() as session:  # moves the row behind the second
        session.execute(update(Post).where(Post.id == first).values(title="moved"))
    webhook_harness.store_envelopes(
        publish_event("complete", "p2"), publish_event("complete", "p1")
    )
    with ThreadPoolExecutor(1) as threads:
        with webhook_harness.database.transaction() as session:
            lock_post(session, first)
            applied = threads.submit(webhook_harness.process_events)
            wait_until(
                lambda: count_lock_waits(webhook_harness),
                what="the batch waiting for the first post",
            )
            lock_post(session, second)
        assert applied.result().recorded == 2


def lock_post(session, post_id):
    session.execute(select(Post.id).where(Post.id == post_id).with_for_update(nowait=True))


def count_lock_waits(webhook_harness):
    with webhook_harness.database.transaction() as session:
        query = text(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event = 'transactionid'"
        )
        return session.execute(query).scalar_one()


def test_one_manual_run_takes_at_most_its_limit(webhook_harness, account_id):
    webhook_harness.store_envelopes(
        *(publish_event("complete", f"p{number}") for number in range(5))
    )
    assert process_batch(webhook_harness.database, webhook_harness.services, limit=3).claimed == 3


def test_events_are_selected_once_for_a_whole_batch(webhook_harness, account_id):
    """Claim, fence and mark are one statement each, however many events there are."""
    assert count_event_statements(
        webhook_harness, account_id, 5, prefix="p"
    ) == count_event_statements(webhook_harness, account_id, 50, prefix="q")


def count_event_statements(webhook_harness, account_id, count, *, prefix):
    for number in range(count):
        webhook_harness.create_publication(account_id, f"{prefix}{number}")
    webhook_harness.store_envelopes(
        *(publish_event("complete", f"{prefix}{number}") for number in range(count))
    )
    statements = []

    def record_statement(_connection, _cursor, statement, *_):
        if "webhook_events" in statement and not statement.startswith("PREPARE"):
            statements.append(statement)

    engine = webhook_harness.database._engine
    listen(engine, "before_cursor_execute", record_statement)
    assert webhook_harness.process_events().recorded == count
    remove(engine, "before_cursor_execute", record_statement)
    return len(statements)
