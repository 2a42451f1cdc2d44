"""The client verifies what we sign, as another implementation of Standard Webhooks does."""

import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook

from core.outbox.signing import generate_secret, signature_headers
from signalpost_client import SignatureRefused, verify_webhook
from signalpost_client.webhook_signatures import DEFAULT_TOLERANCE

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
BODY = json.dumps({"type": "post.published", "data": {"note": "é"}}).encode()
SECRET, OTHER = generate_secret(), generate_secret()


def sign(*secrets, at=NOW, body=BODY):
    return dict(signature_headers("msg_7", body, at=at, signing_secrets=secrets or [SECRET]))


def verify(headers, body=BODY, secrets=None, **options):
    secrets = SECRET.reveal() if secrets is None else secrets
    return verify_webhook(secrets, headers, body, now=NOW.timestamp(), **options)


def test_our_own_message_is_verified():
    assert verify(sign()) == json.loads(BODY)


def test_a_message_of_another_implementation_is_verified():
    signature = Webhook(SECRET.reveal()).sign("msg_7", NOW, BODY.decode())
    headers = {
        "Webhook-Id": "msg_7",
        "Webhook-Timestamp": str(int(NOW.timestamp())),
        "Webhook-Signature": signature,
    }
    assert verify(headers) == json.loads(BODY)


@pytest.mark.parametrize(
    ("signers", "known"),
    [([OTHER, SECRET], [SECRET]), ([SECRET], [OTHER, SECRET])],
    ids=["signed with both", "both are known"],
)
def test_a_secret_can_be_changed(signers, known):
    assert verify(sign(*signers), secrets=[each.reveal() for each in known])


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({}, BODY + b" "),
        ({"webhook-id": "msg_8"}, BODY),
        ({"webhook-timestamp": str(int(NOW.timestamp()) + 1)}, BODY),
        ({"webhook-signature": "v1,"}, BODY),
        ({"webhook-signature": "v1,ä"}, BODY),
        ({"webhook-signature": ""}, BODY),
        ({"webhook-signature": sign(OTHER)["webhook-signature"]}, BODY),
        ({"webhook-signature": sign()["webhook-signature"].replace("v1,", "v1a,")}, BODY),
    ],
)
def test_what_was_changed_is_refused(changes, body):
    with pytest.raises(SignatureRefused, match="no signature"):
        verify({**sign(), **changes}, body)


@pytest.mark.parametrize("missing", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_missing_header_is_named(missing):
    headers = sign()
    del headers[missing]
    with pytest.raises(SignatureRefused, match=missing):
        verify(headers)


@pytest.mark.parametrize("direction", [-1, 1], ids=["old", "early"])
def test_a_message_of_another_time_is_refused(direction):
    limit = timedelta(seconds=DEFAULT_TOLERANCE)
    assert verify(sign(at=NOW + direction * limit))
    late = sign(at=NOW + direction * (limit + timedelta(seconds=1)))
    with pytest.raises(SignatureRefused, match="differs from our clock by over 300 s"):
        verify(late)
    assert verify(late, tolerance=301)


def test_the_clock_is_read_if_no_time_is_given():
    assert verify_webhook(SECRET.reveal(), sign(at=datetime.now(UTC)), BODY)
    with pytest.raises(SignatureRefused, match="clock"):
        verify_webhook(SECRET.reveal(), sign(at=NOW - timedelta(days=1)), BODY)


def test_what_is_signed_and_no_json_object_is_refused():
    for body in (b"", b"[]", b"\xff"):
        with pytest.raises(SignatureRefused, match="JSON"):
            verify(sign(body=body), body)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_%%%", "ä"])
def test_what_is_no_secret_is_refused_without_printing_it(secret):
    with pytest.raises(ValueError, match="base64 after whsec_") as refused:
        verify(sign(), secrets=secret)
    assert secret.removeprefix("whsec_") == "" or secret not in str(refused.value)


def test_signatures_are_compared_in_constant_time(monkeypatch):
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(
        hmac, "compare_digest", lambda *pair: compared.append(pair) or compare(*pair)
    )
    with pytest.raises(SignatureRefused):
        verify({**sign(), "webhook-signature": "v1,AAAA v1,BBBB"})
    assert len(compared) == 2
