"""Posts that wait: for their hour, for a person, for an account; and wishes by the queue."""

from datetime import datetime

import pytest
from celery import Celery

from tasks.settings import configuration
from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, Fate, fate, left
from tests.flows.guests import DIRECT, PULL
from tests.flows.houses import moment

pytestmark = pytest.mark.timeout(120)

FAR = 86_400  # seconds: nobody here waits for it


def test_a_scheduled_post_goes_out_at_its_hour_and_not_before(house, guest):
    media, at = guest.file(), moment(3)
    post_id = guest.wish(publish_at=at, source="FILE_UPLOAD", media_id=media, **DIRECT)
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
    started = guest.platform_posts()[0]["created_at"]
    assert started >= datetime.fromisoformat(at).timestamp()


def test_a_scheduled_post_can_be_taken_back_and_is_never_told_to_anybody(house, guest):
    post_id = guest.wish(publish_at=moment(FAR), **PULL, **DIRECT)
    guest.told("POST", f"/api/posts/{post_id}/cancel", json={})
    assert fate(house, guest, post_id) == Fate("CANCELLED", "publish_cancelled", 0)
    assert (guest.platform_posts(), left(house, guest)) == ([], [])


def test_a_post_of_a_disconnected_account_waits_until_the_account_is_back(house, guest):
    post_id = guest.send(publish_at=moment(FAR))
    disconnected(guest)
    held = guest.post(post_id)
    assert (held["state"], held["hold_reason"]) == ("QUEUED", "disconnected")
    fall_due(house, post_id)
    guest.connect()
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED


def test_a_post_that_waited_for_its_account_too_long_goes_only_when_somebody_says_so(house, guest):
    post_id = guest.send(publish_at=moment(FAR))
    disconnected(guest)
    fall_due(house, post_id, ago="25 hours")
    guest.connect()
    assert guest.post(post_id)["hold_reason"] == "wait_for_release"
    assert guest.platform_posts() == []
    guest.told("POST", f"/api/posts/{post_id}/release", json={})
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED


def disconnected(guest):
    gone = {"accountId": guest.account}
    parting = guest.told("POST", "/api/platforms/tiktok/disconnect", json=gone)
    assert (parting["revoked"], parting["heldPosts"]) == (True, 1)


def fall_due(house, post_id, *, ago="0 hours"):
    """Stands for the time until its hour has come, or is over."""
    statement = "UPDATE posts SET publish_at = now() - %s::interval WHERE id = %s"
    house.rows(statement, ago, post_id)


def test_another_service_may_wish_a_post_through_the_queue(house, guest):
    wish = {
        "user_id": house.one("SELECT user_id FROM oauth_accounts WHERE id = %s", guest.account),
        "account_id": guest.account,
        "idempotency_key": f"queued-{guest.account}",
        "title": "by queue",
        **PULL,
        **DIRECT,
    }
    for _ in range(2):
        enqueue(house, wish)
    mine = ("SELECT id FROM posts WHERE oauth_account_id = %s", guest.account)
    until(lambda: house.rows(*mine), what="the row")
    post_id = house.one(*mine)
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
    assert len(house.rows(*mine)) == 1


def test_a_wish_that_cannot_be_is_stored_with_its_reason(house, guest):
    user = house.one("SELECT user_id FROM oauth_accounts WHERE id = %s", guest.account)
    enqueue(
        house, {"user_id": user, "title": f"nonsense {guest.account}", "source": "CARRIER_PIGEON"}
    )
    mine = ("SELECT state, error_code FROM posts WHERE title = %s", f"nonsense {guest.account}")
    until(lambda: house.rows(*mine), what="the row")
    assert house.rows(*mine) == [("FAILED", "VALIDATION_ERROR")]


def enqueue(house, wish):
    app = Celery(set_as_current=False)
    app.conf.update(configuration(house.told["broker"], "cli"))
    app.send_task("signalpost.enqueue_post", kwargs=wish, queue="posts")
    app.close()
