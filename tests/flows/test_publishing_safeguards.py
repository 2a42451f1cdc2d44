"""Negative controls: with a safeguard switched off, the checks of the other tests fail.

The control of beat's wake-ups is in `test_publishing_store_loss.py`, because any stack's
beat can be frozen.
"""

import sys

import pytest

from tests.flows.api_user import PULL_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.post_kinds import INBOX_FIELDS, count_appearances, find_problems
from tests.flows.post_outcomes import load_outcome
from tests.flows.response_faults import (
    DELAY_AFTER_EFFECT,
    delay_response,
    is_response_pending,
    kill_and_recover,
    list_attempt_outcomes,
    list_started_ids,
    lose_pull_start,
    outlive_start_lease,
)
from tests.flows.stacks import run_stack
from tests.flows.test_publishing_quota_burst import ALLOWED_COUNT, list_start_codes, request_at_once

UNSAFE_STACK_COMMAND = (sys.executable, "-m", "tests.flows.unsafe_stack")


@pytest.fixture(scope="module")
def unsafe_stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("unsafe")
    with run_stack(folder, command=UNSAFE_STACK_COMMAND, TIKTOK_PENDING_LIMIT="1000") as stack:
        yield stack


def test_without_the_fence_a_late_response_overwrites_a_later_one(unsafe_stack):
    unsafe_stack.reset_sandbox()
    api_user = unsafe_stack.create_api_user()
    post_id = outlive_start_lease(unsafe_stack, api_user)
    assert "fenced" not in list_attempt_outcomes(unsafe_stack, post_id)
    assert len(list_started_ids(api_user, post_id)) == 2


def test_without_reconciliation_a_lost_response_is_a_second_publication(unsafe_stack):
    unsafe_stack.reset_sandbox()
    api_user = unsafe_stack.create_api_user()
    post_id = lose_pull_start(unsafe_stack, api_user)
    wait_until(lambda: len(api_user.list_platform_posts()) == 2, within=60, what="the second start")
    api_user.wait_until_final(post_id, within=60)
    wait_until(lambda: api_user.count_publications() == 2, what="two publications")
    assert not load_outcome(unsafe_stack, api_user, post_id).is_consistent


def test_without_reconciliation_a_lost_response_is_a_second_draft_and_is_counted(unsafe_stack):
    unsafe_stack.reset_sandbox()
    api_user, kind = unsafe_stack.create_api_user(), "draft pull"
    delay_response(unsafe_stack, "inbox_init", DELAY_AFTER_EFFECT)
    post_id = api_user.create_post(**PULL_FIELDS, **INBOX_FIELDS)
    wait_until(lambda: is_response_pending(unsafe_stack, "inbox_init"), what="the start")
    kill_and_recover(unsafe_stack, "worker")
    api_user.wait_until_final(post_id, within=60)
    wait_until(lambda: count_appearances(api_user, kind) == 2, what="two drafts")
    assert find_problems(unsafe_stack, api_user, {kind: post_id})


def test_without_our_own_quota_the_platform_has_to_refuse_a_burst(unsafe_stack):
    unsafe_stack.reset_sandbox()
    api_user = unsafe_stack.create_api_user()
    unsafe_stack.sandbox.control("settings", pending_limit=ALLOWED_COUNT)
    request_at_once(api_user, mode="INBOX", wait=True)
    assert "spam_risk_too_many_pending_share" in list_start_codes(api_user)
