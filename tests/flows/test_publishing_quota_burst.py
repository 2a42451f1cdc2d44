"""Fifty upload requests at once for an account with a quota of five: only five are started."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.flows.api_user import FINAL_STATES, PULL_FIELDS
from tests.flows.brokers import wait_until

CALLER_COUNT, ALLOWED_COUNT = 50, 5


def request_at_once(api_user, **fields):
    """Send the same request from all callers at once and return the responses."""
    with ThreadPoolExecutor(CALLER_COUNT) as callers:
        futures = [
            callers.submit(api_user.request_post, **PULL_FIELDS, **fields)
            for _ in range(CALLER_COUNT)
        ]
        return [future.result() for future in futures]


def test_waiting_callers_are_refused_beyond_what_the_platform_allows(stack, api_user):
    stack.sandbox.control("settings", pending_limit=ALLOWED_COUNT)
    responses = request_at_once(api_user, mode="INBOX", wait=True)
    accepted = [response.json()["data"]["id"] for response in responses if response.ok]
    refused = Counter(error_of(response) for response in responses if not response.ok)
    assert len(accepted) == ALLOWED_COUNT
    assert refused == {(429, "quota_exceeded"): CALLER_COUNT - ALLOWED_COUNT}
    for post_id in accepted:
        assert api_user.wait_until_final(post_id)["state"] == "PUBLISHED"
    assert list_start_codes(api_user) == ["ok"] * ALLOWED_COUNT


def test_requests_that_may_be_queued_wait_and_the_platform_gets_as_many_as_it_allows(
    stack, api_user
):
    stack.sandbox.control("settings", pending_limit=ALLOWED_COUNT)
    responses = request_at_once(api_user, mode="INBOX")
    assert {response.status_code for response in responses} == {202}
    wait_until(
        lambda: (
            count_by_state(stack, api_user)
            == {"PUBLISHED": ALLOWED_COUNT, "QUEUED": CALLER_COUNT - ALLOWED_COUNT}
        )
    )
    wait_until(
        lambda: not stack.query_value(COUNT_UNTRIED, api_user.account_id), what="an attempt of each"
    )
    assert list_start_codes(api_user) == ["ok"] * ALLOWED_COUNT
    stack.query(CANCEL_QUEUED, api_user.account_id)


def list_start_codes(api_user):
    return [call["code"] for call in api_user.list_platform_calls("inbox_init")]


def count_by_state(stack, api_user):
    statement = "SELECT state, count(*) FROM posts WHERE oauth_account_id = %s GROUP BY 1"
    return dict(stack.query(statement, api_user.account_id))


COUNT_UNTRIED = """
SELECT count(*) FROM posts
 WHERE oauth_account_id = %s AND state = 'QUEUED' AND (due_at <= now() OR leased_until IS NOT NULL)
"""
CANCEL_QUEUED = """
UPDATE posts SET state = 'CANCELLED', due_at = NULL
 WHERE oauth_account_id = %s AND state = 'QUEUED'
"""


def error_of(response):
    return response.status_code, response.json()["error"]["code"]


def test_a_key_that_fifty_callers_use_at_once_makes_one_post(stack, api_user):
    with ThreadPoolExecutor(CALLER_COUNT) as callers:
        fields = {
            "mode": "INBOX",
            "title": "the same",
            "key": f"burst-{api_user.account_id}",
            **PULL_FIELDS,
        }
        futures = [callers.submit(api_user.request_post, **fields) for _ in range(CALLER_COUNT)]
        responses = [future.result() for future in futures]
    ids = {response.json()["data"]["id"] for response in responses if response.ok}
    assert len(ids) == 1
    wait_until(
        lambda: all(api_user.get_state(post_id) in FINAL_STATES for post_id in ids),
        what="a final state",
    )
    assert len(api_user.list_platform_posts()) == 1
