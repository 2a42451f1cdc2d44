"""The tables of TikTok's pages walked row by row: over the wire, through the adapter, to people.

Nothing that a page names may end as "something went wrong".
"""

import json
import tomllib
from pathlib import Path

import pytest

from app.errors import KINDS, code_of
from app.words import LOCALES, dictionary
from core.ledger.settle import Stand, State, settle
from core.webhooks.handlers import HANDLERS
from platforms import errors
from platforms.base import IGNORED, Chunk, Order, Sent, Who
from platforms.errors import PlatformError, RateLimited, TokenExpired, Unavailable
from platforms.secret import Secret
from platforms.tiktok import events, meanings, publish, reasons, uploads
from tests.platforms.hostile import answer, plays
from tests.platforms.script import flat, ok, refuses

TABLES = tomllib.loads((Path(__file__).parents[1] / "vectors/tiktok_codes.toml").read_text())
TOKEN = Secret("act.canary")
PULLS = {"video_init": "DIRECT_VIDEO", "inbox_init": "INBOX_VIDEO", "content_init": "DIRECT_PHOTO"}
REFUSALS = [
    (row, endpoint)
    for row in TABLES["refusals"]
    for endpoint in (TABLES["all"] if row["at"] == "all" else row["at"])
]


def named(rows, key):
    return [pytest.param(row, id=str(row[key])) for row in rows]


def asked(tiktok, endpoint):
    """The adapter's own call to that endpoint."""
    one = tiktok.publisher
    calls = {
        "status": lambda: one.check(TOKEN, "v_pub~1"),
        "cancel": lambda: one.cancel(TOKEN, "v_pub~1"),
        "creator_info": lambda: one.creator(TOKEN),
    }
    if endpoint in calls:
        return calls[endpoint]()
    url = "https://example.com/a.mp4"
    order = Order(PULLS[endpoint], "PULL_FROM_URL", video_url=url, images=(url,))
    return one.start(TOKEN, order)


def the_error(tiktok, endpoint):
    with pytest.raises(PlatformError) as caught:
        asked(tiktok, endpoint)
    return caught.value


def tell_people(code):
    """An error of our own for it, and words in every language, none of them the general ones."""
    for locale in LOCALES:
        known = dictionary(locale)
        assert known[code] != known["INTERNAL_ERROR"]
        assert all(known[code])


@pytest.mark.parametrize(
    ("row", "endpoint"), [pytest.param(*one, id=f"{one[0]['code']}-{one[1]}") for one in REFUSALS]
)
def test_a_refusal_is_known_where_it_can_come_and_reaches_people(server, tiktok, row, endpoint):
    plays(server, refuses(row["http"], row["code"], row.get("message", "")))

    error = the_error(tiktok, endpoint)

    code = code_of(error)
    assert (error.code, code) == (row["ours"], row["ours"])
    assert error.log_id == "2026"
    assert KINDS[code].status == row["status"]
    assert isinstance(error, RateLimited) is row.get("wait", False)
    assert error.retry_after.total_seconds() > 0 or not row.get("wait")
    assert isinstance(error, TokenExpired) is (row["code"] == "access_token_invalid")
    assert reasons.REASONS[code].who == Who(row["who"])
    tell_people(code)


def test_no_meaning_stands_for_a_code_that_no_table_names():
    assert set(meanings.DATA) == {row["code"] for row in TABLES["refusals"]}
    assert set(reasons.REFUSALS) <= {row["ours"] for row in TABLES["refusals"]}


@pytest.mark.parametrize("http", [200, 400, 401])
@pytest.mark.parametrize("row", named(TABLES["oauth"], "code"))
def test_a_flat_error_is_known_whatever_its_status(server, tiktok, row, http):
    plays(server, flat(http, error=row["code"], error_description="why", log_id="2026"))

    with pytest.raises(PlatformError) as caught:
        tiktok.oauth.refresh(Secret("rft.canary"))

    assert type(caught.value) is getattr(errors, row["kind"])
    assert caught.value.code == row["ours"]


