"""The calls that a post makes to its platform are recorded, and none of them with a secret."""

import json

import pytest
from sqlalchemy import select, text

from core.errors import Conflict
from core.publishing import list_exchanges
from db.account_erasure import AccountErasure
from db.posts.exchanges import PostExchange
from db.user_erasure import UserErasure
from tests.platforms.hostile_server import http_response
from tests.platforms.tiktok_responses import error_response, ok_response
from tests.support.publishing_harness import (
    CANCEL_PATH,
    DIRECT_INIT_PATH,
    INBOX_INIT_PATH,
    STATUS_PATH,
    UPLOAD_PATH,
    status_body,
)

TOKEN_PREFIX = "act."
FILE_SIZE = 70_000_000


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


def load_exchanges(publisher, post_id):
    """Return the exchanges of a post, the oldest first."""
    statement = select(PostExchange).where(PostExchange.post_id == post_id)
    return publisher.all(statement.order_by(PostExchange.id))


def load_stored_text(publisher):
    """Return all rows of the table as text."""
    with publisher.database.transaction() as session:
        return "\n".join(
            session.scalars(text("SELECT to_json(exchanges)::text FROM exchanges")).all()
        )


def test_the_start_and_the_status_are_recorded_with_what_may_be_stored(publisher, account):
    publisher.set_responses(STATUS_PATH, status_body(downloaded_bytes=5, fresh_secret="canary"))
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.run_workers(1)

    start, status = load_exchanges(publisher, post_id)

    assert (start.endpoint, start.method, start.path) == ("inbox_init", "POST", INBOX_INIT_PATH)
    assert (start.host, start.status, start.attempt) == ("127.0.0.1", 200, 1)
    assert start.request["body"]["source_info"] == {
        "source": "PULL_FROM_URL",
        "video_url": "<string>",
    }
    assert start.request["headers"]["authorization"] == "<removed>"
    assert start.answer["body"]["data"]["publish_id"] == publisher.post(post_id).publish_id
    assert start.answer["body"]["data"]["upload_url"] == "<string>"
    assert status.answer["body"]["data"] == {
        "status": "PROCESSING_DOWNLOAD",
        "downloaded_bytes": 5,
        "fresh_secret": "<string>",
    }
    assert status.log_id == "2026"


def test_repeated_answers_are_one_row_that_counts_them(publisher, account):
    bodies = [status_body(downloaded_bytes=number) for number in (1, 2, 3)]
    publisher.set_responses(STATUS_PATH, *bodies, status_body("FAILED", fail_reason="picture"))
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.run_workers(4)

    _, waiting, failed = load_exchanges(publisher, post_id)

    assert waiting.times == 3
    assert waiting.answer["body"]["data"]["downloaded_bytes"] == 3
    assert failed.times == 1
    assert failed.answer["body"]["data"]["fail_reason"] == "picture"


def test_each_failed_attempt_has_its_own_row(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, error_response(500, "internal_error", "busy"))
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.run_workers(3)

    failed = load_exchanges(publisher, post_id)

    assert [exchange.attempt for exchange in failed] == sorted({each.attempt for each in failed})
    assert {exchange.status for exchange in failed} == {500}
    assert failed[0].answer["body"]["error"] == {
        "code": "internal_error",
        "message": "busy",
        "log_id": "<string>",
    }


def test_a_call_without_an_answer_is_recorded_with_its_error(publisher, account):
    publisher.drop_responses(INBOX_INIT_PATH)
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.run_workers(1)
    lost = load_exchanges(publisher, post_id)[0]
    assert (lost.status, lost.error, lost.answer) == (None, "NETWORK_ERROR", {})


