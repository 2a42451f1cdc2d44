"""The sandbox's deauthorize and data-deletion callbacks: signed requests, forged ones, answers."""

import hmac
import json
from base64 import urlsafe_b64decode
from hashlib import sha256
from urllib.parse import parse_qs

import pytest

from platforms.sandbox.instagram.callbacks import sign_request
from tests.platforms.raw_instagram_client import (
    FACEBOOK_SECRET,
    INSTAGRAM_GRAPH,
    INSTAGRAM_SECRET,
)


def decode_request(body, secret):
    """Return whether the signed request is valid, and its payload."""
    [text] = parse_qs(body.decode(), keep_blank_values=True)["signed_request"]
    signature, _, payload = text.partition(".")
    digest = hmac.new(secret.encode(), payload.encode(), sha256).digest()
    is_valid = urlsafe_b64decode(signature + "=" * (-len(signature) % 4)) == digest
    return is_valid, json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def test_our_signed_requests_give_the_reference_vector():
    payload = {
        "algorithm": "HMAC-SHA256",
        "expires": 0,
        "issued_at": 1_763_800_000,
        "user_id": "17841400000000001",
    }
    assert sign_request("test_app_secret", payload) == (
        "TLpg__x5Wm719V-cmRZX-S5Pto5Hpvxze99DXq-yQtw.eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImV4cGly"
        "ZXMiOjAsImlzc3VlZF9hdCI6MTc2MzgwMDAwMCwidXNlcl9pZCI6IjE3ODQxNDAwMDAwMDAwMDAxIn0"
    )


def test_removing_the_app_calls_the_deauthorize_callback(instagram_sandbox, meta_receiver):
    instagram_sandbox.control("settings", deauthorize_url=meta_receiver.url)
    login = instagram_sandbox.connect_facebook()
    answer = instagram_sandbox.control("deauthorize", login=login.person_id)
    assert answer["status"] == 200
    headers, body = meta_receiver.received.get(timeout=30)
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    is_valid, payload = decode_request(body, FACEBOOK_SECRET)
    assert (is_valid, payload["user_id"]) == (True, login.person_id)
    assert instagram_sandbox.graph("GET", "/me", login.token).error == (400, 190, 458)


@pytest.mark.parametrize("kind", ["app_scoped", "professional"])
def test_instagrams_callback_has_one_of_the_accounts_ids(instagram_sandbox, meta_receiver, kind):
    instagram_sandbox.control("settings", deauthorize_url=meta_receiver.url, callback_user_id=kind)
    login = instagram_sandbox.connect_instagram()
    me = instagram_sandbox.graph("GET", "/me", login.token, INSTAGRAM_GRAPH).result
    instagram_sandbox.control("deauthorize", login=login.account_id)
    is_valid, payload = decode_request(meta_receiver.received.get(timeout=30)[1], INSTAGRAM_SECRET)
    expected = me["id"] if kind == "app_scoped" else login.account_id
    assert (is_valid, payload["user_id"]) == (True, expected)


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (200, {"url": "https://example.com/s?id=1", "confirmation_code": "1"}, None),
        (200, {"url": "example.com", "confirmation_code": "1"}, "url is not an https address"),
        (200, {"url": "https://example.com/"}, "confirmation_code is not a text"),
        (200, "deleted", "the body is not a JSON object"),
        (500, {}, "the status is not 200"),
    ],
)
def test_the_answer_to_a_data_deletion_is_checked(
    instagram_sandbox, meta_receiver, status, body, problem
):
    instagram_sandbox.control("settings", data_deletion_url=meta_receiver.url)
    meta_receiver.answers.append((status, json.dumps(body)))
    login = instagram_sandbox.connect_facebook()
    answer = instagram_sandbox.control("data-deletion", login=login.person_id)
    assert (answer["status"], answer["problem"]) == (status, problem)


@pytest.mark.parametrize(
    "forgery", ["wrong_secret", "altered", "wrong_algorithm", "malformed", "empty"]
)
def test_forged_callbacks_remove_nothing(instagram_sandbox, meta_receiver, forgery):
    instagram_sandbox.control("settings", deauthorize_url=meta_receiver.url)
    login = instagram_sandbox.connect_facebook()
    instagram_sandbox.control("deauthorize", login=login.person_id, forgery=forgery)
    body = meta_receiver.received.get(timeout=30)[1]
    if forgery in {"wrong_secret", "altered"}:
        assert not decode_request(body, FACEBOOK_SECRET)[0]
    assert instagram_sandbox.graph("GET", "/me", login.token).status == 200