def test_no_flat_error_stands_for_a_code_that_no_table_names():
    undocumented = {"invalid_token"}  # of the revocation, RFC 7009
    assert set(meanings.OAUTH) - undocumented == {row["code"] for row in TABLES["oauth"]}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        (row["word"], row[mode])
        for row in TABLES["statuses"]
        for mode in ("direct", "inbox")
        if row[mode]
    ],
)
def test_a_status_becomes_a_state(server, tiktok, word, state):
    plays(server, ok(status=word, uploaded_bytes=5))

    told = asked(tiktok, "status")

    assert told.status == word
    assert settle(Stand(State.SENDING, bytes_total=10), told).state == State(state)


def test_every_status_of_the_page_is_known():
    assert set(publish.PHASES) == {row["word"] for row in TABLES["statuses"]}


@pytest.mark.parametrize("row", named(TABLES["failures"], "reason"))
def test_a_fail_reason_is_the_same_by_poll_and_by_webhook_and_reaches_people(server, tiktok, row):
    plays(server, ok(status="FAILED", fail_reason=row["reason"]))
    polled = asked(tiktok, "status")
    content = {"publish_id": "v_pub~1", "reason": row["reason"], "publish_type": "DIRECT_PUBLISH"}
    heard = letter(tiktok, "post.publish.failed", content).progress

    for told in (polled, heard):
        assert told.reason == row["reason"]
        assert settle(Stand(State.PROCESSING), told).state == State(row["becomes"])
    assert reasons.REASONS[row["reason"]].who == Who(row["who"])
    tell_people(row["reason"])


def test_every_fail_reason_of_the_page_has_a_sentence_and_none_is_left_over():
    assert set(reasons.FAILURES) == {row["reason"] for row in TABLES["failures"]}


@pytest.mark.parametrize("row", named(TABLES["chunks"], "http"))
def test_an_answer_to_a_chunk_says_where_to_go_on(server, tiktok, row):
    headers = {"Content_Range": "bytes 0-19/40"} if row["says"] == "resume" else {}
    plays(server, answer(row["http"], b"", **headers))
    url, chunk = Secret(f"{server.url}/upload?upload_token=t"), Chunk(0, 9)

    def send():
        return tiktok.publisher.send(
            url, b"x" * 10, chunk=chunk, total=40, content_type="video/mp4"
        )

    expected = {
        "stored": Sent(10, done=False),
        "done": Sent(10, done=True),
        "resume": Sent(20, done=False),
    }
    if row["says"] in expected:
        assert send() == expected[row["says"]]
        return
    with pytest.raises(PlatformError) as caught:
        send()
    assert isinstance(caught.value, Unavailable) is (row["says"] == "again")
    assert caught.value.code == row.get("code", caught.value.code)


def test_every_refusal_of_the_upload_address_is_in_the_table():
    told = {row["http"]: row["code"] for row in TABLES["chunks"] if row["says"] == "refused"}
    assert told == uploads.REFUSALS


def letter(tiktok, name, content):
    payload = {
        "client_key": "sbaw_demo",
        "event": name,
        "create_time": 1_770_210_873,
        "user_openid": "-000",
        "content": json.dumps(content),
    }
    (notice,) = tiktok.webhooks.parse(json.dumps(payload).encode())
    return notice


@pytest.mark.parametrize("row", named(TABLES["events"], "name"))
def test_an_event_has_its_normal_form_and_somebody_who_handles_it(tiktok, row):
    content = {"publish_id": "v_pub~1", "post_id": "7602997517160123666", "reason": "internal"}
    notice = letter(tiktok, row["name"], content)

    assert (notice.kind, notice.vendor_event) == (row["kind"], row["name"])
    assert (notice.kind in HANDLERS) is (row["kind"] != IGNORED)
    if "becomes" in row:
        assert settle(Stand(State.PROCESSING), notice.progress).state == State(row["becomes"])


def test_every_event_of_the_pages_that_says_something_is_known():
    assert set(events.EVENTS) == {row["name"] for row in TABLES["events"] if row["kind"] != IGNORED}
