"""An Instagram account from sign-in to removal: comments, replies, metrics, callbacks.

Real processes, HTTP only. What happened at the platform is read from the sandbox.
"""

import contextlib
import secrets

import pytest

from tests.flows.brokers import wait_until
from tests.flows.instagram_posts import (
    create_sample,
    wait_until_described,
    wait_until_final,
)

SAMPLE_TIMEOUT = 90.0  # seconds
MAKE_SAMPLING_DUE = """
UPDATE watches SET due_at = now(), list_due_at = now(), totals_due_at = now()
WHERE oauth_account_id = %s AND leased_until IS NULL
"""
ENROL_ACCOUNT = """
INSERT INTO watches (oauth_account_id, destination_id, due_at)
SELECT oauth_account_id, id, now() FROM instagram_accounts
WHERE oauth_account_id = %s AND NOT EXISTS
    (SELECT FROM watches WHERE watches.oauth_account_id = instagram_accounts.oauth_account_id)
"""
MAKE_METRICS_DUE = """
UPDATE ig_media SET insights_due_at = now() FROM instagram_accounts AS account
WHERE account.id = instagram_account_id AND account.oauth_account_id = %s
"""


@pytest.fixture
def published_reel(stack, instagram_user):
    """A public reel: our id and the platform's."""
    post_id = create_sample(instagram_user, "reel at a URL")
    wait_until_final(stack, instagram_user, post_id)
    post = wait_until_described(stack, instagram_user, post_id)
    return post_id, post["platform_post_id"]


def write_comment(stack, media_id, text, **fields):
    """Let a visitor comment at the platform; return the platform's id of the comment."""
    return stack.sandbox.control("instagram/comments", media_id=media_id, text=text, **fields)["id"]


def list_comments(user, media_id):
    path = f"/api/instagram/comments?mediaId={media_id}&limit=100"
    return {each["commentId"]: each for each in user.call_json("GET", path)["data"]}


def list_platform_comments(stack, media_id):
    path = f"instagram/comments?media_id={media_id}"
    return {each["id"]: each for each in stack.sandbox.control(path)["comments"]}


def wait_for_comment(user, media_id, comment_id):
    wait_until(lambda: comment_id in list_comments(user, media_id), what="the comment")
    return list_comments(user, media_id)[comment_id]


def wait_for_sampling(stack, user, find, *, what):
    """Let every reading of the account be due now, and again if there was one before; return what
    `find` finds.
    """
    found = []
    stack.query(ENROL_ACCOUNT, user.account_id)  # beat would do it within a minute

    def is_found():
        stack.query(MAKE_SAMPLING_DUE, user.account_id)
        stack.query(MAKE_METRICS_DUE, user.account_id)
        with contextlib.suppress(AssertionError):
            wait_until(lambda: found.append(find()) or found[-1], within=10)
        return found[-1]

    wait_until(is_found, within=SAMPLE_TIMEOUT, what=what)
    return found[-1]


def test_connecting_subscribes_the_account_to_webhooks(stack, instagram_user):
    wait_until(
        lambda: find_account(stack, instagram_user)["subscribed_fields"], what="the subscription"
    )
    (row,) = instagram_user.call_json("GET", "/api/platforms/instagram/accounts")["data"][-1:]
    assert row["id"]


def find_account(stack, user):
    accounts = stack.sandbox.control("instagram/state")["accounts"]
    return next(account for account in accounts if account["id"] == user.ig_id)


def test_a_comment_arrives_by_webhook_and_is_answered_once(stack, instagram_user, published_reel):
    _, media_id = published_reel
    comment_id = write_comment(stack, media_id, "Where is this?", username="grace")
    comment = wait_for_comment(instagram_user, media_id, comment_id)
    assert (comment["text"], comment["from"]["username"]) == ("Where is this?", "grace")

    path, key = f"/api/instagram/comments/{comment['id']}/reply", secrets.token_hex(8)
    replies = [
        instagram_user.call_json(
            "POST", path, json={"message": "In Lyon."}, headers={"Idempotency-Key": key}
        )["data"]
        for _ in range(2)
    ]
    assert replies[0]["replyId"] == replies[1]["replyId"]
    own = [
        each for each in list_platform_comments(stack, media_id).values() if "Lyon" in each["text"]
    ]
    assert [each["id"] for each in own] == [replies[0]["replyId"]]


@pytest.mark.parametrize("has_effect", [True, False])
def test_a_reply_whose_answer_is_lost_is_sent_once(
    stack, instagram_user, published_reel, has_effect
):
    _, media_id = published_reel
    comment_id = write_comment(stack, media_id, "Really?")
    comment = wait_for_comment(instagram_user, media_id, comment_id)
    fault = "drop_after" if has_effect else "drop_before"
    stack.sandbox.control("faults", endpoint="comment_reply", kind=fault)
    path = f"/api/instagram/comments/{comment['id']}/reply"
    options = {
        "json": {"message": "Yes."},
        "headers": {"Idempotency-Key": secrets.token_hex(8)},
    }
    first = instagram_user.call("POST", path, **options)
    assert (first.status_code, first.json()["error"]["code"]) == (503, "reply_unconfirmed")
    if not has_effect:  # not sent again before the platform's list must have it
        assert instagram_user.call("POST", path, **options).status_code == 503
        stack.query("UPDATE comment_replies SET sent_at = sent_at - interval '6 minutes'")
    answer = instagram_user.call_json("POST", path, **options)["data"]
    own = [
        each["id"]
        for each in list_platform_comments(stack, media_id).values()
        if each["text"] == "Yes."
    ]
    assert own == [answer["replyId"]]


