"""One id leads from the request for a post to everything that was done for it."""

import json
import secrets

import pytest

from tests.flows.api_user import DIRECT_FIELDS
from tests.flows.brokers import wait_until


def read_lines(stack, name, correlation_id):
    """The lines of a process with this id: of their own, or of a post that they name."""
    lines = [json.loads(line) for line in stack.read_log(name).splitlines() if line[:1] == "{"]
    return [line for line in lines if correlation_id in json.dumps(line)]


def list_messages(lines):
    return [line["message"] for line in lines]


def list_moves(lines):
    return [{**line, **move} for line in lines for move in line.get("moves", ())]


@pytest.fixture
def published_post(stack, api_user):
    """The id of a request, and the post that came from it, when its webhook is applied."""
    correlation_id = f"request-{secrets.token_hex(8)}"
    media_id = api_user.upload_file()
    response = api_user.call(
        "POST",
        "/api/tiktok/upload",
        json={
            "account_id": api_user.account_id,
            "title": "one id",
            "source": "FILE_UPLOAD",
            "media_id": media_id,
            **DIRECT_FIELDS,
        },
        headers={"Idempotency-Key": secrets.token_hex(8), "X-Request-Id": correlation_id},
    )
    assert response.headers["X-Request-Id"] == correlation_id
    post = api_user.wait_until_final(response.json()["data"]["id"])

    def has_webhook_line():
        moves = list_moves(read_lines(stack, "worker", correlation_id))
        return "webhook" in {move["source"] for move in moves}

    wait_until(has_webhook_line, what="the line of the webhook")
    return correlation_id, post


def test_the_id_of_a_request_is_in_every_line_about_its_post(stack, published_post):
    correlation_id, post = published_post
    web = read_lines(stack, "web", correlation_id)
    assert {"request", "audit"} <= set(list_messages(web))
    worker = [*read_lines(stack, "worker", correlation_id)]
    calls = [line for line in worker if line["message"] == "platform.call"]
    sent = [line for line in read_lines(stack, "uploads", correlation_id) if "endpoint" in line]
    assert {line["endpoint"] for line in calls} >= {"video_init"}
    assert {line["endpoint"] for line in sent} == {"upload"}
    for line in [*calls, *sent]:
        assert (line["correlation_id"], line["post"]) == (correlation_id, post["id"])
        assert line["account"] == post["account_id"]
        assert line["run"] != correlation_id
    (init,) = [line for line in calls if line["endpoint"] == "video_init"]
    assert init["log_id"]
    assert {line["publish_id"] for line in sent} == {post["publish_id"]}
    assert {line["publish_id"] for line in sent} == {
        move["publish_id"] for move in list_moves(worker) if move["source"] == "webhook"
    }


def test_each_change_of_a_posts_state_is_logged_with_its_id(stack, published_post):
    correlation_id, post = published_post
    lines = [
        line
        for name in ("web", "worker", "uploads")
        for line in read_lines(stack, name, correlation_id)
    ]
    moves = [move for move in list_moves(lines) if move["post"] == post["id"]]
    entries = [(event["from"], event["to"]) for event in post["events"] if event["to"]]
    changes = [(before, after) for before, after in entries if before and before != after]
    assert sorted((move["from"], move["to"]) for move in moves) == sorted(changes)
    assert {move["correlation_id"] for move in moves} == {correlation_id}


def test_the_id_is_stored_with_the_post_and_in_the_audit_log(stack, published_post):
    correlation_id, post = published_post
    rows = stack.query("SELECT id FROM posts WHERE correlation_id = %s", correlation_id)
    assert rows == [(post["id"],)]
    actions = stack.query(
        "SELECT action, subject FROM audit_log WHERE correlation_id = %s", correlation_id
    )
    assert actions == [("post.requested", f"post:{post['id']}")]
