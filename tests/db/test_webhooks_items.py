"""Events about the posts of accounts: each comment, mention and metric changes its row once."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import insert, select, text, update

from core.jobs.runner import run_jobs
from core.webhooks.process import WEBHOOK_JOB_TYPE
from db.identity.notifications import Notification
from db.insights.schedule import SamplingSchedule
from db.records.instagram_mentions import IgMention
from db.records.instagram_tables import IgComment
from db.webhooks.events import Event
from tests.support.instagram_webhooks import (
    SENT_AT,
    InstagramWebhookHarness,
    comment_change,
    mention_change,
    story_change,
)
from tests.support.job_types import with_changes
from tests.support.row_factory import make_services

MEDIA = "18000000000000001"


@pytest.fixture
def events(database, database_url):
    """Applies deliveries of Meta, without a platform that could be asked."""
    services = make_services(database_url, "http://127.0.0.1:9")
    return InstagramWebhookHarness(database, services.key_ring, services)


@pytest.fixture
def bakery(events):
    return events.create_destination()


def statuses(rows):
    return [(row.status, row.last_error) for row in rows]


def add_schedule(events, destination):
    """The account is sampled, and nothing is due for a while."""
    with events.database.transaction() as session:
        session.execute(
            text(
                "INSERT INTO watches (oauth_account_id, destination_id, due_at, list_due_at)"
                " VALUES (:login, :row, now() + interval '1 hour', now() + interval '1 hour')"
            ),
            {"login": destination.oauth_account_id, "row": destination.id},
        )


def is_listing_due(events):
    (schedule,) = events.all(select(SamplingSchedule))
    with events.database.transaction() as session:
        now = session.scalar(text("SELECT now()"))
    return schedule.due_at <= now and schedule.list_due_at <= now


def test_a_comment_is_stored_with_what_the_event_says(events, bakery):
    media_id = events.create_media(bakery, MEDIA)
    rows = events.apply_changes(bakery.ig_business_id, comment_change("1790", parent_id="1789"))
    assert statuses(rows) == [("done", None)]
    (comment,) = events.comments()
    assert (comment.ig_id, comment.ig_media_id, comment.text) == ("1790", media_id, "So good")
    assert (comment.from_id, comment.from_user) == ("77001", "user77001")
    assert (comment.parent_ig_id, comment.hidden, comment.is_own) == ("1789", False, False)


def test_media_that_are_not_known_become_a_row_and_a_listing_is_due(events, bakery):
    add_schedule(events, bakery)
    assert not is_listing_due(events)
    events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    media = events.media(MEDIA)
    assert (media.instagram_account_id, media.timestamp) == (bakery.id, None)
    assert media.insights_due_at is not None
    assert is_listing_due(events)


def test_known_media_need_no_listing(events, bakery):
    add_schedule(events, bakery)
    events.create_media(bakery, MEDIA)
    events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    assert not is_listing_due(events)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "disordered"])
@pytest.mark.parametrize("together", [True, False], ids=["together", "apart"])
def test_the_newest_state_of_a_comment_wins_in_any_order(events, bakery, order, together):
    changes = [
        (comment_change("1790", text="first"), SENT_AT),
        (comment_change("1790", text="edited", hidden=True, author=None), SENT_AT + 60),
    ]
    for number in order:
        change, time = changes[number]
        events.store_changes(bakery.ig_business_id, change, time=time)
        if not together:
            events.process_events()
    events.process_events()
    (comment,) = events.comments()
    assert (comment.text, comment.hidden, comment.from_id) == ("edited", True, "77001")


def test_the_same_delivery_once_more_changes_nothing(events, bakery):
    first = events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    again = events.apply_changes(bakery.ig_business_id, comment_change("1790"), time=SENT_AT + 999)
    assert [row.id for row in first] == [row.id for row in again]
    assert len(events.comments()) == 1


def test_an_event_does_not_bring_a_deleted_comment_back(events, bakery):
    events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    with events.database.transaction() as session:
        session.execute(text("UPDATE ig_comments SET deleted_at = now()"))
    events.apply_changes(
        bakery.ig_business_id, comment_change("1790", text="edited"), time=SENT_AT + 60
    )
    (comment,) = events.comments()
    assert (comment.text, comment.deleted_at is not None) == ("edited", True)


def test_a_comment_without_its_media_is_found_by_its_row_or_its_parent(events, bakery):
    media_id = events.create_media(bakery, MEDIA)
    events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    events.apply_changes(
        bakery.ig_business_id,
        comment_change("1790", media=None, text="edited"),
        comment_change("1791", media=None, parent_id="1790"),
        time=SENT_AT + 60,
    )
    found = [(row.ig_id, row.ig_media_id, row.text) for row in events.comments()]
    assert found == [("1790", media_id, "edited"), ("1791", media_id, "So good")]


def test_a_comment_whose_media_nobody_knows_makes_a_listing_due(events, bakery):
    add_schedule(events, bakery)
    rows = events.apply_changes(bakery.ig_business_id, comment_change("1790", media=None))
    assert statuses(rows) == [("done", None)]
    assert events.comments() == []
    assert is_listing_due(events)


def test_host_applications_get_an_event_for_a_new_comment_once(events, bakery):
    events.create_endpoint(bakery.user_id)
    events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    events.apply_changes(
        bakery.ig_business_id, comment_change("1790", text="edited"), time=SENT_AT + 60
    )
    (message,) = events.messages()
    (comment,) = events.comments()
    assert message["type"] == "comment.received"
    assert message["data"] == {
        "comment_id": comment.id,
        "platform_comment_id": "1790",
        "parent_platform_comment_id": None,
        "post_id": None,
        "platform_post_id": MEDIA,
        "account_id": bakery.oauth_account_id,
        "destination_id": bakery.id,
        "platform": "instagram",
        "author": {"id": "77001", "name": "user77001"},
        "text": "So good",
        "written_at": None,
        "sequence": 1,
    }


def test_an_endpoint_that_wants_other_events_gets_no_comments(events, bakery):
    events.create_endpoint(bakery.user_id, "post.published")
    events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    assert events.messages() == []


@pytest.mark.parametrize("hint", ["id", "name", "stored before"])
def test_our_own_comments_are_marked_and_nobody_is_notified(events, bakery, hint):
    events.create_endpoint(bakery.user_id)
    media_id = events.create_media(bakery, MEDIA)
    change = comment_change("1790")
    if hint == "id":
        change = comment_change("1790", author=bakery.ig_business_id)
    elif hint == "name":
        change["value"]["from"] = {"id": "555", "username": bakery.username.upper()}
    else:
        with events.database.transaction() as session:
            session.execute(
                insert(IgComment).values(ig_media_id=media_id, ig_id="1790", is_own=True)
            )
    rows = events.apply_changes(bakery.ig_business_id, change)
    assert statuses(rows) == [("done", None)]
    (comment,) = events.comments()
    assert comment.is_own
    assert events.messages() == []
    assert events.load_notifications(bakery.user_id) == []


def test_a_thousand_comments_are_one_notification(events, bakery):
    changes = [comment_change(f"179{number:04}") for number in range(1000)]
    events.store_changes(bakery.ig_business_id, *changes)
    while events.process_events().claimed:
        pass
    assert len(events.comments()) == 1000
    (notification,) = events.load_notifications(bakery.user_id)
    assert notification.kind == "new_comments"
    assert notification.payload["name"] == bakery.username
    assert notification.payload["subject"] == f"account:{bakery.oauth_account_id}"


def test_two_workers_at_once_store_each_comment_once(events):
    accounts = [events.create_destination() for _ in range(4)]
    for account in accounts:
        events.create_endpoint(account.user_id)
    for number in range(100):  # the same comments several times, edited, in one backlog
        for account in accounts:
            events.store_changes(
                account.ig_business_id,
                comment_change(
                    f"{account.id}79{number % 20}", media=f"{account.id}80", text=f"v{number}"
                ),
                time=SENT_AT + number,
            )
    job_type = with_changes(WEBHOOK_JOB_TYPE, batch_size=25)

    def run_until_empty(_worker):
        while run_jobs(job_type, events.database, events.services).claimed:
            pass

    with ThreadPoolExecutor(3) as workers:
        list(workers.map(run_until_empty, range(3)))
    events.process_events()
    assert events.all(select(Event.status).distinct()) == ["done"]
    assert sorted(row.text for row in events.comments()) == sorted(
        4 * [f"v{number}" for number in range(80, 100)]
    )
    assert len(events.messages()) == 80
    assert len(events.all(select(Notification))) == 4


def test_a_mention_is_due_to_be_fetched_and_notified_once(events, bakery):
    add_schedule(events, bakery)
    events.create_endpoint(bakery.user_id, "mention.received")
    rows = events.apply_changes(
        bakery.ig_business_id, mention_change("18055"), mention_change("18055", "1799")
    )
    assert statuses(rows) == [("done", None)] * 2
    mentions = events.all(select(IgMention).order_by(IgMention.comment_ig_id))
    assert [(row.media_ig_id, row.comment_ig_id) for row in mentions] == [
        ("18055", ""),
        ("18055", "1799"),
    ]
    assert all(row.due_at is not None for row in mentions)
    (schedule,) = events.all(select(SamplingSchedule))
    assert schedule.due_at <= mentions[0].created_at
    data = [message["data"] for message in events.messages()]
    assert [item["platform_comment_id"] for item in data] == [None, "1799"]
    assert [item["mention_id"] for item in data] == [row.id for row in mentions]
    (notification,) = events.load_notifications(bakery.user_id)
    assert notification.kind == "mention"


def test_the_metrics_of_a_story_are_merged_and_the_last_ones_win(events, bakery):
    events.create_media(bakery, MEDIA, metrics_json={"views": 9, "reach": 1})
    account = bakery.ig_business_id
    events.apply_changes(account, story_change(MEDIA, reach=44, exits=0), time=SENT_AT + 60)
    events.apply_changes(account, story_change(MEDIA, reach=3, replies=None, navigation=7))
    media = events.media(MEDIA)
    assert media.metrics_json == {"views": 9, "reach": 44, "exits": 0, "navigation": 7}
    with events.database.transaction() as session:
        values = session.execute(
            text(
                "SELECT subject_type, subject_id, metric, value::int FROM metric_snapshots"
                " ORDER BY id"
            )
        ).all()
    assert ("media", media.id, "exits", 0) in values
    assert "replies" not in {row.metric for row in values}


def test_a_change_without_a_value_makes_a_listing_due(events, bakery):
    add_schedule(events, bakery)
    entry = {"id": bakery.ig_business_id, "time": SENT_AT, "changed_fields": ["media"]}
    events.store_body({"object": "instagram", "entry": [entry]})
    events.process_events()
    assert is_listing_due(events)


def test_events_of_accounts_that_are_not_connected_are_ignored_with_a_reason(events, bakery):
    login = events.create_login(disconnected_at=text("now()"), status="DISCONNECTED")
    gone = events.create_destination(login, disconnected_at=text("now()"))
    unchosen = events.create_destination(selected=False)
    for account_id in ("17840000000000000", gone.ig_business_id, unchosen.ig_business_id):
        rows = events.apply_changes(
            account_id,
            comment_change(f"1{account_id}"),
            mention_change("18055"),
            story_change("18056", reach=4),
        )
        assert statuses(rows) == [("ignored", "no connected account has this id")] * 3
    assert events.comments() == []
    assert events.all(select(IgMention)) == []


def test_a_comment_on_media_of_another_user_is_ignored_with_a_reason(events, bakery):
    other_destination = events.create_destination()
    events.create_media(other_destination, MEDIA)
    rows = events.apply_changes(bakery.ig_business_id, comment_change("1790"))
    assert statuses(rows) == [("ignored", "the post belongs to the account of another user")]
    assert events.comments() == []


def test_messages_are_kept_without_being_due(events, bakery):
    entry = {
        "id": bakery.ig_business_id,
        "time": SENT_AT,
        "messaging": [{"sender": {"id": "1"}, "message": {"mid": "m1", "text": "hi"}}],
    }
    events.store_body({"object": "instagram", "entry": [entry]})
    assert events.process_events().claimed == 0
    (row,) = events.all(text("SELECT event_type || ' ' || status FROM webhook_events"))
    assert row == "message.received ignored"


def test_an_event_with_a_fault_does_not_hold_up_the_others(events, bakery):
    ids = events.store_changes(
        bakery.ig_business_id, *(comment_change(f"179{number}") for number in range(5))
    )
    with events.database.transaction() as session:
        session.execute(update(Event).where(Event.id == ids[2]).values(parsed={"comment": 7}))
    events.process_events()
    assert len(events.comments()) == 4
