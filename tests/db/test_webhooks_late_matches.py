"""Late matches: a webhook names the publish_id of a post found in the public video list."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, func, text

from db.posts.posts import Post
from db.records.tiktok_posts import TikTokPosts
from db.records.tiktok_projection import PUBLIC_IDS_KEY, add_details
from tests.db.webhooks_harness import publish_event
from tests.support.tiktok_webhooks import CREATOR

HOUR = timedelta(hours=1)
VIDEO_ID = "7602997517160123666"


@pytest.fixture
def account_id(webhook_harness):
    return webhook_harness.create_account(open_id=CREATOR)


def create_listed_post(webhook_harness, account_id, video_id=VIDEO_ID, **columns):
    """Create a post as `reconcile` leaves it: published, with a video id and no publish_id."""
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
    """Create the TikTok row of a publication whose post no longer exists."""
    with webhook_harness.database.transaction() as session:
        row = session.get_one(Post, post_id)
        row.publish_id = publish_id
        TikTokPosts(session).create(row)
        session.flush()
        tiktok_row = TikTokPosts(session).get_by_post(post_id)
        add_details(tiktok_row, {PUBLIC_IDS_KEY: list(ids)})
        tiktok_row.post_id = None
        row.publish_id = None


def event_statuses(webhook_harness, events):
    return [webhook_harness.load_event(event_id).status for event_id in events]


def test_an_availability_event_gives_the_post_its_publish_id(webhook_harness, account_id):
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["done"]
    row = webhook_harness.post(post)
    assert (row.state, row.publish_id, row.due_at) == ("PUBLISHED", "v_pub~1", None)
    tiktok_row = webhook_harness.tiktok_post(post)
    assert (tiktok_row.publish_id, tiktok_row.status) == ("v_pub~1", "PUBLISH_COMPLETE")
    assert tiktok_row.details[PUBLIC_IDS_KEY] == [VIDEO_ID]
    assert (tiktok_row.publicly_available, tiktok_row.completed_at is None) == (True, False)
    assert webhook_harness.timeline(post) == [("found", None)]


@pytest.mark.parametrize("batch", [200, 1], ids=["one batch", "single events"])
def test_all_events_of_the_publication_apply_to_the_matched_post(
    webhook_harness, account_id, batch
):
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(
        completion_event(webhook_harness, account_id),
        availability_event(webhook_harness, account_id),
    )
    for _ in range(2):
        # The event that is processed before the match waits for a retry.
        webhook_harness.update_events(*events, due_at=func.now())
        webhook_harness.process_events(batch_size=batch)
        webhook_harness.process_events(batch_size=batch)
    events += webhook_harness.store_envelopes(
        availability_event(webhook_harness, account_id, name="no_longer_publicaly_available")
    )
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["done"] * 3
    assert webhook_harness.tiktok_post(post).publicly_available is False
    assert [kind for kind, _ in webhook_harness.timeline(post)].count("found") == 1


def test_a_late_match_in_a_batch_with_other_publications(webhook_harness, account_id):
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
    ids=["another video", "not published", "has a publish_id"],
)
def test_a_post_the_event_does_not_match_is_left_alone(webhook_harness, account_id, columns):
    post = create_listed_post(webhook_harness, account_id, **columns)
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert webhook_harness.post(post).publish_id == columns.get("publish_id")


def test_a_post_of_another_account_is_not_matched(webhook_harness, account_id):
    post = create_listed_post(webhook_harness, webhook_harness.create_account())
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert webhook_harness.post(post).publish_id is None


@pytest.mark.parametrize(
    ("publish_id", "ids"),
    [("v_pub~1", ()), ("v_pub~0", (VIDEO_ID,))],
    ids=["same publish_id", "same video"],
)
def test_ids_of_another_publication_are_not_taken_over(
    webhook_harness, account_id, publish_id, ids
):
    other = webhook_harness.create_post(account_id, state="FAILED", due_at=None)
    create_orphan_record(webhook_harness, other, publish_id, ids)
    post = create_listed_post(webhook_harness, account_id)
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert webhook_harness.post(post).publish_id is None


def test_two_publications_that_fit_one_post_are_not_matched(webhook_harness, account_id):
    post = create_listed_post(webhook_harness, account_id)
    publish_ids = ("v_pub~1", "v_pub~2")
    events = webhook_harness.store_envelopes(
        *(availability_event(webhook_harness, account_id, publish_id) for publish_id in publish_ids)
    )
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending", "pending"]
    assert webhook_harness.post(post).publish_id is None


def test_two_posts_that_fit_one_publication_are_not_matched(webhook_harness, account_id):
    posts = [create_listed_post(webhook_harness, account_id) for _ in range(2)]
    events = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    webhook_harness.process_events()
    assert event_statuses(webhook_harness, events) == ["pending"]
    assert {webhook_harness.post(post).publish_id for post in posts} == {None}


@pytest.mark.parametrize("table", ["posts", "oauth_accounts"])
def test_matching_does_not_wait_for_a_locked_post_or_account(webhook_harness, account_id, table):
    post = create_listed_post(webhook_harness, account_id)
    other = webhook_harness.create_account()
    known = webhook_harness.create_publication(other, "v_pub~0")
    (late,) = webhook_harness.store_envelopes(availability_event(webhook_harness, account_id))
    of_other = {"user_openid": webhook_harness.open_id(other)}
    webhook_harness.store_envelopes(publish_event("complete", "v_pub~0", **of_other))
    row = {"posts": post, "oauth_accounts": account_id}[table]
    with webhook_harness.database.transaction() as session:
        session.execute(text(f"SELECT 1 FROM {table} WHERE id = {row} FOR UPDATE"))
        webhook_harness.process_events()
        assert webhook_harness.load_event(late).status == "pending"
        assert webhook_harness.post(known).state == "PUBLISHED"
    webhook_harness.update_events(late, due_at=func.now())
    webhook_harness.process_events()
    assert webhook_harness.load_event(late).status == "done"
    assert webhook_harness.post(post).publish_id == "v_pub~1"


def count_match_queries(webhook_harness):
    """Process a batch; return how many of its statements look for posts to match."""
    matches = []

    def count(_connection, _cursor, statement, *_):
        matches.append("FOR KEY SHARE OF oauth_accounts SKIP LOCKED" in statement)

    event.listen(webhook_harness.database._engine, "before_cursor_execute", count)
    try:
        webhook_harness.process_events()
    finally:
        event.remove(webhook_harness.database._engine, "before_cursor_execute", count)
    return matches.count(True)


def test_one_match_query_per_batch_and_none_if_every_publication_is_known(
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
                webhook_harness, account_id, f"unknown~{number}", video_id=f"1{number}"
            )
        )
    assert count_match_queries(webhook_harness) == 1


def test_the_age_of_an_unknown_publication_is_measured_with_the_databases_clock(
    webhook_harness, account_id
):
    true_time = webhook_harness.services.now
    for skew, age in ((3 * HOUR, 23 * HOUR), (-3 * HOUR, 25 * HOUR)):
        webhook_harness.services = replace(
            webhook_harness.services, now=lambda skew=skew: true_time() + skew
        )
        (late,) = webhook_harness.store_envelopes(
            availability_event(webhook_harness, account_id, f"v_pub~{age}")
        )
        webhook_harness.update_events(late, created_at=func.now() - age)
        webhook_harness.process_events()
        assert (webhook_harness.load_event(late).status == "dead") is (age > 24 * HOUR)
