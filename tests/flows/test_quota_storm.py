"""Fifty wishes at once for an account that may have five: five are granted, and the platform is
never asked for a sixth.
"""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.brokers import until
from tests.flows.guests import FINAL, PULL

pytestmark = pytest.mark.timeout(120)

AT_ONCE, MAY = 50, 5


def storm(guest, **wish):
    """Everybody's answer."""
    with ThreadPoolExecutor(AT_ONCE) as callers:
        wishes = [callers.submit(guest.request, **PULL, **wish) for _ in range(AT_ONCE)]
        return [each.result() for each in wishes]


def test_callers_who_stay_are_refused_beyond_what_the_platform_allows(house, guest):
    house.sandbox.control("settings", pending_limit=MAY)
    answers = storm(guest, mode="INBOX", wait=True)
    accepted = [answer.json()["data"]["id"] for answer in answers if answer.ok]
    refused = Counter(told(answer) for answer in answers if not answer.ok)
    assert len(accepted) == MAY
    assert refused == {(429, "quota_exceeded"): AT_ONCE - MAY}
    for post_id in accepted:
        assert guest.ended(post_id)["state"] == "PUBLISHED"
    assert asked(guest) == ["ok"] * MAY


def test_wishes_that_can_wait_do_and_the_platform_hears_of_as_many_as_it_allows(house, guest):
    house.sandbox.control("settings", pending_limit=MAY)
    answers = storm(guest, mode="INBOX")
    assert {answer.status_code for answer in answers} == {202}
    until(lambda: standing(house, guest) == {"PUBLISHED": MAY, "QUEUED": AT_ONCE - MAY})
    until(lambda: not house.one(UNTRIED, guest.account), what="a try of each")
    assert asked(guest) == ["ok"] * MAY
    house.rows(TAKEN_BACK, guest.account)


def asked(guest):
    return [call["code"] for call in guest.calls("inbox_init")]


def standing(house, guest):
    counted = "SELECT state, count(*) FROM posts WHERE oauth_account_id = %s GROUP BY 1"
    return dict(house.rows(counted, guest.account))


UNTRIED = """
SELECT count(*) FROM posts
 WHERE oauth_account_id = %s AND state = 'QUEUED' AND (due_at <= now() OR leased_until IS NOT NULL)
"""
TAKEN_BACK = """
UPDATE posts SET state = 'CANCELLED', due_at = NULL
 WHERE oauth_account_id = %s AND state = 'QUEUED'
"""


def told(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_a_key_that_fifty_callers_use_at_once_makes_one_post(house, guest):
    with ThreadPoolExecutor(AT_ONCE) as callers:
        wish = {"mode": "INBOX", "title": "the same", "key": f"storm-{guest.account}", **PULL}
        wishes = [callers.submit(guest.request, **wish) for _ in range(AT_ONCE)]
        answers = [wish.result() for wish in wishes]
    ids = {answer.json()["data"]["id"] for answer in answers if answer.ok}
    assert len(ids) == 1
    until(lambda: all(guest.state(post_id) in FINAL for post_id in ids), what="its end")
    assert len(guest.platform_posts()) == 1
