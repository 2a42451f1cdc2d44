"""Every documented code of TikTok, from the HTTP response to the text that a user reads.

The tables are in `tests/vectors/tiktok_codes.toml`; no code may end as a general error text.
"""

import json
import tomllib
from pathlib import Path

import pytest

from app.http.errors import ERROR_KINDS, get_error_code
from app.http.messages import LOCALES, load_messages
from core.post_state.settle import CurrentState, PostState, settle
from core.webhooks.handlers import find_effect
from platforms import errors
from platforms.base import IGNORED_KIND, Actor, Chunk, ChunkResult, PublishRequest
from platforms.errors import PlatformError, RateLimited, TokenExpired, Unavailable
from platforms.secret import Secret
from platforms.tiktok import error_map, events, failure_reasons, publish, uploads
from tests.platforms.hostile_server import http_response, set_responses
from tests.platforms.tiktok_responses import error_response, flat_response, ok_response

CODE_TABLES = tomllib.loads((Path(__file__).parents[1] / "vectors/tiktok_codes.toml").read_text())
TOKEN = Secret("act.canary")
KIND_BY_ENDPOINT = {
    "video_init": "DIRECT_VIDEO",
    "inbox_init": "INBOX_VIDEO",
    "content_init": "DIRECT_PHOTO",
}
REFUSAL_CASES = [
    (row, endpoint)
    for row in CODE_TABLES["refusals"]
    for endpoint in (CODE_TABLES["all"] if row["at"] == "all" else row["at"])
]


def row_params(rows, key):
    return [pytest.param(row, id=str(row[key])) for row in rows]


def call_endpoint(tiktok, endpoint):
    """Make the adapter call this endpoint."""
    publisher = tiktok.step_publisher.calls
    calls = {
        "status": lambda: publisher.fetch_status(TOKEN, "v_pub~1"),
        "cancel": lambda: publisher.cancel(TOKEN, "v_pub~1"),
        "creator_info": lambda: publisher.fetch_posting_options(TOKEN),
    }
    if endpoint in calls:
        return calls[endpoint]()
    url = "https://example.com/a.mp4"
    request = PublishRequest(
        KIND_BY_ENDPOINT[endpoint], "PULL_FROM_URL", video_url=url, image_urls=(url,)
    )
    return publisher.start(TOKEN, request)


def error_from(tiktok, endpoint):
    with pytest.raises(PlatformError) as caught:
        call_endpoint(tiktok, endpoint)
    return caught.value


def assert_translated(code):
    """Assert that the code has texts in every language, other than those of an internal error."""
    for locale in LOCALES:
        texts = load_messages(locale)
        assert texts[code] != texts["INTERNAL_ERROR"]
        assert all(texts[code])


@pytest.mark.parametrize(
    ("row", "endpoint"),
    [
        pytest.param(row, endpoint, id=f"{row['code']}-{endpoint}")
        for row, endpoint in REFUSAL_CASES
    ],
)
def test_a_refusal_is_mapped_at_its_endpoint_and_has_translated_texts(
    server, tiktok, row, endpoint
):
    set_responses(server, error_response(row["http"], row["code"], row.get("message", "")))

    error = error_from(tiktok, endpoint)

    code = get_error_code(error)
    assert (error.code, code) == (row["ours"], row["ours"])
    assert error.log_id == "2026"
    assert ERROR_KINDS[code].status == row["status"]
    assert isinstance(error, RateLimited) is row.get("wait", False)
    assert error.retry_after.total_seconds() > 0 or not row.get("wait")
    assert isinstance(error, TokenExpired) is (row["code"] == "access_token_invalid")
    assert failure_reasons.FAILURE_REASONS[code].actor == Actor(row["who"])
    assert_translated(code)


def test_every_mapped_error_is_in_the_table():
    assert set(error_map.DATA_ERRORS) == {row["code"] for row in CODE_TABLES["refusals"]}
    assert set(failure_reasons.ERROR_CODE_REASONS) <= {
        row["ours"] for row in CODE_TABLES["refusals"]
    }


@pytest.mark.parametrize("http", [200, 400, 401])
@pytest.mark.parametrize("row", row_params(CODE_TABLES["oauth"], "code"))
def test_a_flat_error_is_mapped_whatever_its_status(server, tiktok, row, http):
    set_responses(
        server, flat_response(http, error=row["code"], error_description="why", log_id="2026")
    )

    with pytest.raises(PlatformError) as caught:
        tiktok.flow.renew(access_token=TOKEN, refresh_token=Secret("rft.canary"))

    assert type(caught.value) is getattr(errors, row["kind"])
    assert caught.value.code == row["ours"]


