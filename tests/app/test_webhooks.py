"""What TikTok is answered, delivery by delivery: exact statuses, and never a 500."""

import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.tiktok_sender import ADDRESS, Sender, an_envelope, signature

DAY = 86_400


@pytest.fixture
def sender(client):
    return Sender(client)


@pytest.fixture
def rows(house):
    def read():
        with house.database.transaction() as session:
            found = session.execute(text("SELECT * FROM webhook_events ORDER BY id"))
            return list(found.mappings())

    return read


def code(answer):
    return answer.json["error"]["code"]


def test_a_delivery_is_stored_and_answered_with_exactly_200(sender, rows):
    answer = sender.send(an_envelope())
    assert answer.status_code == 200
    assert answer.json == {"success": True, "message": "Webhook received"}
    (row,) = rows()
    assert row["event_type"] == "video.publish.complete"
    assert row["vendor_event"] == "post.publish.complete"
    assert (row["status"], row["processed_at"], row["retry_count"]) == ("pending", None, 0)
    assert row["payload_json"] == an_envelope()
    assert row["correlation_id"] == answer.headers["X-Request-Id"]


def test_a_second_delivery_is_acknowledged_as_a_duplicate(sender, rows):
    sender.send(an_envelope())
    answer = sender.send(an_envelope(), at=time.time() - 60)
    assert answer.status_code == 200
    assert answer.json["duplicate"] is True
    assert len(rows()) == 1


def test_ten_deliveries_at_once_are_one_row(app, rows):
    def send(_):
        return Sender(app.test_client()).send(an_envelope())

    with ThreadPoolExecutor(10) as threads:
        answers = list(threads.map(send, range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert sum("duplicate" not in answer.json for answer in answers) == 1
    assert len(rows()) == 1


@pytest.mark.parametrize("age", [600, 3 * DAY, -900])
def test_rightly_signed_but_outside_the_window_is_kept_and_marked_late(sender, rows, age):
    answer = sender.send(an_envelope(), at=time.time() - age)
    assert answer.status_code == 200
    assert rows()[0]["late"] is True


def test_a_replay_days_later_is_a_duplicate(sender, rows):
    sender.send(an_envelope())
    answer = sender.send(an_envelope(), at=time.time() - 3 * DAY)
    assert (answer.status_code, answer.json["duplicate"]) == (200, True)
    assert [row["late"] for row in rows()] == [False]


def test_the_rejecting_policy_refuses_what_is_late(stage, rows):
    sender = Sender(stage.house(TIKTOK_WEBHOOK_LATE_POLICY="reject").test_client())
    answer = sender.send(an_envelope(), at=time.time() - 600)
    assert (answer.status_code, code(answer)) == (401, "stale_signature")
    assert sender.send(an_envelope()).status_code == 200
    assert len(rows()) == 1


def test_old_and_new_secret_both_count_while_one_is_changed(stage, rows):
    client = stage.house(TIKTOK_WEBHOOK_SECRET="new-secret,old-secret").test_client()
    assert Sender(client, "new-secret").send(an_envelope()).status_code == 200
    assert Sender(client, "old-secret").send(an_envelope()).status_code == 200
    assert Sender(client, "client-secret").send(an_envelope()).status_code == 401
    assert len(rows()) == 1


BODY = json.dumps(an_envelope()).encode()
FLIPPED = bytes([BODY[0]]) + bytes([BODY[1] ^ 1]) + BODY[2:]


@pytest.mark.parametrize(
    ("header", "body", "said"),
    [
        (None, BODY, "missing_signature"),
        ("", BODY, "missing_signature"),
        ("nonsense", BODY, "invalid_signature"),
        ("t=,s=", BODY, "invalid_signature"),
        ("t=1,t=2,s=00", BODY, "invalid_signature"),
        ("t=99999999999999999999999,s=00", BODY, "invalid_signature"),
        ("t=\u00b2,s=00".encode().decode("latin-1"), BODY, "invalid_signature"),
        (signature(BODY), FLIPPED, "invalid_signature"),
        (signature(BODY), b"", "invalid_signature"),
        (signature(BODY, secret="wrong"), BODY, "invalid_signature"),
        (signature(BODY)[:-1], BODY, "invalid_signature"),
    ],
    ids=range(11),
)
def test_a_bad_signature_is_401_and_leaves_nothing(client, rows, header, body, said):
    headers = {} if header is None else {"TikTok-Signature": header}
    answer = client.post(ADDRESS, data=body, headers=headers)
    assert (answer.status_code, code(answer)) == (401, said)
    assert rows() == []


def test_a_delivery_for_another_app_is_401(sender, rows):
    answer = sender.send(an_envelope(client_key="someone-elses"))
    assert (answer.status_code, code(answer)) == (401, "invalid_signature")
    assert rows() == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'{"no": "event"}',
        b'{"event": 7}',
        b'{"event": "a", "x": NaN}',
        b'{"event": "a", "x": 1e999}',
        b'{"event": "\xff\xfe"}',
        b"\0\0",
        b"[" * 200_000,
        b'{"event":"post.publish.complete","x":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001,
        gzip.compress(BODY),
    ],
    ids=range(13),
)
def test_signed_and_unreadable_is_kept_raw_and_never_asked_for_again(sender, rows, body):
    answer = sender.send(body)
    assert answer.status_code == 200
    (row,) = rows()
    assert (row["event_type"], row["status"]) == ("unreadable", "ignored")
    assert row["processed_at"] is not None
    assert row["payload_json"]["raw"] == body.decode("utf-8", "replace").replace("\0", "\ufffd")
    assert sender.send(body).json["duplicate"] is True


