"""Changing a queued post, and the race with a worker that claims it at that moment."""

import threading
from contextlib import suppress
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from core import publishing
from core.errors import Conflict, Invalid, NotFound
from core.publishing import PostChanges
from core.publishing.queries import load_own_post
from db.ops.audit import AuditEntry
from db.posts.posts import POST_QUEUE, Post
from db.posts.timeline import PostEvent

LEASE = timedelta(minutes=5)
WAIT = 30  # seconds until a test gives up
PHOTO_REQUEST = {
    "source": "PULL_FROM_URL",
    "media_type": "PHOTO",
    "title": "Photos",
    "photo_images": ["https://example.com/1.jpg", "https://example.com/2.jpg"],
    "photo_cover_index": 1,
}


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


@pytest.fixture
def post_id(publisher, account):
    """A queued post that is due now."""
    return publisher.request_upload(account.user_id, may_queue=True).post.id


def edit(publisher, account, post_id, **values):
    return publishing.edit_post(
        publisher.database,
        publisher.services,
        post_id,
        PostChanges(frozenset(values), **values),
        user_id=account.user_id,
    )


def tomorrow(publisher):
    return publisher.one(select(func.now())) + timedelta(days=1)


def claim(session):
    return [row.id for row in POST_QUEUE.claim(session, limit=10, lease=LEASE)]


def test_a_moved_post_is_due_at_its_new_time_and_frees_its_slot(publisher, account, post_id):
    new_time = tomorrow(publisher)
    assert publisher.post(post_id).has_slot

    edit(publisher, account, post_id, publish_at=new_time)

    post = publisher.post(post_id)
    assert (post.publish_at, post.due_at, post.has_slot) == (new_time, new_time, False)
    event = publisher.all(select(PostEvent).where(PostEvent.kind == "moved"))[0]
    assert event.note.startswith("now → ")
    entry = publisher.one(select(AuditEntry).where(AuditEntry.action == "post.edited"))
    assert (entry.subject, entry.details) == (f"post:{post_id}", {"fields": ["publish_at"]})


def test_a_post_is_moved_to_now(publisher, account, post_id):
    edit(publisher, account, post_id, publish_at=tomorrow(publisher))
    edit(publisher, account, post_id, publish_at=None)

    with publisher.database.transaction() as session:
        assert claim(session) == [post_id]


def test_a_post_on_hold_stays_on_hold(publisher, account, post_id):
    publisher.update_post(post_id, hold_reason="needs_reconnect", due_at=None)

    edit(publisher, account, post_id, publish_at=tomorrow(publisher))

    post = publisher.post(post_id)
    assert post.due_at is None
    assert post.hold_reason == "needs_reconnect"
    assert post.publish_at is not None


def test_text_and_settings_change_and_the_rest_stays(publisher, account, post_id):
    before = publisher.post(post_id).payload_json

    edit(publisher, account, post_id, title="Another", settings={"disable_duet": True})

    post = publisher.post(post_id)
    assert post.title == "Another"
    assert post.payload_json["video_url"] == before["video_url"]
    assert post.payload_json["settings"] == {**before["settings"], "disable_duet": True}


def test_photos_keep_their_addresses_and_their_cover(publisher, account):
    post_id = publisher.request_upload(account.user_id, PHOTO_REQUEST, may_queue=True).post.id
    before = publisher.post(post_id).payload_json

    edit(publisher, account, post_id, settings={"description": "Where"})

    stored = publisher.post(post_id).payload_json
    assert stored["photo_images"] == before["photo_images"]
    assert stored["photo_cover_index"] == 1
    assert stored["settings"]["description"] == "Where"


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 2201}, "title"),
        ({"settings": {"privacy_level": "EVERYBODY"}}, "settings.privacy_level"),
        ({"settings": {"auto_add_music": True}}, "settings.auto_add_music"),
    ],
)
def test_values_against_the_rules_change_nothing(publisher, account, post_id, values, field):
    with pytest.raises(Invalid) as caught:
        edit(publisher, account, post_id, **values)

    assert set(caught.value.details["fields"]) == {field}
    assert publisher.post(post_id).title == "A video"


@pytest.mark.parametrize("distance", [timedelta(seconds=-1), timedelta(days=91)])
def test_a_time_out_of_range_is_refused(publisher, account, post_id, distance):
    now = publisher.one(select(func.now()))
    with pytest.raises(Invalid) as caught:
        edit(publisher, account, post_id, publish_at=now + distance)

    assert set(caught.value.details["fields"]) == {"publish_at"}


@pytest.mark.parametrize("state", ["SENDING", "PROCESSING", "UNCONFIRMED", "PUBLISHED", "FAILED"])
def test_a_post_that_has_begun_cannot_be_changed(publisher, account, post_id, state):
    publisher.update_post(post_id, state=state)
    with pytest.raises(Conflict) as caught:
        edit(publisher, account, post_id, title="Another")

    assert caught.value.code == "not_editable"


def test_a_post_of_another_user_is_not_found(publisher, account, post_id):
    other = publisher.factory.account(publisher.factory.create_account())
    with pytest.raises(NotFound):
        edit(publisher, other, post_id, title="Another")


def test_a_worker_that_claimed_first_keeps_the_post(publisher, account, post_id):
    errors = []

    def try_to_edit():
        try:
            edit(publisher, account, post_id, publish_at=tomorrow(publisher))
        except Conflict as error:
            errors.append(error.code)

    thread = threading.Thread(target=try_to_edit)
    with publisher.database.transaction() as session:
        assert claim(session) == [post_id]
        thread.start()
        wait_for_a_lock(publisher)
    thread.join(WAIT)

    assert errors == ["not_editable"]
    assert publisher.post(post_id).publish_at is None


def wait_for_a_lock(publisher):
    """Wait until another transaction waits for a row that this test has locked."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    deadline = threading.Event()
    for _ in range(WAIT * 100):
        if publisher.one(waiting):
            return
        deadline.wait(0.01)
    pytest.fail("nobody waits")


def test_a_worker_passes_over_a_post_that_is_being_changed(publisher, account, post_id):
    with publisher.database.transaction() as editing:
        load_own_post(editing, post_id, user_id=account.user_id, lock=True)
        with publisher.database.transaction() as session:
            assert claim(session) == []
    with publisher.database.transaction() as session:
        assert claim(session) == [post_id]  # it would have been claimed without the lock


def test_of_a_change_and_a_claim_at_the_same_time_one_wins(publisher, account):
    outcomes = set()
    for _ in range(12):
        post_id = publisher.factory.create_post(account.id, title="A video")
        outcomes.add(race_edit_and_claim(publisher, account, post_id))
        publisher.update_posts([Post.id == post_id], due_at=None)
    assert outcomes <= {(True, False), (False, True)}


def race_edit_and_claim(publisher, account, post_id):
    """Whether the change was made, and whether the post was claimed."""
    start, new_time = threading.Barrier(2), tomorrow(publisher)
    edited, claimed = [], []

    def try_to_edit():
        start.wait(WAIT)
        with suppress(Conflict):
            edited.append(edit(publisher, account, post_id, publish_at=new_time))

    def try_to_claim():
        start.wait(WAIT)
        with publisher.database.transaction() as session:
            claimed.extend(claim(session))

    threads = [threading.Thread(target=work) for work in (try_to_edit, try_to_claim)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    return bool(edited), bool(claimed)
