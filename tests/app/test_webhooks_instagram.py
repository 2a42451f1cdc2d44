"""Instagram's webhooks: the handshake, and deliveries of up to a thousand changes."""

import hmac
import json
from hashlib import sha256

import pytest
from sqlalchemy import text

from app.http.context import CONTAINER_KEY

WEBHOOK_PATH = "/api/webhooks/instagram"
WEBHOOK_SECRET, VERIFY_TOKEN = "0123456789abcdef0123456789abcdef", "a-verify-token-of-the-tests"
SETTINGS = {"INSTAGRAM_WEBHOOK_SECRET": f"old-secret-of-before,{WEBHOOK_SECRET}"}
HANDSHAKE_QUERY = {
    "hub.mode": "subscribe",
    "hub.challenge": "00115",
    "hub.verify_token": VERIFY_TOKEN,
}


@pytest.fixture
def meta_client(app_factory):
    return app_factory.create_app(
        **SETTINGS, INSTAGRAM_WEBHOOK_VERIFY_TOKEN=VERIFY_TOKEN
    ).test_client()


@pytest.fixture
def load_events(app_factory, meta_client):
    def read():
        with meta_client.application.extensions[CONTAINER_KEY].database.transaction() as session:
            rows = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
            return list(rows.mappings())

    return read


def build_delivery(*numbers, time=1763800000):
    values = [{"id": str(number), "text": "caf\u00e9"} for number in numbers]
    changes = [{"field": "comments", "value": value} for value in values]
    entry = {"id": "17841400000000001", "time": time, "changes": changes}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


def send_delivery(client, body, *, secret=WEBHOOK_SECRET):
    digest = hmac.new(secret.encode(), body, sha256).hexdigest()
    return client.post(WEBHOOK_PATH, data=body, headers={"X-Hub-Signature-256": f"sha256={digest}"})


def error_code(response):
    return response.json["error"]["code"]


def test_the_handshake_echoes_the_challenge_as_text(meta_client):
    response = meta_client.get(WEBHOOK_PATH, query_string=HANDSHAKE_QUERY)
    assert (response.status_code, response.text) == (200, "00115")
    assert response.mimetype == "text/plain"


def test_a_handshake_with_another_token_is_403(meta_client):
    response = meta_client.get(
        WEBHOOK_PATH, query_string={**HANDSHAKE_QUERY, "hub.verify_token": "x"}
    )
    assert (response.status_code, error_code(response)) == (403, "verification_failed")


def test_without_a_verify_token_in_the_settings_a_handshake_is_503(app_factory):
    response = (
        app_factory.create_app(**SETTINGS)
        .test_client()
        .get(WEBHOOK_PATH, query_string=HANDSHAKE_QUERY)
    )
    assert (response.status_code, error_code(response)) == (503, "webhook_not_configured")


def test_without_a_secret_in_the_settings_a_delivery_is_503(client):
    response = send_delivery(client, build_delivery(1))
    assert (response.status_code, error_code(response)) == (503, "webhook_not_configured")


def test_a_thousand_changes_of_one_delivery_are_stored_once(meta_client, load_events):
    response = send_delivery(meta_client, build_delivery(*range(1000)))
    assert response.json == {"success": True, "message": "Webhook received"}
    second = send_delivery(meta_client, build_delivery(*range(1000), time=1763899999))
    assert second.json["duplicate"] is True
    rows = load_events()
    assert len(rows) == 1000
    assert {row["status"] for row in rows} == {"pending"}
    assert {row["event_type"] for row in rows} == {"comment.received"}


def test_a_delivery_with_some_new_changes_is_not_a_duplicate(meta_client, load_events):
    send_delivery(meta_client, build_delivery(1, 2))
    assert "duplicate" not in send_delivery(meta_client, build_delivery(2, 3)).json
    assert len(load_events()) == 3


def test_either_of_two_secrets_is_accepted_and_no_other(meta_client, load_events):
    assert (
        send_delivery(meta_client, build_delivery(1), secret="old-secret-of-before").status_code
        == 200
    )
    refused = send_delivery(meta_client, build_delivery(2), secret="another-secret")
    assert (refused.status_code, error_code(refused)) == (401, "invalid_signature")
    assert len(load_events()) == 1


@pytest.mark.parametrize("body", [b"not JSON", b"{}", b"[]", b'{"entry": []}', b"\xff", b""])
def test_a_signed_body_without_changes_is_stored_raw(meta_client, load_events, body):
    assert send_delivery(meta_client, body).status_code == 200
    (row,) = load_events()
    assert (row["event_type"], row["status"]) == ("unreadable", "ignored")
