"""What the server runs stores ordinary letters itself, and nobody outside can tell."""

import asyncio
import json
import time
from types import SimpleNamespace

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from app.door import PATH
from app.ingress import ORDINARY, THREADS, Ingress
from core.webhooks.inbox import Busy, Inbox, Refused
from db.session import Database
from tests.tiktok_sender import ADDRESS, an_envelope, signature

BURST = 20 * THREADS
OF_THIS_ANSWER = {"x-request-id", "x-correlation-id", "x-duration-ms"}
OF_THIS_ROW = {"id", "correlation_id"} | {
    f"{event}_at" for event in ("created", "updated", "next_attempt", "processed")
}
PRODUCTION = {
    "ENVIRONMENT": "production",
    "PUBLIC_URL": "https://post.example.org",
    "TIKTOK_REDIRECT_URI": "https://post.example.org/api/auth/tiktok/callback",
}


class Server:
    """Calls an ASGI application as a server does, without a socket."""

    def __init__(self, app):
        self.app = app

    def ask(self, *args, **kwargs):
        return asyncio.run(self.asked(*args, **kwargs))

    async def asked(self, path, body=b"", headers=(), *, method="POST", scheme="http", whole=True):
        named = {"Host": "127.0.0.1", "Content-Length": str(len(body)), **dict(headers)}
        parts = [
            {"type": "http.request", "body": body[:10], "more_body": True},
            {"type": "http.request", "body": body[10:], "more_body": False}
            if whole
            else {"type": "http.disconnect"},
        ]
        told = []

        async def receive():
            return parts.pop(0) if parts else await asyncio.Event().wait()  # still there

        async def send(message):
            told.append(message)

        path, _, query = path.partition("?")
        await self.app(scope(method, scheme, path, query, named), receive, send)
        return answered(told)

    def letter(self, envelope, headers=(), **options):
        return self.ask(ADDRESS, *signed(envelope, headers), **options)


def scope(method, scheme, path, query, headers):
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "query_string": query.encode(),
        "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in headers.items()],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 1),
    }


def signed(envelope, headers=()):
    body = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
    return body, {"TikTok-Signature": signature(body), **dict(headers)}


def answered(told):
    start, *parts = told
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    body = b"".join(part.get("body", b"") for part in parts)
    return SimpleNamespace(status=start["status"], headers=headers, body=body)


@pytest.fixture
def ingress(app):
    return Ingress(app)


@pytest.fixture
def server(ingress):
    return Server(ingress)


@pytest.fixture
def flask_only(app):
    """The same house, but for what is stored before Flask."""
    made = Ingress(app)
    made._ordinary = lambda _scope: None
    return Server(made)


@pytest.fixture
def passed_on(ingress, monkeypatch):
    """Counts what Flask is asked."""
    asked, real = [], ingress._flask

    async def counted(scope, receive, send):
        asked.append(scope["path"])
        await real(scope, receive, send)

    monkeypatch.setattr(ingress, "_flask", counted)
    return asked


def rows(house):
    with house.database.transaction() as session:
        return session.execute(text("SELECT * FROM webhook_events ORDER BY id")).mappings().all()


def told(answer):
    rest = {name: value for name, value in answer.headers.items() if name not in OF_THIS_ANSWER}
    body = json.loads(answer.body)
    if "error" in body:
        body["error"].pop("requestId")
    return answer.status, rest, body


def test_an_ordinary_letter_is_stored_without_flask(server, passed_on, house):
    answer = server.letter(an_envelope())
    assert (answer.status, json.loads(answer.body)) == (
        200,
        {"success": True, "message": "Webhook received"},
    )
    assert passed_on == []
    (row,) = rows(house)
    assert row["correlation_id"] == answer.headers["x-request-id"]
    assert row["publish_id"] == "v_pub~1"


LETTERS = {
    "new": signed(an_envelope()),
    "unsigned": (b"{}", {}),
    "badly signed": (b"{}", {"TikTok-Signature": "t=1,s=00"}),
    "of another app": signed(an_envelope(client_key="somebody else")),
    "old": (json.dumps(an_envelope()).encode(), {"TikTok-Signature": signature(b"", at=1)}),
    "no JSON": signed(b"<html>"),
    "unheard of": signed(an_envelope("video.danced")),
    "with a nul": signed(an_envelope(content={"note": "\0"})),
    "no ASCII": signed(an_envelope(), {"X-Request-Id": "\u00e4" * 8}),
    "by its own id": signed(an_envelope(), {"X-Request-Id": "a-request-of-theirs"}),
    "long": signed(an_envelope(padding="x" * ORDINARY)),
    "too long": signed(an_envelope(padding="x" * 2**20)),
}


