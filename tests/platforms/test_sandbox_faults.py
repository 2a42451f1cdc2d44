"""Bad manners on demand: each fault at the level of the socket, and whether the work was done."""

import http.client
import json
import time

import pytest

from tests.platforms.visitor import INBOX, MP4, eventually

WORKS = {
    "http_500": False,
    "http_429": False,
    "html_200": False,
    "drop_before": False,
    "drop_after": True,
    "reset": True,
    "truncate": True,
    "slow": True,
}
GONE = (http.client.HTTPException, ConnectionError)


@pytest.fixture
def person(sandbox):
    return sandbox.connect()


def fault(sandbox, kind, endpoint="inbox_init", **rest):
    sandbox.control("faults", endpoint=endpoint, kind=kind, **rest)


def started(sandbox, person):
    posts = sandbox.control("posts")["posts"]
    return [post for post in posts if post["open_id"] == person.open_id]


@pytest.mark.parametrize(("kind", "works"), WORKS.items())
def test_a_fault_does_the_work_or_does_not(sandbox, person, kind, works):
    fault(sandbox, kind, seconds=0)
    attempt(sandbox, person)
    assert bool(started(sandbox, person)) == works
    entry = sandbox.log("inbox_init")[-1]
    assert (entry["fault"], entry["work"]) == (kind, works)
    assert sandbox.inbox(person).data


@pytest.mark.parametrize(("kind", "works"), WORKS.items())
def test_whether_the_work_is_done_can_be_said(sandbox, person, kind, works):
    fault(sandbox, kind, seconds=0, work=not works)
    attempt(sandbox, person)
    assert bool(started(sandbox, person)) != works


def attempt(sandbox, person):
    try:
        return sandbox.inbox(person)
    except GONE:
        return None


@pytest.mark.parametrize("kind", ["drop_before", "drop_after"])
def test_a_dropped_connection_ends_without_a_word(sandbox, person, kind):
    fault(sandbox, kind)
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.inbox(person)


def test_a_reset_is_one(sandbox, person):
    fault(sandbox, "reset")
    with pytest.raises((ConnectionResetError, http.client.IncompleteRead)):
        sandbox.inbox(person)
    assert sandbox.log("inbox_init")[-1]["status"] is None


def test_a_truncated_answer_breaks_off_in_its_body(sandbox, person):
    fault(sandbox, "truncate")
    with pytest.raises(http.client.IncompleteRead):
        sandbox.inbox(person)


def test_a_truncated_answer_without_body_is_no_answer(sandbox, person):
    url = sandbox.inbox(person, len(MP4)).data["upload_url"]
    fault(sandbox, "truncate", "upload")
    with pytest.raises(http.client.BadStatusLine):
        sandbox.put(url, MP4)


def test_a_refusal_looks_as_the_endpoint_writes_it(sandbox, person):
    fault(sandbox, "http_500")
    fault(sandbox, "http_500", "token")
    fault(sandbox, "http_429", seconds=7)
    data, flat, limited = sandbox.inbox(person), sandbox.refresh("x"), sandbox.inbox(person)
    assert (data.status, data.code) == (500, "internal_error")
    assert (flat.status, flat.json["error"]) == (500, "server_error")
    assert (limited.status, limited.code) == (429, "rate_limit_exceeded")
    assert limited.headers["Retry-After"] == "7"


def test_a_page_can_stand_in_for_the_answer(sandbox, person):
    fault(sandbox, "html_200")
    answer = sandbox.inbox(person)
    assert (answer.status, answer.body[:9]) == (200, b"<!doctype")


def test_a_slow_answer_comes_late_though_the_work_is_done_at_once(sandbox, person):
    fault(sandbox, "slow", seconds=0.4)
    start = time.monotonic()
    assert sandbox.inbox(person).data
    assert time.monotonic() - start >= 0.4


def test_a_hanging_server_says_nothing(sandbox, person):
    fault(sandbox, "hang", seconds=0.3)
    start = time.monotonic()
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.inbox(person)
    assert time.monotonic() - start >= 0.3


def test_a_drip_comes_whole_in_the_end(sandbox, person):
    fault(sandbox, "drip", seconds=0.001)
    assert sandbox.inbox(person).data


def test_a_fault_plays_as_often_as_it_was_told(sandbox, person):
    fault(sandbox, "http_500", "status", times=2)
    answers = [sandbox.status(person, "x").status for _ in range(3)]
    assert answers == [500, 500, 400]


def test_a_fault_without_end_ends_when_cleared(sandbox, person):
    fault(sandbox, "http_500", "*", times=0)
    assert {sandbox.status(person, "x").status for _ in range(5)} == {500}
    sandbox.control("faults", method="DELETE")
    assert sandbox.status(person, "x").status == 400


def test_a_fault_can_hit_by_chance(sandbox):
    sandbox.control("settings", status_per_minute=1000)
    person = sandbox.connect()
    fault(sandbox, "http_500", "status", times=0, rate=0.5)
    assert {sandbox.status(person, "x").status for _ in range(64)} == {400, 500}


def test_a_lost_answer_to_a_last_chunk_still_publishes_once(sandbox, person):
    started = sandbox.direct(person, len(MP4)).data
    fault(sandbox, "drop_after", "upload")
    with pytest.raises(http.client.RemoteDisconnected):
        sandbox.put(started["upload_url"], MP4)
    assert eventually(lambda: sandbox.post(started["publish_id"])["published"] == 1)


@pytest.mark.parametrize(
    "body",
    [
        {"endpoint": "nowhere", "kind": "http_500"},
        {"endpoint": "token", "kind": "earthquake"},
        {"endpoint": "webhook", "kind": "http_500"},
        {"endpoint": "token", "kind": "http_500", "tmies": 3},
        {"endpoint": "token", "kind": "http_500", "times": "3"},
        {"endpoint": "token"},
    ],
)
def test_a_mistyped_fault_is_refused_rather_than_never_played(sandbox, body):
    answer = sandbox.ask("POST", "/_sandbox/faults", json.dumps(body))
    assert answer.status == 400
    assert sandbox.control("faults")["faults"] == []


def test_nobody_but_this_machine_can_ask(sandbox):
    assert sandbox.url.startswith("http://127.0.0.1:")
    assert sandbox.ask("GET", INBOX).status == 405
