"""TikTok deliveries through Flask: the exact status and row of each case, and never a 500."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.app.conftest import WRITE_TIMEOUT
from tests.support.tiktok_webhooks import (
    WEBHOOK_PATH,
    TikTokWebhookSender,
    build_envelope,
    sign_body,
)

DAY = 86_400


@pytest.fixture
def webhook_sender(client):
    return TikTokWebhookSender(client)


@pytest.fixture
def load_events(container):
    def read():
        with container.database.transaction() as session:
            rows = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
            return list(rows.mappings())

    return read


def error_code(response):
    return response.json["error"]["code"]


def test_a_delivery_is_stored_and_answered_with_exactly_200(webhook_sender, load_events):
    response = webhook_sender.send(build_envelope())
    assert response.status_code == 200
    assert response.json == {"success": True, "message": "Webhook received"}
    (row,) = load_events()
    assert row["event_type"] == "video.publish.complete"
    assert row["vendor_event"] == "post.publish.complete"
    assert (row["status"], row["processed_at"], row["retry_count"]) == ("pending", None, 0)
    assert row["payload_json"] == build_envelope()
    assert row["correlation_id"] == response.headers["X-Request-Id"]


def test_a_second_delivery_is_acknowledged_as_a_duplicate(webhook_sender, load_events):
    webhook_sender.send(build_envelope())
    response = webhook_sender.send(build_envelope(), at=time.time() - 60)
    assert response.status_code == 200
    assert response.json["duplicate"] is True
    assert len(load_events()) == 1


def test_ten_deliveries_at_once_are_one_row(app, load_events):
    def send(_):
        return TikTokWebhookSender(app.test_client()).send(build_envelope())

    with ThreadPoolExecutor(10) as threads:
        responses = list(threads.map(send, range(10)))
    assert {response.status_code for response in responses} == {200}
    assert sum("duplicate" not in response.json for response in responses) == 1
    assert len(load_events()) == 1


@pytest.mark.parametrize("age", [600, 3 * DAY, -900])
def test_a_valid_delivery_outside_the_time_window_is_stored_and_marked_late(
    webhook_sender, load_events, age
):
    response = webhook_sender.send(build_envelope(), at=time.time() - age)
    assert response.status_code == 200
    assert load_events()[0]["late"] is True


def test_a_replay_days_later_is_a_duplicate(webhook_sender, load_events):
    webhook_sender.send(build_envelope())
    response = webhook_sender.send(build_envelope(), at=time.time() - 3 * DAY)
    assert (response.status_code, response.json["duplicate"]) == (200, True)
    assert [row["late"] for row in load_events()] == [False]


def test_the_reject_policy_refuses_late_deliveries(app_factory, load_events):
    sender = TikTokWebhookSender(
        app_factory.create_app(TIKTOK_WEBHOOK_LATE_POLICY="reject").test_client()
    )
    response = sender.send(build_envelope(), at=time.time() - 600)
    assert (response.status_code, error_code(response)) == (401, "stale_signature")
    assert sender.send(build_envelope()).status_code == 200
    assert len(load_events()) == 1


def test_old_and_new_secret_are_both_accepted_during_a_change(app_factory, load_events):
    client = app_factory.create_app(TIKTOK_WEBHOOK_SECRET="new-secret,old-secret").test_client()
    assert TikTokWebhookSender(client, "new-secret").send(build_envelope()).status_code == 200
    assert TikTokWebhookSender(client, "old-secret").send(build_envelope()).status_code == 200
    assert TikTokWebhookSender(client, "client-secret").send(build_envelope()).status_code == 401
    assert len(load_events()) == 1


SAMPLE_BODY = json.dumps(build_envelope()).encode()
TAMPERED_BODY = bytes([SAMPLE_BODY[0]]) + bytes([SAMPLE_BODY[1] ^ 1]) + SAMPLE_BODY[2:]


@pytest.mark.parametrize(
    ("header", "body", "code"),
    [
        (None, SAMPLE_BODY, "missing_signature"),
        ("", SAMPLE_BODY, "missing_signature"),
        ("nonsense", SAMPLE_BODY, "invalid_signature"),
        ("t=,s=", SAMPLE_BODY, "invalid_signature"),
        ("t=1,t=2,s=00", SAMPLE_BODY, "invalid_signature"),
        ("t=99999999999999999999999,s=00", SAMPLE_BODY, "invalid_signature"),
        ("t=\u00b2,s=00".encode().decode("latin-1"), SAMPLE_BODY, "invalid_signature"),
        (sign_body(SAMPLE_BODY), TAMPERED_BODY, "invalid_signature"),
        (sign_body(SAMPLE_BODY), b"", "invalid_signature"),
        (sign_body(SAMPLE_BODY, secret="wrong"), SAMPLE_BODY, "invalid_signature"),
        (sign_body(SAMPLE_BODY)[:-1], SAMPLE_BODY, "invalid_signature"),
    ],
    ids=range(11),
)
def test_a_bad_signature_is_401_and_stores_nothing(client, load_events, header, body, code):
    headers = {} if header is None else {"TikTok-Signature": header}
    response = client.post(WEBHOOK_PATH, data=body, headers=headers)
    assert (response.status_code, error_code(response)) == (401, code)
    assert load_events() == []


def test_a_delivery_for_another_app_is_401(webhook_sender, load_events):
    response = webhook_sender.send(build_envelope(client_key="another key"))
    assert (response.status_code, error_code(response)) == (401, "invalid_signature")
    assert load_events() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"no": "event"}',
        b'{"event": 7}',
        b'{"event": "a", "x": nan}',
        b'{"event": \xff\xfe}',
        b"\0\0",
        b"[" * 200_000,
        b'{"event":"post.publish.complete","x":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        gzip.compress(SAMPLE_BODY),
    ],
    ids=range(12),
)
def test_a_signed_unreadable_body_is_stored_raw_and_acknowledged(webhook_sender, load_events, body):
    response = webhook_sender.send(body)
    assert response.status_code == 200
    (row,) = load_events()
    assert (row["event_type"], row["status"]) == ("unreadable", "ignored")
    assert row["processed_at"] is not None
    assert row["payload_json"]["raw"] == body.decode("utf-8", "replace").replace("\0", "\ufffd")
    assert webhook_sender.send(body).json["duplicate"] is True


def test_a_list_with_an_unreadable_item_leaves_a_row_for_each(webhook_sender, load_events):
    removal = {**build_envelope(), "event": "authorization.removed"}
    body = json.dumps([removal, 7]).encode()
    assert webhook_sender.send(body).status_code == 200
    rows = load_events()
    assert {(row["event_type"], row["status"]) for row in rows} == {
        ("authorization.removed", "pending"),
        ("unreadable", "ignored"),
    }
    assert webhook_sender.send(body).json["duplicate"] is True


def test_nul_lone_surrogates_and_long_names_fit_their_columns(webhook_sender, load_events):
    body = (
        b'{"client_key":"key","event":"' + b"e" * 5_000 + b'","user_openid":"'
        + b"u" * 5_000 + b'","content":"a\\u0000b\\ud800"}'
    )  # fmt: skip
    assert webhook_sender.send(body).status_code == 200
    (row,) = load_events()
    assert row["payload_json"]["content"] == "a\ufffdb\ufffd"
    assert len(row["event_type"]) <= 100
    assert len(row["external_id"]) <= 255


def test_deep_but_readable_json_is_stored_as_an_event(webhook_sender, load_events):
    body = json.dumps(build_envelope()).encode()[:-1] + b',"x":' + b"[" * 150 + b"]" * 150 + b"}"
    assert webhook_sender.send(body).status_code == 200
    assert load_events()[0]["event_type"] == "video.publish.complete"


@pytest.mark.parametrize(
    "event", ["tiktok.ping", "video.upload.failed", "portability.download.ready"]
)
def test_an_event_without_effect_is_stored_as_ignored_under_its_own_name(
    webhook_sender, load_events, event
):
    assert webhook_sender.send(build_envelope(event)).status_code == 200
    (row,) = load_events()
    assert (row["event_type"], row["status"]) == (event, "ignored")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_the_content_type_does_not_matter(webhook_sender, load_events, content_type):
    assert webhook_sender.send(build_envelope(), content_type=content_type).status_code == 200
    assert len(load_events()) == 1


def test_a_large_body_is_413_before_its_signature_is_checked(app_factory, load_events):
    client = app_factory.create_app(WEBHOOK_MAX_BYTES="1000").test_client()
    response = client.post(WEBHOOK_PATH, data=b"x" * 1001)
    assert (response.status_code, error_code(response)) == (413, "PAYLOAD_TOO_LARGE")
    assert client.post(WEBHOOK_PATH, data=b"x" * 1000).status_code == 401
    assert load_events() == []


def test_a_large_body_without_a_length_is_413_as_soon_as_the_limit_is_read(app_factory):
    """The form of a chunked body: no length, and an end that may never come."""
    app = app_factory.create_app(WEBHOOK_MAX_BYTES="1000")
    read_sizes = []

    class Endless:
        def read(self, size=-1):
            read_sizes.append(size)
            return b"x" * max(size, 1)

    environ = EnvironBuilder(path=WEBHOOK_PATH, method="POST").get_environ()
    environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True}
    environ.pop("CONTENT_LENGTH", None)
    _, status, _ = run_wsgi_app(app, environ)
    assert status.startswith("413")
    assert sum(read_sizes) < 200_000


def test_a_platform_without_a_secret_is_503_whatever_the_size(app_factory):
    client = app_factory.create_app(TIKTOK_CLIENT_SECRET="", WEBHOOK_MAX_BYTES="10").test_client()
    response = client.post(WEBHOOK_PATH, data=b"x" * 100)
    assert (response.status_code, error_code(response)) == (503, "webhook_not_configured")


def test_an_unknown_platform_is_404(client):
    assert client.post("/api/webhooks/myspace", data=b"").status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_post_is_allowed(client, load_events, method):
    response = getattr(client, method)(WEBHOOK_PATH + "?challenge=hello")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert load_events() == []


def test_cookies_csrf_and_rate_limits_do_not_apply(app_factory, load_events):
    app = app_factory.create_app(RATE_LIMIT_ANONYMOUS="1/1m")
    client = app.test_client()
    client.set_cookie("signalpost_session", "whatever")
    for number in range(5):
        assert (
            TikTokWebhookSender(client).send(build_envelope(publish_id=f"p{number}")).status_code
            == 200
        )
    assert len(load_events()) == 5


def test_the_sent_signature_is_not_repeated_in_the_response(client):
    response = client.post(
        WEBHOOK_PATH, data=SAMPLE_BODY, headers={"TikTok-Signature": "t=1,s=deadbeefcanary"}
    )
    assert "deadbeefcanary" not in response.text


def test_without_postgres_it_is_503_with_a_retry_time(app_factory):
    unreachable_url = "postgresql://nobody@127.0.0.1:1/nothing"
    started_at = time.monotonic()
    response = TikTokWebhookSender(
        app_factory.create_app(DATABASE_URL=unreachable_url).test_client()
    ).send(build_envelope())
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert time.monotonic() - started_at < WRITE_TIMEOUT.total_seconds() / 2
