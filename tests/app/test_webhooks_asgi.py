"""The ASGI application stores ordinary deliveries itself, and answers exactly as Flask does."""

import asyncio
import json
import time

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.asgi import FLASK_THREADS, MAX_FAST_PATH_BYTES, AsgiApp
from app.http.request_log import WEBHOOK_PATH_PREFIX
from core.webhooks.writer import EventWriter, WriterBusy, WriteRejected
from db.session import Database
from tests.app.conftest import WRITE_TIMEOUT
from tests.support.asgi_caller import AsgiCaller, collect_response, make_scope, sign_envelope
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope, sign_body

BURST_SIZE = 20 * FLASK_THREADS
WAIT_SECONDS = 20.0
VARYING_HEADERS = {"x-request-id", "x-correlation-id", "x-duration-ms"}
VARYING_COLUMNS = {"id", "correlation_id"} | {
    f"{event}_at" for event in ("created", "updated", "next_attempt", "processed")
}
PRODUCTION_SETTINGS = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
}


@pytest.fixture
def asgi_app(app):
    return AsgiApp(app)


@pytest.fixture
def asgi_caller(asgi_app):
    return AsgiCaller(asgi_app)


@pytest.fixture
def flask_only_caller(app):
    """The same application without the fast path."""
    asgi_app = AsgiApp(app)
    asgi_app._match_fast_path = lambda _scope: None
    return AsgiCaller(asgi_app)


@pytest.fixture
def forwarded_paths(asgi_app, monkeypatch):
    """The paths of all requests that are passed to Flask."""
    paths, call_flask = [], asgi_app._flask

    async def record_and_call(scope, receive, send):
        paths.append(scope["path"])
        await call_flask(scope, receive, send)

    monkeypatch.setattr(asgi_app, "_flask", record_and_call)
    return paths


def load_events(container):
    with container.database.transaction() as session:
        return session.execute(text("SELECT * FROM webhook_events ORDER BY id")).mappings().all()


def stable_response(response):
    headers = {
        name: value for name, value in response.headers.items() if name not in VARYING_HEADERS
    }
    body = json.loads(response.body)
    if "error" in body:
        body["error"].pop("requestId")
    return response.status, headers, body


def test_an_ordinary_delivery_is_stored_without_flask(asgi_caller, forwarded_paths, container):
    response = asgi_caller.send_delivery(build_envelope())
    assert (response.status, json.loads(response.body)) == (
        200,
        {"success": True, "message": "Webhook received"},
    )
    assert forwarded_paths == []
    (row,) = load_events(container)
    assert row["correlation_id"] == response.headers["x-request-id"]
    assert row["publish_id"] == "v_pub~1"


DELIVERY_CASES = {
    "new": sign_envelope(build_envelope()),
    "unsigned": (b"{}", {}),
    "badly signed": (b"{}", {"TikTok-Signature": "t=1,s=00"}),
    "of another app": sign_envelope(build_envelope(client_key="another key")),
    "old": (json.dumps(build_envelope()).encode(), {"TikTok-Signature": sign_body(b"", at=1)}),
    "not JSON": sign_envelope(b"<html>"),
    "unknown event": sign_envelope(build_envelope("video.danced")),
    "with a nul": sign_envelope(build_envelope(content={"note": "\0"})),
    "not ASCII": sign_envelope(build_envelope(), {"X-Request-Id": "\u00e4" * 8}),
    "with a request id": sign_envelope(build_envelope(), {"X-Request-Id": "senders-request-id"}),
    "long": sign_envelope(build_envelope(padding="x" * MAX_FAST_PATH_BYTES)),
    "too long": sign_envelope(build_envelope(padding="x" * 2**20)),
}


@pytest.mark.parametrize("name", DELIVERY_CASES)
@pytest.mark.parametrize(
    "path", [WEBHOOK_PATH, WEBHOOK_PATH_PREFIX + "instagram", WEBHOOK_PATH_PREFIX + "unknown"]
)
def test_the_fast_path_answers_and_stores_as_flask_does(
    asgi_caller, flask_only_caller, container, name, path
):
    def take_stored_events():
        events = [
            {name: value for name, value in row.items() if name not in VARYING_COLUMNS}
            for row in load_events(container)
        ]
        with container.database.transaction() as session:
            session.execute(text("DELETE FROM webhook_events"))
        return events

    fast_response = stable_response(asgi_caller.request(path, *DELIVERY_CASES[name]))
    fast_events = take_stored_events()
    flask_response = stable_response(flask_only_caller.request(path, *DELIVERY_CASES[name]))
    flask_events = take_stored_events()
    assert fast_response == flask_response
    assert fast_events == flask_events


def test_a_second_delivery_is_answered_as_a_duplicate(asgi_caller, flask_only_caller):
    delivery = sign_envelope(build_envelope())
    assert json.loads(asgi_caller.request(WEBHOOK_PATH, *delivery).body).get("duplicate") is None
    assert stable_response(asgi_caller.request(WEBHOOK_PATH, *delivery)) == stable_response(
        flask_only_caller.request(WEBHOOK_PATH, *delivery)
    )
    assert json.loads(asgi_caller.request(WEBHOOK_PATH, *delivery).body)["duplicate"] is True


