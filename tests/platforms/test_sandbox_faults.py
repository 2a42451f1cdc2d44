"""The sandbox's faults: what the client sees of each, and whether the call took effect."""

import http.client
import json
import time

import pytest

from tests.platforms.raw_sandbox_client import FAKE_MP4, INBOX_INIT_PATH, wait_for

TAKES_EFFECT_BY_KIND = {
    "http_500": False,
    "http_429": False,
    "html_200": False,
    "drop_before": False,
    "drop_after": True,
    "reset": True,
    "truncate": True,
    "slow": True,
}
CONNECTION_ERRORS = (http.client.HTTPException, ConnectionError)


@pytest.fixture
def creator(sandbox):
    return sandbox.connect_creator()


def inject_fault(sandbox, kind, endpoint="inbox_init", **options):
    sandbox.control("faults", endpoint=endpoint, kind=kind, **options)


def list_started_posts(sandbox, creator):
    posts = sandbox.control("posts")["posts"]
    return [post for post in posts if post["open_id"] == creator.open_id]


@pytest.mark.parametrize(("kind", "takes_effect"), TAKES_EFFECT_BY_KIND.items())
def test_a_call_with_a_fault_takes_effect_or_does_not(sandbox, creator, kind, takes_effect):
    inject_fault(sandbox, kind, seconds=0)
    try_inbox_start(sandbox, creator)
    assert bool(list_started_posts(sandbox, creator)) == takes_effect
    entry = sandbox.log("inbox_init")[-1]
    assert (entry["fault"], entry["work"]) == (kind, takes_effect)
    assert sandbox.start_inbox_video(creator).data


@pytest.mark.parametrize(("kind", "takes_effect"), TAKES_EFFECT_BY_KIND.items())
def test_whether_a_call_with_a_fault_takes_effect_can_be_configured(
    sandbox, creator, kind, takes_effect
):
    inject_fault(sandbox, kind, seconds=0, work=not takes_effect)
    try_inbox_start(sandbox, creator)
    assert bool(list_started_posts(sandbox, creator)) != takes_effect


def try_inbox_start(sandbox, creator):
    try:
        return sandbox.start_inbox_video(creator)
    except CONNECTION_ERRORS:
        return None


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_dropped_connection_ends_without_a_response(sandbox, creator, kind):
    inject_fault(sandbox, kind)
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.start_inbox_video(creator)


def test_a_reset_fault_resets_the_connection(sandbox, creator):
    inject_fault(sandbox, "reset")
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        sandbox.start_inbox_video(creator)
    assert sandbox.log("inbox_init")[-1]["status"] is None


def test_a_truncated_answer_breaks_off_in_its_body(sandbox, creator):
    inject_fault(sandbox, "truncate")
    with pytest.raises(http.client.IncompleteRead):
        sandbox.start_inbox_video(creator)


def test_a_truncated_answer_without_body_has_no_complete_start_line(sandbox, creator):
    url = sandbox.start_inbox_video(creator, len(FAKE_MP4)).data["upload_url"]
    inject_fault(sandbox, "truncate", "upload")
    with pytest.raises(http.client.BadStatusLine):
        sandbox.put_chunk(url, FAKE_MP4)


def test_an_error_has_the_form_of_its_endpoint(sandbox, creator):
    inject_fault(sandbox, "http_500")
    inject_fault(sandbox, "http_500", "token")
    inject_fault(sandbox, "http_429", seconds=7)
    data = sandbox.start_inbox_video(creator)
    flat = sandbox.refresh_tokens("x")
    limited = sandbox.start_inbox_video(creator)
    assert (data.status, data.code) == (500, "internal_error")
    assert (flat.status, flat.json["error"]) == (500, "server_error")
    assert (limited.status, limited.code) == (429, "rate_limit_exceeded")
    assert limited.headers["Retry-After"] == "7"


def test_an_html_page_can_replace_the_answer(sandbox, creator):
    inject_fault(sandbox, "html_200")
    answer = sandbox.start_inbox_video(creator)
    assert (answer.status, answer.body[:9]) == (200, b"<!doctype")


def test_a_slow_answer_comes_late_though_the_work_is_done_at_once(sandbox, creator):
    inject_fault(sandbox, "slow", seconds=0.4)
    start = time.monotonic()
    assert sandbox.start_inbox_video(creator).data
    assert time.monotonic() - start >= 0.4


def test_a_hanging_server_sends_nothing(sandbox, creator):
    inject_fault(sandbox, "hang", seconds=0.3)
    start = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.start_inbox_video(creator)
    assert time.monotonic() - start >= 0.3


def test_a_drip_is_complete_in_the_end(sandbox, creator):
    inject_fault(sandbox, "drip", seconds=0.001)
    assert sandbox.start_inbox_video(creator).data


def test_an_odd_shape_changes_the_answer_and_the_work_is_done(sandbox, creator):
    inject_fault(sandbox, "nested_json")
    nested = sandbox.start_inbox_video(creator)
    assert isinstance(nested.json["data"], str)
    assert list_started_posts(sandbox, creator)
    inject_fault(sandbox, "other_values", fields={"upload_url": None, "extra": 7})
    data = sandbox.start_inbox_video(creator).data
    assert (data["upload_url"], data["extra"]) == (None, 7)


def test_a_fault_repeats_as_often_as_configured(sandbox, creator):
    inject_fault(sandbox, "http_500", "status", times=2)
    answers = [sandbox.fetch_status(creator, "x").status for _ in range(3)]
    assert answers == [500, 500, 400]


def test_a_fault_without_end_ends_when_cleared(sandbox, creator):
    inject_fault(sandbox, "http_500", "*", times=0)
    assert {sandbox.fetch_status(creator, "x").status for _ in range(5)} == {500}
    sandbox.control("faults", method="DELETE")
    assert sandbox.fetch_status(creator, "x").status == 400


def test_a_fault_can_hit_by_chance(sandbox):
    sandbox.control("settings", status_per_minute=1000)
    creator = sandbox.connect_creator()
    inject_fault(sandbox, "http_500", "status", times=0, rate=0.5)
    assert {sandbox.fetch_status(creator, "x").status for _ in range(64)} == {400, 500}


def test_a_lost_answer_to_a_last_chunk_still_publishes_once(sandbox, creator):
    started = sandbox.start_direct_video(creator, len(FAKE_MP4)).data
    inject_fault(sandbox, "drop_after", "upload")
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.put_chunk(started["upload_url"], FAKE_MP4)
    assert wait_for(lambda: sandbox.get_post(started["publish_id"])["published"] == 1)


@pytest.mark.parametrize(
    "body",
    [
        {"endpoint": "nowhere", "kind": "http_500"},
        {"endpoint": "token", "kind": "earthquake"},
        {"endpoint": "webhook", "kind": "http_500"},
        {"endpoint": "token", "kind": "http_500", "tmies": 3},
        {"endpoint": "token", "kind": "http_500", "times": "3"},
        {"endpoint": "token"},
        {"endpoint": "token", "kind": "missing_fields"},
        {"endpoint": "token", "kind": "missing_fields", "fields": ["expires_in"]},
        {"endpoint": "token", "kind": "http_500", "fields": {"expires_in": 1}},
    ],
)
def test_a_mistyped_fault_is_refused(sandbox, body):
    answer = sandbox.send("POST", "/_sandbox/faults", json.dumps(body))
    assert answer.status == 400
    assert sandbox.control("faults")["faults"] == []


def test_the_sandbox_listens_on_loopback_only(sandbox):
    assert sandbox.url.startswith("http://127.0.0.1:")
    assert sandbox.send("GET", INBOX_INIT_PATH).status == 405
