"""Signatures as the specification has them, held against its own example and another's library."""

import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from core.backoff import next_retry_delay
from core.endpoints.endpoints import validate_event_types, validate_url
from core.errors import Invalid
from core.outbox import DELIVERY_JOB, EVENT_TYPES, AppEvent
from core.outbox.deliver import (
    COOLDOWN_AFTER_FAILURES,
    MAX_COOLDOWN,
    MIN_COOLDOWN,
    DeliveryResult,
    cooldown_period,
)
from core.outbox.enqueue import serialize_event
from core.outbox.signing import generate_secret, signature_headers, signing_key
from platforms.secret import Secret

SECRET = Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
MESSAGE_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
MESSAGE_BODY = b'{"test": 2432232314}'
EXPECTED_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
"""The example of the specification's reference libraries, all of which test against it."""

OTHER_SECRET = generate_secret()


def current_time():
    """Of this very test: the other library takes nothing that is five minutes old."""
    return datetime.now(UTC)


def test_the_example_of_the_specification_is_signed_as_there():
    at = datetime.fromtimestamp(1614265330, UTC)
    assert signature_headers(MESSAGE_ID, MESSAGE_BODY, at=at, signing_secrets=[SECRET]) == {
        "webhook-id": MESSAGE_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": EXPECTED_SIGNATURE,
    }


@given(
    st.binary(min_size=24, max_size=64),
    st.text(),
    st.uuids().map(lambda found: f"msg_{found.hex}"),
)
def test_what_we_sign_another_library_accepts(bytes_, text, name):
    secret = Secret("whsec_" + b64encode(bytes_).decode())
    said = json.dumps(text).encode()
    signed = signature_headers(name, said, at=current_time(), signing_secrets=[secret])
    assert Webhook(secret.reveal()).verify(said, dict(signed)) == text


@pytest.mark.parametrize("changed", ["body", "id", "timestamp"])
def test_nothing_that_is_signed_can_be_changed(changed):
    signed = dict(
        signature_headers(MESSAGE_ID, MESSAGE_BODY, at=current_time(), signing_secrets=[SECRET])
    )
    said = MESSAGE_BODY + b" " if changed == "body" else MESSAGE_BODY
    if changed == "id":
        signed["webhook-id"] += "x"
    if changed == "timestamp":
        signed["webhook-timestamp"] = str(int(signed["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.reveal()).verify(said, signed)


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_while_secrets_change_either_of_them_will_do(secret):
    signed = dict(
        signature_headers(
            MESSAGE_ID, MESSAGE_BODY, at=current_time(), signing_secrets=[OTHER_SECRET, SECRET]
        )
    )
    assert len(signed["webhook-signature"].split(" ")) == 2
    Webhook(secret.reveal()).verify(MESSAGE_BODY, signed)


def test_a_secret_is_random_and_of_the_usual_form():
    assert generate_secret() != generate_secret()
    assert len(signing_key(generate_secret())) == 32
    assert generate_secret().reveal().startswith("whsec_")


@pytest.mark.parametrize(
    "wrong", ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", "whsec_" + "QUJD" * 30]
)
def test_a_secret_of_another_form_signs_nothing(wrong):
    with pytest.raises(ValueError) as caught:
        signing_key(Secret(wrong))
    assert not wrong or wrong not in str(caught.value)


def test_endpoints_are_retried_along_the_documented_curve():
    waits = [next_retry_delay(attempt, DELIVERY_JOB.policy, jitter=0.0) for attempt in range(1, 9)]
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    steps = [timedelta(seconds=5), 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour]
    assert waits == [*steps, 10 * hour, None]
    assert DELIVERY_JOB.policy.max_attempts == 8


def test_a_whole_batch_ends_within_the_time_of_its_task_and_that_within_the_lease():
    resolving, connecting, reading = 3, 3, 10
    rounds = -(-DELIVERY_JOB.batch_size // DELIVERY_JOB.pool_size)
    assert rounds * (resolving + connecting + reading) < 60
    assert DELIVERY_JOB.lease > timedelta(seconds=75)


@pytest.mark.parametrize(
    ("status", "asked", "retryable", "floor"),
    [
        (301, 60, True, 0),
        (400, 60, True, 0),
        (410, 60, False, 0),
        (429, 60, True, 60),
        (500, 60, True, 0),
        (503, 60, True, 60),
    ],
)
def test_what_an_answer_means(status, asked, retryable, floor):
    tried = DeliveryResult(1, timedelta(0), status, retry_after=timedelta(seconds=asked))
    assert (tried.failure.retryable, tried.failure.min_delay) == (
        retryable,
        timedelta(seconds=floor),
    )


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_counts_as_delivered(status):
    assert DeliveryResult(1, timedelta(0), status).failure is None


def test_an_endpoint_in_trouble_rests_longer_and_longer_but_never_for_long():
    rests = [
        cooldown_period(failures)
        for failures in range(COOLDOWN_AFTER_FAILURES, COOLDOWN_AFTER_FAILURES + 40)
    ]
    assert rests[0] == MIN_COOLDOWN
    assert rests == sorted(rests)
    assert rests[-1] == MAX_COOLDOWN


def test_a_body_says_what_when_and_of_what():
    at = datetime(2026, 11, 27, 12, tzinfo=UTC)
    news = AppEvent(7, "post.published", "post:3", {"post_id": 3, "finished_at": at, "title": "é"})
    said = serialize_event(news, sequence=2, at=at)
    assert json.loads(said) == {
        "type": "post.published",
        "timestamp": "2026-11-27T12:00:00Z",
        "data": {
            "post_id": 3,
            "finished_at": "2026-11-27T12:00:00Z",
            "title": "é",
            "sequence": 2,
        },
    }
    with pytest.raises(TypeError):
        serialize_event(
            AppEvent(7, "post.published", "post:3", {"token": Secret("x")}), sequence=1, at=at
        )


def test_events_are_named_once_in_our_order_and_strange_ones_refused():
    assert validate_event_types(["post.failed", "post.published", "post.failed"]) == [
        "post.published",
        "post.failed",
    ]
    with pytest.raises(Invalid) as caught:
        validate_event_types(["post.published", "post.exploded"])
    assert "post.failed" in caught.value.details["fields"]["events"]
    assert all(name.partition(".")[0] in {"post", "account"} for name in EVENT_TYPES)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hook",
        "https://example.com:8443/hook",
        "https://user:word@example.com/hook",
        "https://127.0.0.1/hook",
        "https://[::1]/hook",
        "https://localhost/hook",
        "https://printer.local/hook",
        "https://example.com/a hook",
        "https://example.com/" + "x" * 2048,
        "ftp://example.com/",
        "javascript:alert(1)",
        "example.com",
        "",
    ],
)
def test_addresses_that_are_refused(url):
    with pytest.raises(Invalid) as caught:
        validate_url(url, allow_private=False)
    assert "url" in caught.value.details["fields"]


def test_a_public_https_address_is_kept_as_it_is():
    url = "https://example.com/hook?token=1"
    assert validate_url(url, allow_private=False) == validate_url(url, allow_private=True) == url


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/hook", "http://localhost/", "https://a.lan/"]
)
def test_developers_may_use_endpoints_on_localhost(url):
    assert validate_url(url, allow_private=True) == url


@pytest.mark.parametrize(
    "url", ["ftp://a.lan/", "http://", "http://u@a.lan/", "http://a.lan:x/", "http://a.lan:0/"]
)
def test_even_then_not_every_private_url_is_allowed(url):
    with pytest.raises(Invalid):
        validate_url(url, allow_private=True)
