"""The legacy delivery format (`TIKTOK_WEBHOOK_COMPAT`), which TikTok itself never sent."""

import hashlib
import hmac
import json

import pytest
from sqlalchemy import text

from tests.support.tiktok_webhooks import WEBHOOK_PATH, TikTokWebhookSender, build_envelope


@pytest.fixture
def compat_client(app_factory):
    return app_factory.create_app(TIKTOK_WEBHOOK_COMPAT="on").test_client()


def send_digest_signed(client, payload, secret="client-secret"):
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return client.post(WEBHOOK_PATH, data=body, headers={"x-tiktok-signature": digest})


COMPLETE_EVENT = {"event_type": "video.publish.complete", "event_id": "e1", "publish_id": "p1"}


def test_a_bare_digest_is_enough(compat_client):
    assert send_digest_signed(compat_client, COMPLETE_EVENT).json == {
        "success": True,
        "message": "Webhook received",
    }
    assert send_digest_signed(compat_client, COMPLETE_EVENT).json["duplicate"] is True


def test_a_wrong_digest_is_401(compat_client):
    assert send_digest_signed(compat_client, COMPLETE_EVENT, secret="wrong").status_code == 401


@pytest.mark.parametrize(
    "payload", [b"not json", {"publish_id": "p1"}, {"event_type": "video.publish.complete"}]
)
def test_a_body_without_event_or_publication_is_400(compat_client, payload):
    response = send_digest_signed(compat_client, payload)
    assert (response.status_code, response.json["error"]["code"]) == (400, "invalid_payload")


def test_the_real_format_is_accepted_too_and_never_answered_400(compat_client):
    assert TikTokWebhookSender(compat_client).send(build_envelope()).status_code == 200
    assert TikTokWebhookSender(compat_client).send(b"not json").status_code == 200


def test_a_challenge_is_echoed_as_plain_text(compat_client):
    response = compat_client.get(WEBHOOK_PATH + "?challenge=hello%20there")
    assert (response.status_code, response.text) == (200, "hello there")
    assert response.mimetype == "text/plain"


@pytest.mark.parametrize("query", ["", "?challenge=", "?challenge=" + "x" * 256])
def test_a_missing_empty_or_long_challenge_is_400(compat_client, query):
    assert compat_client.get(WEBHOOK_PATH + query).status_code == 400


def test_when_switched_off_a_bare_digest_counts_as_no_signature(app_factory):
    response = send_digest_signed(app_factory.create_app().test_client(), COMPLETE_EVENT)
    assert (response.status_code, response.json["error"]["code"]) == (401, "missing_signature")


def test_events_are_stored_under_the_shared_names(compat_client, container):
    send_digest_signed(compat_client, {"type": "video.inbox.received", "publish_id": "p2"})
    with container.database.transaction() as session:
        row = session.execute(text("SELECT * FROM webhook_events")).mappings().one()
    assert (row["event_type"], row["external_id"]) == (
        "video.inbox.received",
        "video.inbox.received:p2",
    )


def test_its_verdict_says_which_format_signed_it(compat_client, container):
    send_digest_signed(compat_client, COMPLETE_EVENT)
    with container.database.transaction() as session:
        query = "SELECT verdict, secret_no, signed_at FROM webhook_events"
        assert tuple(session.execute(text(query)).one()) == ("compat", 1, None)
