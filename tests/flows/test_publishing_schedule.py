"""Posts that wait for a time, a release or an account; upload requests sent as a Celery task."""

from datetime import datetime

from celery import Celery

from tasks.settings import build_configuration
from tests.flows.api_user import DIRECT_FIELDS, PULL_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, PostOutcome, find_open_work, load_outcome
from tests.flows.stacks import timestamp_in

FAR_SECONDS = 86_400  # seconds; longer than any test waits


def test_a_scheduled_post_is_published_at_its_time_and_not_before(stack, api_user):
    media_id, publish_at = api_user.upload_file(), timestamp_in(3)
    post_id = api_user.create_post(
        publish_at=publish_at, source="FILE_UPLOAD", media_id=media_id, **DIRECT_FIELDS
    )
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    started_at = api_user.list_platform_posts()[0]["created_at"]
    assert started_at >= datetime.fromisoformat(publish_at).timestamp()


def test_a_scheduled_post_can_be_cancelled_and_never_reaches_the_platform(stack, api_user):
    post_id = api_user.create_post(
        publish_at=timestamp_in(FAR_SECONDS), **PULL_FIELDS, **DIRECT_FIELDS
    )
    api_user.call_json("POST", f"/api/posts/{post_id}/cancel", json={})
    assert load_outcome(stack, api_user, post_id) == PostOutcome(
        "CANCELLED", "publish_cancelled", 0
    )
    assert (api_user.list_platform_posts(), find_open_work(stack, api_user)) == ([], [])


def test_a_post_of_a_disconnected_account_waits_until_the_account_is_back(stack, api_user):
    post_id = api_user.publish_file(publish_at=timestamp_in(FAR_SECONDS))
    disconnect_account(api_user)
    parked = api_user.get_post(post_id)
    assert (parked["state"], parked["hold_reason"]) == ("QUEUED", "disconnected")
    move_publish_time(stack, post_id)
    api_user.connect()
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE


def test_a_post_parked_for_too_long_is_published_only_when_released(stack, api_user):
    post_id = api_user.publish_file(publish_at=timestamp_in(FAR_SECONDS))
    disconnect_account(api_user)
    move_publish_time(stack, post_id, ago="25 hours")
    api_user.connect()
    assert api_user.get_post(post_id)["hold_reason"] == "wait_for_release"
    assert api_user.list_platform_posts() == []
    api_user.call_json("POST", f"/api/posts/{post_id}/release", json={})
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE


def disconnect_account(api_user):
    body = {"accountId": api_user.account_id}
    result = api_user.call_json("POST", "/api/platforms/tiktok/disconnect", json=body)
    assert (result["revoked"], result["heldPosts"]) == (True, 1)


def move_publish_time(stack, post_id, *, ago="0 hours"):
    """Move the time of a scheduled post to now, or into the past."""
    statement = "UPDATE posts SET publish_at = now() - %s::interval WHERE id = %s"
    stack.query(statement, ago, post_id)


def test_another_service_may_request_a_post_through_the_queue(stack, api_user):
    fields = {
        "user_id": stack.query_value(
            "SELECT user_id FROM oauth_accounts WHERE id = %s", api_user.account_id
        ),
        "account_id": api_user.account_id,
        "idempotency_key": f"queued-{api_user.account_id}",
        "title": "by queue",
        **PULL_FIELDS,
        **DIRECT_FIELDS,
    }
    for _ in range(2):
        send_enqueue_task(stack, fields)
    post_query = ("SELECT id FROM posts WHERE oauth_account_id = %s", api_user.account_id)
    wait_until(lambda: stack.query(*post_query), what="the row")
    post_id = stack.query_value(*post_query)
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert len(stack.query(*post_query)) == 1


def test_an_invalid_request_from_the_queue_is_stored_with_its_reason(stack, api_user):
    user_id = stack.query_value(
        "SELECT user_id FROM oauth_accounts WHERE id = %s", api_user.account_id
    )
    title = f"invalid {api_user.account_id}"
    send_enqueue_task(stack, {"user_id": user_id, "title": title, "source": "CARRIER_PIGEON"})
    post_query = ("SELECT state, error_code FROM posts WHERE title = %s", title)
    wait_until(lambda: stack.query(*post_query), what="the row")
    assert stack.query(*post_query) == [("FAILED", "VALIDATION_ERROR")]


def send_enqueue_task(stack, fields):
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(stack.info["broker"], "cli"))
    app.send_task("signalpost.enqueue_post", kwargs=fields, queue="posts")
    app.close()