def test_nul_half_pairs_and_long_names_fit_their_columns(sender, rows):
    body = (
        b'{"client_key":"key","event":"' + b"e" * 5_000 + b'","user_openid":"'
        + b"u" * 5_000 + b'","content":"a\\u0000b\\ud800"}'
    )  # fmt: skip
    assert sender.send(body).status_code == 200
    (row,) = rows()
    assert row["payload_json"]["content"] == "a\ufffdb\ufffd"
    assert len(row["event_type"]) <= 100
    assert len(row["external_id"]) <= 255


def test_deep_json_that_can_be_read_is_stored_as_it_is(sender, rows):
    body = json.dumps(an_envelope()).encode()[:-1] + b',"x":' + b"[" * 150 + b"]" * 150 + b"}"
    assert sender.send(body).status_code == 200
    assert rows()[0]["event_type"] == "video.publish.complete"


@pytest.mark.parametrize(
    "event", ["tiktok.ping", "video.upload.failed", "portability.download.ready"]
)
def test_what_nothing_follows_from_is_stored_as_ignored_under_its_own_name(sender, rows, event):
    assert sender.send(an_envelope(event)).status_code == 200
    (row,) = rows()
    assert (row["event_type"], row["status"]) == (event, "ignored")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_the_body_counts_and_not_what_it_is_called(sender, rows, kind):
    assert sender.send(an_envelope(), content_type=kind).status_code == 200
    assert len(rows()) == 1


def test_too_large_is_413_before_the_signature_is_looked_at(stage, rows):
    client = stage.house(WEBHOOK_MAX_BYTES="1000").test_client()
    answer = client.post(ADDRESS, data=b"x" * 1001)
    assert (answer.status_code, code(answer)) == (413, "PAYLOAD_TOO_LARGE")
    assert client.post(ADDRESS, data=b"x" * 1000).status_code == 401
    assert rows() == []


def test_too_large_without_a_length_is_413_as_soon_as_it_is_too_much(stage):
    """As a server hands over a chunked body: no length, an end that may never come."""
    app = stage.house(WEBHOOK_MAX_BYTES="1000")
    read = []

    class Endless:
        def read(self, size=-1):
            read.append(size)
            return b"x" * max(size, 1)

    environ = EnvironBuilder(path=ADDRESS, method="POST").get_environ()
    environ |= {"wsgi.input": Endless(), "wsgi.input_terminated": True}
    environ.pop("CONTENT_LENGTH", None)
    _, status, _ = run_wsgi_app(app, environ)
    assert status.startswith("413")
    assert sum(read) < 200_000


def test_a_platform_without_a_key_is_503_whatever_the_size(stage):
    client = stage.house(TIKTOK_CLIENT_SECRET="", WEBHOOK_MAX_BYTES="10").test_client()
    answer = client.post(ADDRESS, data=b"x" * 100)
    assert (answer.status_code, code(answer)) == (503, "webhook_not_configured")


def test_nobody_is_listening_under_an_unknown_name(client):
    assert client.post("/api/webhooks/myspace", data=b"").status_code == 404


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete"])
def test_only_post_delivers(client, rows, method):
    answer = getattr(client, method)(ADDRESS + "?challenge=hello")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
    assert rows() == []


def test_neither_cookie_nor_csrf_nor_limit_stands_before_it(stage, rows):
    app = stage.house(RATE_LIMIT_ANONYMOUS="1/1m")
    client = app.test_client()
    client.set_cookie("signalpost_session", "whatever")
    for number in range(5):
        assert Sender(client).send(an_envelope(publish_id=f"p{number}")).status_code == 200
    assert len(rows()) == 5


def test_a_secret_in_the_sender_s_words_is_not_repeated(client):
    answer = client.post(ADDRESS, data=BODY, headers={"TikTok-Signature": "t=1,s=deadbeefcanary"})
    assert "deadbeefcanary" not in answer.text


def test_postgres_away_is_503_with_a_time_to_come_back(stage):
    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    began = time.monotonic()
    answer = Sender(stage.house(DATABASE_URL=nowhere).test_client()).send(an_envelope())
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert time.monotonic() - began < 2.5