def test_the_chunks_of_a_file_are_one_row_without_the_upload_url(publisher, account):
    media = publisher.create_media(account.user_id, b"x" * FILE_SIZE)
    ends = range(10_000_000, FILE_SIZE + 1, 10_000_000)
    chunks = [
        http_response(
            201 if end == FILE_SIZE else 206, b"", Content_Range=f"bytes 0-{end - 1}/{FILE_SIZE}"
        )
        for end in ends
    ]
    publisher.set_responses(UPLOAD_PATH, *chunks)
    publisher.set_responses(STATUS_PATH, status_body("PROCESSING_UPLOAD"))
    upload = {"source": "FILE_UPLOAD", "title": "A video", "media_id": media}
    post_id = publisher.request_upload(account.user_id, upload).post.id
    publisher.run_workers(4)

    sent = [each for each in load_exchanges(publisher, post_id) if each.endpoint == "upload"]

    assert {(each.status, each.path) for each in sent} == {(206, "/…"), (201, "/…")}
    assert sum(each.times for each in sent) == len(ends)
    assert "upload_token" not in load_stored_text(publisher)


def test_a_refused_cancel_is_recorded(publisher, account):
    publisher.set_responses(STATUS_PATH, status_body())
    publisher.set_responses(CANCEL_PATH, error_response(403, "publish_not_cancellable"))
    post_id = publisher.request_upload(account.user_id).post.id
    with pytest.raises(Conflict):
        publisher.cancel_post(post_id)
    assert load_exchanges(publisher, post_id)[-1].endpoint == "cancel"


def test_planted_secrets_are_found_in_no_row(publisher, account):
    """The platform quotes the token in a message, and adds fields that nobody expects."""
    token = publisher.factory.decrypted_tokens(account.id)[0]
    planted = ["canary-value", "canary-list", "canary-title", token]
    error = {"code": "spam_risk", "message": f"the token {token} is odd", "log_id": "2026"}
    body = {
        "error": error,
        "access_token": "canary-value",
        "deep": {"list": ["canary-list"], "canary-value": 1, "Canary-Value": {"x": token}},
    }
    answer = http_response(403, json.dumps(body).encode(), Set_Cookie="canary-value")
    publisher.set_responses(INBOX_INIT_PATH, answer)
    publisher.set_responses(DIRECT_INIT_PATH, answer)
    publisher.request_upload(account.user_id, title="canary-title", may_queue=True)
    publisher.run_workers(1)

    stored = load_stored_text(publisher)

    assert "spam_risk" in stored
    assert [secret for secret in planted if secret in stored] == []


def test_a_body_that_is_no_json_is_recorded_by_its_length(publisher, account):
    publisher.set_responses(INBOX_INIT_PATH, http_response(502, b"<html>canary</html>"))
    post_id = publisher.request_upload(account.user_id, may_queue=True).post.id
    publisher.run_workers(1)
    assert load_exchanges(publisher, post_id)[0].answer == {"body": "<19 bytes>"}


def test_an_erased_account_or_user_leaves_no_exchange(publisher, account):
    publisher.set_responses(STATUS_PATH, status_body())
    publisher.request_upload(account.user_id)
    assert load_stored_text(publisher) != ""
    with publisher.database.transaction() as session:
        AccountErasure(session).erase(account.id)
    assert load_stored_text(publisher) == ""
    other = publisher.factory.account(publisher.factory.create_account())
    publisher.request_upload(other.user_id)
    assert load_stored_text(publisher) != ""
    with publisher.database.transaction() as session:
        UserErasure(session).release_media(other.user_id)
    assert load_stored_text(publisher) == ""


def test_a_page_of_exchanges_names_the_next_one(publisher, account):
    publisher.set_responses(STATUS_PATH, status_body(), ok_response(status="PUBLISH_COMPLETE"))
    post_id = publisher.request_upload(account.user_id).post.id
    publisher.run_workers(2)
    newest, cursor = list_exchanges(publisher.database, post_id, user_id=account.user_id, limit=2)
    rest, end = list_exchanges(
        publisher.database, post_id, user_id=account.user_id, limit=2, before=cursor
    )
    ids = [each.id for each in (*newest, *rest)]
    assert (len(newest), end) == (2, None)
    assert ids == sorted(ids, reverse=True)
    assert ids == [each.id for each in load_exchanges(publisher, post_id)][::-1]
