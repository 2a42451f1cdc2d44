"""Tokens that expire while a post is being published: refreshed once, and the post is published."""

from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.stacks import timestamp_in

REMOVED_NOTIFICATION = ("disconnected_by_platform", "removed_in_app")


def count_refreshes(stack, api_user):
    """Count successful refreshes of this creator: token calls without the first code exchange."""
    return (
        len([call for call in api_user.list_platform_calls("token") if call["status"] == 200]) - 1
    )


def test_an_expired_token_is_refreshed_once_for_all_who_need_it(stack, api_user):
    expire_token(stack, api_user)
    posts = [api_user.publish_file() for _ in range(3)]
    for post_id in posts:
        api_user.wait_until_final(post_id)
        assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert count_refreshes(stack, api_user) == 1
    assert token_version(stack, api_user) == 1


def test_a_token_that_expires_between_two_steps_is_refreshed_for_the_next_one(stack, api_user):
    stack.sandbox.control("faults", endpoint="webhook", kind="lose", times=0)
    post_id = api_user.publish_file()
    wait_until(lambda: api_user.get_state(post_id) == "PROCESSING", what="all bytes sent")
    expire_token(stack, api_user)
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert count_refreshes(stack, api_user) == 1
    assert find_open_work(stack, api_user) == []


def test_a_token_refused_before_its_expiry_is_refreshed_and_the_call_repeated(stack):
    stack.sandbox.control("settings", access_seconds=1)
    api_user = stack.create_api_user()
    stack.sandbox.control("settings", access_seconds=0)
    stack.sandbox.control("clock", advance=2)
    set_token_expiry(stack, api_user, "2 hours")
    post_id = api_user.publish_file()
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert count_refreshes(stack, api_user) == 1
    assert {call.get("code") for call in api_user.list_platform_calls("video_init")} == {"ok"}


def test_posts_are_parked_while_the_creator_has_revoked_the_grant(stack, api_user):
    post_id = api_user.publish_file(publish_at=timestamp_in(86_400))
    stack.sandbox.control(f"creators/{api_user.open_id}/disconnect", method="POST")
    wait_until(
        lambda: api_user.get_post(post_id)["hold_reason"] == "needs_reconnect",
        what="the post to be parked",
    )
    wait_until(
        lambda: list_unread(stack, api_user) == [REMOVED_NOTIFICATION],
        what="one notification with the cause",
    )
    response = api_user.request_post(
        source="FILE_UPLOAD", media_id=api_user.upload_file(), mode="INBOX"
    )
    assert response.json()["error"]["code"] == "access_token_invalid", response.text
    stack.query("UPDATE posts SET publish_at = now() WHERE id = %s", post_id)  # it is due now
    api_user.connect()
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert list_unread(stack, api_user) == []


def list_unread(stack, api_user):
    query = "SELECT kind, payload->>'why' FROM notifications"
    conditions = "payload->>'account_id' = %s AND read_at IS NULL"
    return stack.query(f"{query} WHERE {conditions}", str(api_user.account_id))


def expire_token(stack, api_user):
    set_token_expiry(stack, api_user, "-1 minute")


def set_token_expiry(stack, api_user, remaining):
    """Change the stored expiry of the access token, instead of waiting for hours."""
    statement = "UPDATE oauth_accounts SET expires_at = now() + %s::interval WHERE id = %s"
    stack.query(statement, remaining, api_user.account_id)


def token_version(stack, api_user):
    return stack.query_value(
        "SELECT token_version FROM oauth_accounts WHERE id = %s", api_user.account_id
    )
