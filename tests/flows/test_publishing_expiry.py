"""Upload URLs and grants that expire while a post is being published."""

from tests.flows.api_user import CHUNKED_FILE_BYTES
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, PostOutcome, find_open_work, load_outcome
from tests.flows.response_faults import DELAY_AFTER_EFFECT, delay_response, is_response_pending


def list_refused_uploads(api_user):
    return [call for call in api_user.list_platform_calls("upload") if call["status"] == 403]


def test_an_upload_url_that_expired_before_the_first_byte_is_replaced_by_another_start(
    stack, api_user
):
    stack.sandbox.control("settings", upload_seconds=0)
    post_id = api_user.publish_file()
    wait_until(lambda: list_refused_uploads(api_user), what="the refusal")
    stack.sandbox.control("settings", upload_seconds=3600)
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
    assert len(api_user.list_platform_calls("video_init")) >= 2
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_an_upload_url_that_expired_after_some_bytes_fails_the_post(stack, api_user):
    delay_response(stack, "upload", DELAY_AFTER_EFFECT, nth=3, seconds=2)
    post_id = api_user.publish_file(CHUNKED_FILE_BYTES)
    wait_until(lambda: is_response_pending(stack, "upload", 3), what="the third chunk")
    (platform_post,) = api_user.list_platform_posts()
    stack.sandbox.control(f"posts/{platform_post['publish_id']}/expire", method="POST")
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PostOutcome("FAILED", "upload_url_expired", 0)
    assert len(api_user.list_platform_calls("video_init")) == 1
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_a_grant_that_ends_during_processing_fails_the_post_with_that_reason(stack, api_user):
    stack.sandbox.control("settings", processing_seconds=60)
    post_id = api_user.publish_file()
    wait_until(lambda: api_user.get_state(post_id) == "PROCESSING", what="all bytes sent")
    stack.sandbox.control(f"creators/{api_user.open_id}/disconnect", method="POST")
    api_user.wait_until_final(post_id, within=60)
    assert load_outcome(stack, api_user, post_id) == PostOutcome("FAILED", "auth_removed", 0)
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")
    status = "SELECT status FROM oauth_accounts WHERE id = %s"
    wait_until(
        lambda: stack.query_value(status, api_user.account_id) != "ACTIVE",
        what="the account no longer active",
    )
