"""Tokens that end while a post is on its way: renewed once, and the post goes out."""

import pytest

from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, fate, left
from tests.flows.houses import moment

pytestmark = pytest.mark.timeout(120)

REMOVED = ("disconnected_by_platform", "removed_in_app")


def refreshes(house, guest):
    """Refreshes that the platform granted to this creator; the first token came by a code."""
    return len([each for each in guest.calls("token") if each["status"] == 200]) - 1


def test_a_token_that_has_ended_is_renewed_once_for_all_who_need_it(house, guest):
    ended(house, guest)
    posts = [guest.send() for _ in range(3)]
    for post_id in posts:
        guest.ended(post_id)
        assert fate(house, guest, post_id) == PUBLISHED
    assert refreshes(house, guest) == 1
    assert version(house, guest) == 1


def test_a_token_that_ends_between_two_steps_is_renewed_for_the_next_one(house, guest):
    house.sandbox.control("faults", endpoint="webhook", kind="lose", times=0)
    post_id = guest.send()
    until(lambda: guest.state(post_id) == "PROCESSING", what="all bytes sent")
    ended(house, guest)
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
    assert refreshes(house, guest) == 1
    assert left(house, guest) == []


def test_a_token_that_the_platform_refuses_before_its_time_is_renewed_and_the_call_repeated(house):
    house.sandbox.control("settings", access_seconds=1)
    guest = house.guest()
    house.sandbox.control("settings", access_seconds=0)
    house.sandbox.control("clock", advance=2)
    believed(house, guest, "2 hours")
    post_id = guest.send()
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
    assert refreshes(house, guest) == 1
    assert {each.get("code") for each in guest.calls("video_init")} == {"ok"}


def test_posts_wait_while_a_creator_has_taken_the_grant_back(house, guest):
    post_id = guest.send(publish_at=moment(86_400))
    house.sandbox.control(f"creators/{guest.creator}/disconnect", method="POST")
    until(lambda: guest.post(post_id)["hold_reason"] == "needs_reconnect", what="the hold")
    until(lambda: unread(house, guest) == [REMOVED], what="the plain cause, and nothing else")
    refused = guest.request(source="FILE_UPLOAD", media_id=guest.file(), mode="INBOX")
    assert refused.json()["error"]["code"] == "access_token_invalid", refused.text
    house.rows("UPDATE posts SET publish_at = now() WHERE id = %s", post_id)  # its hour has come
    guest.connect()
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
    assert unread(house, guest) == []


def unread(house, guest):
    told = "SELECT kind, payload->>'why' FROM notifications"
    mine = "payload->>'account_id' = %s AND read_at IS NULL"
    return house.rows(f"{told} WHERE {mine}", str(guest.account))


def ended(house, guest):
    believed(house, guest, "-1 minute")


def believed(house, guest, left):
    """What we think of the access token's life: stands for the hours until then."""
    statement = "UPDATE oauth_accounts SET expires_at = now() + %s::interval WHERE id = %s"
    house.rows(statement, left, guest.account)


def version(house, guest):
    return house.one("SELECT token_version FROM oauth_accounts WHERE id = %s", guest.account)