def test_a_comment_is_hidden_made_visible_and_deleted(stack, instagram_user, published_reel):
    _, media_id = published_reel
    comment_id = write_comment(stack, media_id, "spam")
    comment = wait_for_comment(instagram_user, media_id, comment_id)
    for is_hidden in (True, False):
        path = f"/api/instagram/comments/{comment['id']}/hide"
        instagram_user.call_json("POST", path, json={"hide": is_hidden})
        assert list_platform_comments(stack, media_id)[comment_id]["hidden"] is is_hidden
    instagram_user.call_json("DELETE", f"/api/instagram/comments/{comment['id']}")
    assert comment_id not in list_platform_comments(stack, media_id)
    assert comment_id not in list_comments(instagram_user, media_id)


def test_metrics_of_media_and_account_are_sampled(stack, instagram_user, published_reel):
    _, media_id = published_reel
    metrics = wait_for_sampling(
        stack,
        instagram_user,
        lambda: find_metrics(instagram_user, media_id),
        what="metrics of the reel",
    )
    assert metrics["views"] >= metrics["reach"] >= 0
    path = f"/api/instagram/insights?accountId={instagram_user.destination_id}"
    followers = wait_for_sampling(
        stack,
        instagram_user,
        lambda: instagram_user.call_json("GET", path)["data"]["latest"].get("followers"),
        what="the counts of the account",
    )
    assert followers["value"] == 500


def find_metrics(user, media_id):
    metrics = list_media(user).get(media_id, {}).get("metrics", {})
    return metrics if metrics.get("views") is not None else None


def list_media(user):
    path = f"/api/instagram/media?accountId={user.destination_id}&limit=100"
    return {each["mediaId"]: each for each in user.call_json("GET", path)["data"]}


def test_media_that_were_posted_in_the_app_are_found(stack, instagram_user):
    media_id = stack.sandbox.control("instagram/app-posts", account_id=instagram_user.ig_id)["id"]
    assert wait_for_sampling(
        stack,
        instagram_user,
        lambda: media_id in list_media(instagram_user),
        what="the media of the app",
    )


def test_disconnecting_ends_the_subscription_and_the_tokens(stack, instagram_user):
    wait_until(
        lambda: find_account(stack, instagram_user)["subscribed_fields"], what="the subscription"
    )
    body = {"accountId": instagram_user.account_id}
    instagram_user.call_json("POST", "/api/platforms/instagram/disconnect", json=body)
    response = instagram_user.request_post(
        kind="IMAGE", media=[{"url": "https://cdn.example/a.jpg"}]
    )
    assert not response.ok
    assert count_tokens(stack, instagram_user) == 0
    subscribed = find_account(stack, instagram_user)["subscribed_fields"]
    assert not any(subscribed.values())


def count_tokens(stack, user):
    return stack.query_value(
        "SELECT (SELECT count(*) FROM oauth_accounts WHERE id = %s"
        " AND access_token_encrypted IS NOT NULL)"
        " + (SELECT count(*) FROM instagram_accounts WHERE oauth_account_id = %s"
        " AND page_access_token_encrypted IS NOT NULL)",
        user.account_id,
        user.account_id,
    )


def test_a_person_who_removes_the_app_is_disconnected(stack, instagram_user):
    answer = stack.sandbox.control("instagram/deauthorize", login=instagram_user.open_id)
    assert answer["status"] == 200, answer
    wait_until(lambda: count_tokens(stack, instagram_user) == 0, what="the end of the tokens")
    response = instagram_user.request_post(
        kind="IMAGE", media=[{"url": "https://cdn.example/a.jpg"}]
    )
    assert not response.ok


@pytest.mark.parametrize(
    "forgery", ["wrong_secret", "altered", "wrong_algorithm", "malformed", "empty"]
)
def test_a_forged_callback_changes_nothing(stack, instagram_user, forgery):
    for kind in ("deauthorize", "data-deletion"):
        answer = stack.sandbox.control(
            f"instagram/{kind}", login=instagram_user.open_id, forgery=forgery
        )
        assert answer["status"] == 400, (kind, answer)
    assert count_tokens(stack, instagram_user) == 2


def test_data_deletion_leaves_no_trace_of_the_person(stack, instagram_user, published_reel):
    post_id, media_id = published_reel
    comment_id = write_comment(stack, media_id, "a text that has to go", username="grace.leaves")
    wait_for_comment(instagram_user, media_id, comment_id)
    account = find_account(stack, instagram_user)
    traces = [
        *(instagram_user.open_id, instagram_user.ig_id, account["username"], media_id),
        *("a text that has to go", "grace.leaves", comment_id, account["page_id"]),
        instagram_user.get_post(post_id)["title"],
    ]
    assert find_traces(stack, traces) == set(traces)  # the negative control
    answer = stack.sandbox.control("instagram/data-deletion", login=instagram_user.open_id)
    assert answer["status"] == 200, answer
    wait_until(lambda: find_done_deletions(stack), what="the end of the erasure")
    assert find_traces(stack, traces) == set()
    code = answer["body"]["confirmation_code"]
    page = instagram_user.call("GET", f"/data-deletion/{code}")
    assert page.ok
    assert instagram_user.open_id not in page.text
    again = stack.sandbox.control("instagram/data-deletion", login=instagram_user.open_id)
    assert again["status"] == 200, again


def find_done_deletions(stack):
    return stack.query("SELECT 1 FROM data_deletion_requests WHERE state = 'done'")


def find_traces(stack, texts):
    """Return those of the texts that stand in any row of any table."""
    tables = [
        row[0] for row in stack.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    ]
    found = set()
    for table in tables:
        for (row,) in stack.query(f"SELECT row_to_json(t)::text FROM {table} AS t"):
            found |= {text for text in texts if text in row}
    return found