def test_a_delivery_whose_rows_are_refused_is_passed_to_flask(
    asgi_caller, forwarded_paths, container, monkeypatch
):
    async def refuse(_new_events, _loop):
        raise WriteRejected

    monkeypatch.setattr(container.event_writer, "write_async", refuse)
    assert asgi_caller.send_delivery(build_envelope()).status == 200
    assert forwarded_paths == [WEBHOOK_PATH]
    assert len(load_events(container)) == 1


def test_a_refused_delivery_is_verified_once_and_under_one_id(asgi_caller):
    with capture_logs() as lines:
        response = asgi_caller.request(WEBHOOK_PATH, b"{}", {"TikTok-Signature": "t=1,s=00"})
    names = [line["event"] for line in lines]
    assert names.count("webhook.signature_rejected") == names.count("request") == 1
    assert json.loads(response.body)["error"]["requestId"] == response.headers["x-request-id"]


def test_a_client_that_disconnects_mid_body_gets_an_error_and_stores_nothing(
    asgi_caller, container
):
    assert asgi_caller.send_delivery(build_envelope(), complete=False).status == 400
    assert load_events(container) == []


def test_a_body_is_complete_with_its_announced_length(asgi_app, container):
    """The server is not asked what follows: here it would never answer."""
    body, headers = sign_envelope(build_envelope())
    parts, messages = [body[:10], body[10:]], []

    async def receive():
        if not parts:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": parts.pop(0), "more_body": True}

    async def send(message):
        messages.append(message)

    all_headers = {"Content-Length": str(len(body)), **headers}
    scope = make_scope("POST", "http", WEBHOOK_PATH, "", all_headers)
    asyncio.run(asyncio.wait_for(asgi_app(scope, receive, send), WAIT_SECONDS))
    assert collect_response(messages).status == 200
    assert len(load_events(container)) == 1


def test_a_disconnect_in_a_body_that_flask_reads_stores_nothing_either(asgi_caller, container):
    response = asgi_caller.send_delivery(
        build_envelope(padding="x" * MAX_FAST_PATH_BYTES), complete=False
    )
    assert response.status == 400
    assert load_events(container) == []


def test_everything_else_is_passed_to_flask(asgi_caller, forwarded_paths):
    assert asgi_caller.request("/healthz", method="GET").status == 200
    assert asgi_caller.request(WEBHOOK_PATH, method="GET").status == 405
    assert (
        asgi_caller.request(WEBHOOK_PATH + "?a=1", *sign_envelope(build_envelope())).status == 200
    )
    chunked = sign_envelope(build_envelope(publish_id="chunked"), {"Transfer-Encoding": "chunked"})
    assert asgi_caller.request(WEBHOOK_PATH, *chunked).status == 200
    assert len(forwarded_paths) == 4


@pytest.mark.parametrize(
    ("proxies", "scheme", "forwarded_proto", "status"),
    [
        ("0", "http", None, 403),
        ("0", "http", "https", 403),
        ("0", "https", None, 200),
        ("1", "http", "https", 200),
        ("1", "http", "http, https", 200),
        ("1", "http", "https, http", 403),
        ("2", "http", "https", 403),
        ("2", "http", "https, http", 200),
    ],
)
def test_in_production_only_deliveries_over_tls_are_accepted(
    app_factory, proxies, scheme, forwarded_proto, status
):
    production_caller = AsgiCaller(
        AsgiApp(app_factory.create_app(**PRODUCTION_SETTINGS, TRUSTED_PROXY_COUNT=proxies))
    )
    headers = {"X-Forwarded-Proto": forwarded_proto} if forwarded_proto else {}
    response = production_caller.send_delivery(build_envelope(), headers, scheme=scheme)
    assert response.status == status
    if status == 200:
        assert "strict-transport-security" in response.headers


def test_a_delivery_not_stored_in_time_waits_once_and_gets_a_retry_time(app_factory):
    app = app_factory.create_app(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    started_at = time.monotonic()
    response = AsgiCaller(AsgiApp(app)).send_delivery(build_envelope())
    assert (response.status, response.headers["retry-after"]) == (503, "2")
    assert time.monotonic() - started_at < WRITE_TIMEOUT.total_seconds() / 2


def test_deliveries_that_wait_need_no_thread(asgi_app, container):
    """Many more deliveries than threads wait for one table lock."""
    caller = AsgiCaller(asgi_app)

    async def wait():
        with container.database.transaction() as session:
            session.execute(text("LOCK TABLE webhook_events"))
            deliveries = [
                asyncio.ensure_future(
                    caller.request_async(
                        WEBHOOK_PATH, *sign_envelope(build_envelope(publish_id=f"p{number}"))
                    )
                )
                for number in range(BURST_SIZE)
            ]
            health = await caller.request_async("/healthz", method="GET")
            assert not any(delivery.done() for delivery in deliveries)
            session.rollback()
        return health.status, {(await delivery).status for delivery in deliveries}

    assert asyncio.run(wait()) == (200, {200})
    assert len(load_events(container)) == BURST_SIZE


def test_an_awaited_write_without_a_database_is_busy_in_time():
    unreachable = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    writer = EventWriter(unreachable, lambda _kind: None)

    async def write_nothing():
        await writer.write_async([], asyncio.get_running_loop())

    with pytest.raises(WriterBusy):
        asyncio.run(write_nothing())
    writer.close()
    unreachable.dispose()
