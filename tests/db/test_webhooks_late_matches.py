"""Late news of a post that was found in the list of videos: nobody had told its publication."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, text

from core.post_state import transitions
from db.posts.posts import Post
from db.posts.tiktok_posts import TikTokPosts
from tests.db.webhooks_harness import WebhookHarness, publish_event
from tests.support.row_factory import make_services

HOUR = timedelta(hours=1)
VIDEO_ID = "7602997517160123666"


@pytest.fixture
def webhook_harness(database, database_url):
    services = make_services(database_url, "http://127.0.0.1:9")
    return WebhookHarness(database, services.key_ring, services)


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account()


def create_listed_post(webhook_harness, account_id, video_id=VIDEO_ID, **columns):
    """Published by the list's word, as `reconcile` leaves it."""
    defaults = {"state": "PUBLISHED", "step": "PUBLISHED", "kind": "DIRECT_VIDEO", "due_at": None}
    defaults |= {"source": "PULL_FROM_URL", "sent_by": "PLATFORM", "finished_at": func.now()}
    return webhook_harness.create_post(
        account_id, platform_post_id=video_id, **{**defaults, **columns}
    )


def availability_event(
    webhook_harness, account_id, publish_id="v_pub~1", video_id=VIDEO_ID, name="publicly_available"
):
    open_id = webhook_harness.open_id(account_id)
    return publish_event(name, publish_id, user_openid=open_id, content={"post_id": video_id})


def completion_event(webhook_harness, account_id):
    return publish_event("complete", user_openid=webhook_harness.open_id(account_id))


def create_orphan_record(webhook_harness, post_id, publish_id, ids=()):
    """What is known of a publication that no post has any more."""
    with webhook_harness.database.transaction() as session:
        row = session.get_one(Post, post_id)
        row.publish_id = publish_id
        TikTokPosts(session).create(row)
        session.flush()
        record = TikTokPosts(session).get_by_post(post_id)
        transitions.add_details(record, {transitions.PUBLIC_IDS_KEY: list(ids)})
        record.ledger_id, row.publish_id = None, None


def event_statuses(webhook_harness, events):
    return [webhook_harness.load_event(one).status for one in events]


def test_the_event_names_the_post_and_is_done(webhook_harness, account_id):
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["done"]
    found = webhook_harness.post(post)
    assert (found.state, found.publish_id, found.due_at) == ("PUBLISHED", "v_pub~1", None)
    record = webhook_harness.tiktok_post(post)
    assert (record.publish_id, record.status) == ("v_pub~1", "PUBLISH_COMPLETE")
    assert record.details[transitions.PUBLIC_IDS_KEY] == [VIDEO_ID]
    assert (record.publicly_available, record.completed_at is None) == (True, False)
    assert webhook_harness.timeline(post) == [("found", None)]


@pytest.mark.parametrize("batch", [200, 1], ids=["together", "apart"])
def test_all_events_of_the_publication_are_the_posts_from_then_on(
    webhook_harness, account_id, batch
):
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(
        completion_event(webhook_harness, account_id),
        availability_event(webhook_harness, account_id),
    )
    for _ in range(2):
        webhook_harness.update_events(
            *events, due_at=func.now()
        )  # one may have come before anybody knew whose it is
        webhook_harness.process_events(batch_size=batch)
        webhook_harness.process_events(batch_size=batch)
    events += webhook_harness.store_envelopes(
        availability_event(webhook_harness, account_id, name="no_longer_publicaly_available")
    )
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["done"] * 3
    assert webhook_harness.tiktok_post(post).publicly_available is False
    assert [kind for kind, _ in webhook_harness.timeline(post)].count("found") == 1


def test_it_is_recognised_among_posts_that_are_known(webhook_harness, account_id):
    known = webhook_harness.create_publication(account_id, "v_pub~0")
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(
        publish_event("complete", "v_pub~0"),
        availability_event(webhook_harness, account_id),
        publish_event("complete", "v_pub~9"),
    )
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["done", "done", "pending"]
    assert webhook_harness.post(known).state == "PUBLISHED"
    assert webhook_harness.post(post).publish_id == "v_pub~1"


@pytest.mark.parametrize(
    "columns",
    [{"video_id": "8"}, {"state": "UNCONFIRMED"}, {"publish_id": "v_pub~7"}],
    ids=["another video", "not out", "named already"],
)
def test_a_post_the_event_does_not_match_is_left_alone(webhook_harness, account_id, columns):
    post = create_listed_post(webhook_harness, account_id, **columns)
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert webhook_harness.post(post).publish_id == columns.get("publish_id")