@pytest.mark.parametrize("name", LETTERS)
@pytest.mark.parametrize("path", [ADDRESS, PATH + "instagram", PATH + "nobody"])
def test_it_answers_as_flask_does_and_stores_the_same(server, flask_only, house, name, path):
    def stored():
        found = [
            {name: value for name, value in row.items() if name not in OF_THIS_ROW}
            for row in rows(house)
        ]
        with house.database.transaction() as session:
            session.execute(text("DELETE FROM webhook_events"))
        return found

    here, kept_here = told(server.ask(path, *LETTERS[name])), stored()
    there, kept_there = told(flask_only.ask(path, *LETTERS[name])), stored()
    assert here == there
    assert kept_here == kept_there


def test_a_second_delivery_is_told_so(server, flask_only):
    letter = signed(an_envelope())
    assert json.loads(server.ask(ADDRESS, *letter).body).get("duplicate") is None
    assert told(server.ask(ADDRESS, *letter)) == told(flask_only.ask(ADDRESS, *letter))
    assert json.loads(server.ask(ADDRESS, *letter).body)["duplicate"] is True


def test_what_needs_another_form_is_tried_by_flask_once_more(server, passed_on, house, monkeypatch):
    async def refuse(arrivals):
        raise Refused

    monkeypatch.setattr(house.inbox, "brought", refuse)
    assert server.letter(an_envelope()).status == 200
    assert passed_on == [ADDRESS]
    assert len(rows(house)) == 1


def test_whoever_is_refused_is_judged_once_and_under_one_id(server):
    with capture_logs() as lines:
        answer = server.ask(ADDRESS, b"{}", {"TikTok-Signature": "t=1,s=00"})
    names = [line["event"] for line in lines]
    assert names.count("webhook.unsigned") == names.count("request") == 1
    assert json.loads(answer.body)["error"]["requestId"] == answer.headers["x-request-id"]


def test_whoever_hangs_up_in_the_middle_is_told_so_and_leaves_nothing(server, house):
    assert server.letter(an_envelope(), whole=False).status == 400
    assert rows(house) == []


def test_a_body_of_flask_that_breaks_off_is_no_body_either(server, house):
    answer = server.letter(an_envelope(padding="x" * ORDINARY), whole=False)
    assert answer.status == 400
    assert rows(house) == []


def test_everything_else_is_flasks(server, passed_on):
    assert server.ask("/healthz", method="GET").status == 200
    assert server.ask(ADDRESS, method="GET").status == 405
    assert server.ask(ADDRESS + "?a=1", *signed(an_envelope())).status == 200
    chunked = signed(an_envelope(publish_id="chunked"), {"Transfer-Encoding": "chunked"})
    assert server.ask(ADDRESS, *chunked).status == 200
    assert len(passed_on) == 4


@pytest.mark.parametrize(
    ("proxies", "scheme", "said", "status"),
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
def test_in_production_only_what_came_by_tls_is_taken(stage, proxies, scheme, said, status):
    server = Server(Ingress(stage.house(**PRODUCTION, TRUSTED_PROXY_COUNT=proxies)))
    headers = {"X-Forwarded-Proto": said} if said else {}
    answer = server.letter(an_envelope(), headers, scheme=scheme)
    assert answer.status == status
    if status == 200:
        assert "strict-transport-security" in answer.headers


def test_who_cannot_be_stored_in_time_waits_once_and_is_told_to_come_again(stage):
    app = stage.house(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    began = time.monotonic()
    answer = Server(Ingress(app)).letter(an_envelope())
    assert (answer.status, answer.headers["retry-after"]) == (503, "2")
    assert time.monotonic() - began < 2.5


def test_letters_that_wait_need_no_thread(ingress, house):
    """Many times as many as there are threads, all held up by one."""
    server = Server(ingress)

    async def wait():
        with house.database.transaction() as session:
            session.execute(text("LOCK TABLE webhook_events"))
            letters = [
                asyncio.ensure_future(
                    server.asked(ADDRESS, *signed(an_envelope(publish_id=f"p{number}")))
                )
                for number in range(BURST)
            ]
            healthy = await server.asked("/healthz", method="GET")
            assert not any(letter.done() for letter in letters)
            session.rollback()
        return healthy.status, {(await letter).status for letter in letters}

    assert asyncio.run(wait()) == (200, {200})
    assert len(rows(house)) == BURST


def test_an_inbox_that_is_awaited_is_busy_in_time():
    nowhere = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    inbox = Inbox(nowhere, lambda _kind: None)
    with pytest.raises(Busy):
        asyncio.run(inbox.brought([]))
    inbox.close()
    nowhere.dispose()
