"""The invented format of the first documents, for those who switch it on."""

import hashlib
import hmac
import json

import pytest
from sqlalchemy import text

from tests.tiktok_sender import ADDRESS, Sender, an_envelope


@pytest.fixture
def client(stage):
    return stage.house(TIKTOK_WEBHOOK_COMPAT="on").test_client()


def send(client, payload, secret="client-secret"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return client.post(ADDRESS, data=body, headers={"x-tiktok-signature": digest})


COMPLETE = {"event_type": "video.publish.complete", "event_id": "e1", "publish_id": "p1"}


def test_a_bare_digest_is_enough(client):
    assert send(client, COMPLETE).json == {"success": True, "message": "Webhook received"}
    assert send(client, COMPLETE).json["duplicate"] is True


def test_a_wrong_digest_is_401(client):
    assert send(client, COMPLETE, secret="wrong").status_code == 401


@pytest.mark.parametrize(
    "payload", [b"not json", {"publish_id": "p1"}, {"event_type": "video.publish.complete"}]
)
def test_a_body_that_says_too_little_is_400(client, payload):
    answer = send(client, payload)
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "invalid_payload")


def test_the_real_format_still_counts_and_is_never_told_400(client):
    assert Sender(client).send(an_envelope()).status_code == 200
    assert Sender(client).send(b"not json").status_code == 200


def test_a_challenge_is_echoed_as_plain_text(client):
    answer = client.get(ADDRESS + "?challenge=hello%20there")
    assert (answer.status_code, answer.text) == (200, "hello there")
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize("query", ["", "?challenge=", "?challenge=" + "x" * 256])
def test_without_a_proper_challenge_it_is_400(client, query):
    assert client.get(ADDRESS + query).status_code == 400


def test_switched_off_the_bare_digest_is_no_signature(stage):
    answer = send(stage.house().test_client(), COMPLETE)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "missing_signature")


def test_its_events_are_stored_under_our_names(client, house):
    send(client, {"type": "video.inbox.received", "publish_id": "p2"})
    with house.database.transaction() as session:
        row = session.execute(text("SELECT * FROM webhook_events")).mappings().one()
    assert (row["event_type"], row["external_id"]) == (
        "video.inbox.received",
        "video.inbox.received:p2",
    )