def test_nobody_elses_post_is_taken_for_it(webhook_harness, account_id):
    post = create_listed_post(webhook_harness, webhook_harness.create_account())
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert webhook_harness.post(post).publish_id is None


@pytest.mark.parametrize(
    ("name", "ids"), [("v_pub~1", ()), ("v_pub~0", (VIDEO_ID,))], ids=["the name", "the video"]
)
def test_what_another_publication_holds_is_left_to_it(webhook_harness, account_id, name, ids):
    other = webhook_harness.create_post(account_id, state="FAILED", due_at=None)
    create_orphan_record(webhook_harness, other, name, ids)
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert webhook_harness.post(post).publish_id is None


def test_two_publications_for_one_post_are_not_guessed_apart(webhook_harness, account_id):
    post = create_listed_post(webhook_harness, account_id)
    names = ("v_pub~1", "v_pub~2")
    events = webhook_harness.store_envelopes(
        *(availability_event(webhook_harness, account_id, name) for name in names)
    )
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending", "pending"]
    assert webhook_harness.post(post).publish_id is None


def test_two_posts_for_one_publication_are_not_guessed_apart(webhook_harness, account_id):
    posts = [create_listed_post(webhook_harness, account_id) for _ in range(2)]
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert {webhook_harness.post(post).publish_id for post in posts} == {None}


@pytest.mark.parametrize("table", ["posts", "oauth_accounts"])
def test_it_waits_for_nobody_who_holds_the_post_or_its_account(webhook_harness, account_id, table):
    post = create_listed_post(webhook_harness, account_id)
    known = webhook_harness.create_publication(webhook_harness.create_account(), "v_pub~0")
    (late,) = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.store_envelopes(publish_event("complete", "v_pub~0"))
    row = {"posts": post, "oauth_accounts": account_id}[table]
    with webhook_harness.database.transaction() as holder:
        holder.execute(text(f"SELECT 1 FROM {table} WHERE id = {row} FOR UPDATE"))
        webhook_harness.process_events()
        assert webhook_harness.load_event(late).status == "pending"
        assert webhook_harness.post(known).state == "PUBLISHED"
    webhook_harness.update_events(late, due_at=func.now())
    webhook_harness.process_events()
    assert webhook_harness.load_event(late).status == "done"
    assert webhook_harness.post(post).publish_id == "v_pub~1"


def count_match_queries(webhook_harness):
    """How often a batch asks whose accounts' posts its notices may be."""
    matches = []

    def count(_connection, _cursor, statement, *_):
        matches.append("FOR KEY SHARE OF oauth_accounts SKIP LOCKED" in statement)

    event.listen(webhook_harness.database._engine, "before_cursor_execute", count)
    try:
        webhook_harness.process_events()
    finally:
        event.remove(webhook_harness.database._engine, "before_cursor_execute", count)
    return sum(matches)


def test_one_question_a_batch_and_none_where_every_publication_is_known(
    webhook_harness, account_id
):
    for number in range(3):
        webhook_harness.create_publication(account_id, f"known~{number}")
        webhook_harness.store_envelopes(
            availability_event(webhook_harness, account_id, f"known~{number}", video_id=str(number))
        )
    assert count_match_queries(webhook_harness) == 0
    for number in range(3):
        webhook_harness.store_envelopes(
            availability_event(
                webhook_harness, account_id, f"stranger~{number}", video_id=f"1{number}"
            )
        )
    assert count_match_queries(webhook_harness) == 1


def test_the_age_of_an_unknown_publication_is_by_the_databases_clock(webhook_harness, account_id):
    true = webhook_harness.services.now
    for skew, age in ((3 * HOUR, 23 * HOUR), (-3 * HOUR, 25 * HOUR)):
        webhook_harness.services = replace(
            webhook_harness.services, now=lambda skew=skew: true() + skew
        )
        (late,) = webhook_harness.store_envelopes(
            availability_event(webhook_harness, account_id, f"v_pub~{age}")
        )
        webhook_harness.update_events(late, created_at=func.now() - age)
        webhook_harness.process_events()
        assert (webhook_harness.load_event(late).status == "dead") is (age > 24 * HOUR)
