"""What Meta is answered: its handshake, and deliveries of up to a thousand changes."""

import hmac
import json
from hashlib import sha256

import pytest
from sqlalchemy import text

from app.context import HOUSE

ADDRESS = "/api/webhooks/instagram"
SECRET, TOKEN = "0123456789abcdef0123456789abcdef", "a-verify-token-of-the-tests"
SETTINGS = {"INSTAGRAM_WEBHOOK_SECRET": f"old-secret-of-before,{SECRET}"}
QUESTION = {"hub.mode": "subscribe", "hub.challenge": "00115", "hub.verify_token": TOKEN}


@pytest.fixture
def meta(stage):
    return stage.house(**SETTINGS, INSTAGRAM_WEBHOOK_VERIFY_TOKEN=TOKEN).test_client()


@pytest.fixture
def rows(stage, meta):
    def read():
        with meta.application.extensions[HOUSE].database.transaction() as session:
            found = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
            return list(found.mappings())

    return read


def delivery(*numbers, time=1763800000):
    values = [{"id": str(number), "text": "caf\u00e9"} for number in numbers]
    changes = [{"field": "comments", "value": value} for value in values]
    entry = {"id": "17841400000000001", "time": time, "changes": changes}
    return json.dumps({"object": "instagram", "entry": [entry]}).encode()


def send(meta, body, *, secret=SECRET):
    digest = hmac.new(secret.encode(), body, sha256).hexdigest()
    return meta.post(ADDRESS, data=body, headers={"X-Hub-Signature-256": f"sha256={digest}"})


def code(answer):
    return answer.json["error"]["code"]


def test_the_handshake_echoes_the_challenge_as_text(meta):
    answer = meta.get(ADDRESS, query_string=QUESTION)
    assert (answer.status_code, answer.text) == (200, "00115")
    assert answer.mimetype == "text/plain"


def test_another_token_is_refused_with_403(meta):
    answer = meta.get(ADDRESS, query_string={**QUESTION, "hub.verify_token": "x"})
    assert (answer.status_code, code(answer)) == (403, "verification_failed")


def test_without_a_token_of_ours_the_handshake_is_not_set_up(stage):
    answer = stage.house(**SETTINGS).test_client().get(ADDRESS, query_string=QUESTION)
    assert (answer.status_code, code(answer)) == (503, "webhook_not_configured")


def test_without_a_secret_of_ours_deliveries_are_not_set_up(client):
    answer = send(client, delivery(1))
    assert (answer.status_code, code(answer)) == (503, "webhook_not_configured")


def test_a_thousand_changes_are_stored_with_one_answer_and_once(meta, rows):
    answer = send(meta, delivery(*range(1000)))
    assert answer.json == {"success": True, "message": "Webhook received"}
    again = send(meta, delivery(*range(1000), time=1763899999))
    assert again.json["duplicate"] is True
    stored = rows()
    assert len(stored) == 1000
    assert {row["status"] for row in stored} == {"ignored"}
    assert {row["event_type"] for row in stored} == {"comments"}


def test_a_delivery_that_is_partly_new_is_no_duplicate(meta, rows):
    send(meta, delivery(1, 2))
    assert "duplicate" not in send(meta, delivery(2, 3)).json
    assert len(rows()) == 3


def test_either_of_two_secrets_signs_and_no_other_does(meta, rows):
    assert send(meta, delivery(1), secret="old-secret-of-before").status_code == 200
    refused = send(meta, delivery(2), secret="another-secret")
    assert (refused.status_code, code(refused)) == (401, "invalid_signature")
    assert len(rows()) == 1


@pytest.mark.parametrize("body", [b"no JSON", b"{}", b"[]", b'{"entry": []}', b"\xff", b""])
def test_what_is_signed_and_holds_no_change_is_kept_raw(meta, rows, body):
    assert send(meta, body).status_code == 200
    (row,) = rows()
    assert (row["event_type"], row["status"]) == ("unreadable", "ignored")