def test_every_mapped_flat_error_is_in_the_table():
    undocumented = {"invalid_token"}  # of the revocation, RFC 7009
    assert set(error_map.OAUTH_ERRORS) - undocumented == {
        row["code"] for row in CODE_TABLES["oauth"]
    }


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (row["word"], row[mode])
        for row in CODE_TABLES["statuses"]
        for mode in ("direct", "inbox")
        if row[mode]
    ],
)
def test_a_status_becomes_a_state(server, tiktok, status, state):
    set_responses(server, ok_response(status=status, uploaded_bytes=5))

    progress = call_endpoint(tiktok, "status")

    assert progress.vendor_status == status
    assert settle(CurrentState(PostState.SENDING, bytes_total=10), progress).state == PostState(
        state
    )


def test_every_status_of_the_page_is_known():
    assert set(publish.PHASE_BY_STATUS) == {row["word"] for row in CODE_TABLES["statuses"]}


@pytest.mark.parametrize("row", row_params(CODE_TABLES["failures"], "reason"))
def test_a_fail_reason_is_the_same_by_poll_and_webhook_and_has_translated_texts(
    server, tiktok, row
):
    set_responses(server, ok_response(status="FAILED", fail_reason=row["reason"]))
    polled = call_endpoint(tiktok, "status")
    content = {"publish_id": "v_pub~1", "reason": row["reason"], "publish_type": "DIRECT_PUBLISH"}
    from_webhook = parse_event(tiktok, "post.publish.failed", content).progress

    for progress in (polled, from_webhook):
        assert progress.fail_reason == row["reason"]
        assert settle(CurrentState(PostState.PROCESSING), progress).state == PostState(
            row["becomes"]
        )
    assert failure_reasons.FAILURE_REASONS[row["reason"]].actor == Actor(row["who"])
    assert_translated(row["reason"])


def test_the_fail_reasons_with_a_sentence_are_those_of_the_page():
    assert set(failure_reasons.FAIL_REASONS) == {row["reason"] for row in CODE_TABLES["failures"]}


@pytest.mark.parametrize("row", row_params(CODE_TABLES["chunks"], "http"))
def test_a_chunk_response_says_where_to_resume(server, tiktok, row):
    headers = {"Content_Range": "bytes 0-19/40"} if row["says"] == "resume" else {}
    set_responses(server, http_response(row["http"], b"", **headers))
    url, chunk = Secret(f"{server.url}/upload?upload_token=t"), Chunk(0, 9)

    def send():
        return tiktok.step_publisher.calls.send_chunk(
            url, b"x" * 10, chunk=chunk, total_size=40, content_type="video/mp4"
        )

    expected = {
        "stored": ChunkResult(10, is_complete=False),
        "done": ChunkResult(10, is_complete=True),
        "resume": ChunkResult(20, is_complete=False),
    }
    if row["says"] in expected:
        assert send() == expected[row["says"]]
        return
    with pytest.raises(PlatformError) as caught:
        send()
    assert isinstance(caught.value, Unavailable) is (row["says"] == "again")
    assert caught.value.code == row.get("code", caught.value.code)


def test_the_rejections_of_the_upload_host_are_those_of_the_table():
    expected = {
        row["http"]: row["code"] for row in CODE_TABLES["chunks"] if row["says"] == "refused"
    }
    assert expected == uploads.REJECTION_CODES


def parse_event(tiktok, name, content):
    payload = {
        "client_key": "sbaw_demo",
        "event": name,
        "create_time": 1_770_210_873,
        "user_openid": "-000",
        "content": json.dumps(content),
    }
    (event,) = tiktok.webhooks.parse(json.dumps(payload).encode())
    return event


@pytest.mark.parametrize("row", row_params(CODE_TABLES["events"], "name"))
def test_an_event_is_normalized_and_has_a_handler(tiktok, row):
    content = {"publish_id": "v_pub~1", "post_id": "7602997517160123666", "reason": "internal"}
    event = parse_event(tiktok, row["name"], content)

    assert (event.kind, event.vendor_event) == (row["kind"], row["name"])
    has_effect = find_effect("tiktok", event.kind) is not None
    assert has_effect is (row["kind"] != IGNORED_KIND)
    if "becomes" in row:
        assert settle(CurrentState(PostState.PROCESSING), event.progress).state == PostState(
            row["becomes"]
        )


def test_every_documented_event_that_matters_is_mapped():
    assert set(events.EVENT_TYPES) == {
        row["name"] for row in CODE_TABLES["events"] if row["kind"] != IGNORED_KIND
    }
