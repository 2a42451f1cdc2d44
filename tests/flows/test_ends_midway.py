"""What ends while a post is on its way: the address its bytes go to, and its creator's grant."""

import pytest

from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, Fate, fate, left
from tests.flows.guests import BIG
from tests.flows.strikes import UNANSWERED, held, holds

pytestmark = pytest.mark.timeout(120)


def refused(guest):
    return [call for call in guest.calls("upload") if call["status"] == 403]


def test_an_address_that_ended_before_the_first_byte_is_replaced_by_another_start(house, guest):
    house.sandbox.control("settings", upload_seconds=0)
    post_id = guest.send()
    until(lambda: refused(guest), what="the refusal")
    house.sandbox.control("settings", upload_seconds=3600)
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == PUBLISHED
    assert len(guest.calls("video_init")) >= 2
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_an_address_that_ended_with_bytes_behind_it_ends_the_post_unpublished(house, guest):
    holds(house, "upload", UNANSWERED, nth=3, seconds=2)
    post_id = guest.send(BIG)
    until(lambda: held(house, "upload", 3), what="the third chunk")
    (there,) = guest.platform_posts()
    house.sandbox.control(f"posts/{there['publish_id']}/expire", method="POST")
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == Fate("FAILED", "upload_url_expired", 0)
    assert len(guest.calls("video_init")) == 1
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_a_grant_that_ends_while_the_platform_works_ends_the_post_by_its_name(house, guest):
    house.sandbox.control("settings", processing_seconds=60)
    post_id = guest.send()
    until(lambda: guest.state(post_id) == "PROCESSING", what="all bytes sent")
    house.sandbox.control(f"creators/{guest.creator}/disconnect", method="POST")
    guest.ended(post_id, within=60)
    assert fate(house, guest, post_id) == Fate("FAILED", "auth_removed", 0)
    until(lambda: left(house, guest) == [], what="the end of all work")
    status = "SELECT status FROM oauth_accounts WHERE id = %s"
    until(lambda: house.one(status, guest.account) != "ACTIVE", what="the end of the grant")
