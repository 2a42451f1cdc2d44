"""Signatures, checked with the specification's example and reference library; endpoint rules."""

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
from core.outbox import DELIVERY_JOB_TYPE, EVENT_TYPES, AppEvent
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
    """The real time: the reference library refuses signatures older than five minutes."""
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
    st.uuids().map(lambda uuid: f"msg_{uuid.hex}"),
)
def test_the_reference_library_accepts_our_signatures(key_bytes, text, message_id):
    secret = Secret("whsec_" + b64encode(key_bytes).decode())
    body = json.dumps(text).encode()
    headers = signature_headers(message_id, body, at=current_time(), signing_secrets=[secret])
    assert Webhook(secret.reveal()).verify(body, dict(headers)) == text


@pytest.mark.parametrize("changed", ["body", "id", "timestamp"])
def test_nothing_that_is_signed_can_be_changed(changed):
    headers = dict(
        signature_headers(MESSAGE_ID, MESSAGE_BODY, at=current_time(), signing_secrets=[SECRET])
    )
    body = MESSAGE_BODY + b" " if changed == "body" else MESSAGE_BODY
    if changed == "id":
        headers["webhook-id"] += "x"
    if changed == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) + 1)
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET.reveal()).verify(body, headers)


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
def test_during_a_secret_rotation_each_secret_verifies(secret):
    headers = dict(
        signature_headers(
            MESSAGE_ID, MESSAGE_BODY, at=current_time(), signing_secrets=[OTHER_SECRET, SECRET]
        )
    )
    assert len(headers["webhook-signature"].split(" ")) == 2
    Webhook(secret.reveal()).verify(MESSAGE_BODY, headers)


def test_a_generated_secret_is_random_and_has_the_standard_form():
    assert generate_secret() != generate_secret()
    assert len(signing_key(generate_secret())) == 32
    assert generate_secret().reveal().startswith("whsec_")


@pytest.mark.parametrize(
    "invalid", ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", "whsec_" + "QUJD" * 30]
)
def test_an_invalid_secret_is_refused_and_not_quoted(invalid):
    with pytest.raises(ValueError) as caught:
        signing_key(Secret(invalid))
    assert not invalid or invalid not in str(caught.value)


def test_deliveries_are_retried_with_the_documented_delays():
    delays = [
        next_retry_delay(attempt, DELIVERY_JOB_TYPE.retry_policy, jitter=0.0)
        for attempt in range(1, 9)
    ]
    minute, hour = timedelta(minutes=1), timedelta(hours=1)
    steps = [timedelta(seconds=5), 5 * minute, 30 * minute, 2 * hour, 5 * hour, 10 * hour]
    assert delays == [*steps, 10 * hour, None]
    assert DELIVERY_JOB_TYPE.retry_policy.max_attempts == 8


def test_a_batch_ends_within_the_soft_limit_of_its_task_and_within_the_lease():
    resolve_timeout, connect_timeout, read_timeout = 3, 3, 10
    rounds = -(-DELIVERY_JOB_TYPE.batch_size // DELIVERY_JOB_TYPE.pool_size)
    assert rounds * (resolve_timeout + connect_timeout + read_timeout) < 60
    assert DELIVERY_JOB_TYPE.lease > timedelta(seconds=75)


@pytest.mark.parametrize(
    ("status", "retry_after", "retryable", "min_delay"),
    [
        (301, 60, True, 0),
        (400, 60, True, 0),
        (410, 60, False, 0),
        (429, 60, True, 60),
        (500, 60, True, 0),
        (503, 60, True, 60),
    ],
)
def test_retries_by_status(status, retry_after, retryable, min_delay):
    result = DeliveryResult(1, timedelta(0), status, retry_after=timedelta(seconds=retry_after))
    assert result.failure.retryable is retryable
    assert result.failure.min_delay == timedelta(seconds=min_delay)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_2xx_counts_as_delivered(status):
    assert DeliveryResult(1, timedelta(0), status).failure is None


def test_the_cooldown_of_a_failing_endpoint_grows_up_to_a_maximum():
    cooldowns = [
        cooldown_period(failures)
        for failures in range(COOLDOWN_AFTER_FAILURES, COOLDOWN_AFTER_FAILURES + 40)
    ]
    assert cooldowns[0] == MIN_COOLDOWN
    assert cooldowns == sorted(cooldowns)
    assert cooldowns[-1] == MAX_COOLDOWN


def test_a_body_contains_type_time_and_data():
    at = datetime(2026, 11, 27, 12, tzinfo=UTC)
    event = AppEvent(7, "post.published", "post:3", {"post_id": 3, "finished_at": at, "title": "é"})
    body = serialize_event(event, sequence=2, at=at)
    assert json.loads(body) == {
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


def test_event_types_are_listed_once_in_our_order_and_unknown_ones_refused():
    assert validate_event_types(["post.failed", "post.published", "post.failed"]) == [
        "post.published",
        "post.failed",
    ]
    with pytest.raises(Invalid) as caught:
        validate_event_types(["post.published", "post.exploded"])
    assert "post.failed" in caught.value.details["fields"]["events"]
    subjects = {"post", "account", "comment", "mention"}
    assert all(name.partition(".")[0] in subjects for name in EVENT_TYPES)


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
def test_urls_that_are_refused(url):
    with pytest.raises(Invalid) as caught:
        validate_url(url, allow_private=False)
    assert "url" in caught.value.details["fields"]


def test_a_public_https_url_is_kept_as_it_is():
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
def test_even_with_private_hosts_some_urls_are_refused(url):
    with pytest.raises(Invalid):
        validate_url(url, allow_private=True)
