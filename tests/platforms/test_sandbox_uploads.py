"""Bytes to the sandbox: in order, whole, of the planned sizes, and only while the address lives."""

from hashlib import sha256

import pytest

from tests.platforms.visitor import MP4, a_file, eventually

MB = 1_000_000
BIG = MP4 + bytes(12 * MB - len(MP4))  # 5 + 7 MB


@pytest.fixture
def person(sandbox):
    return sandbox.connect()


@pytest.fixture
def url(sandbox, person):
    return sandbox.inbox(person, len(MP4)).data["upload_url"]


def two_chunks(sandbox, person):
    return sandbox.inbox(person, len(BIG), chunk_size=5 * MB, total_chunk_count=2).data


def test_an_address_is_short_and_on_the_same_server(sandbox, url):
    assert url.startswith(f"{sandbox.url}/upload?upload_id=")
    assert len(url) <= 256


def test_chunks_are_told_one_by_one(sandbox, person):
    started = two_chunks(sandbox, person)
    first = sandbox.put(started["upload_url"], BIG[: 5 * MB], 0, len(BIG))
    assert (first.status, first.headers["Content-Range"]) == (206, f"bytes 0-4999999/{len(BIG)}")
    last = sandbox.put(started["upload_url"], BIG[5 * MB :], 5 * MB, len(BIG))
    assert (last.status, last.headers["Content-Range"]) == (201, f"bytes 0-11999999/{len(BIG)}")
    assert sandbox.post(started["publish_id"])["sha256"] == sha256(BIG).hexdigest()


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (5 * MB, 12 * MB),  # a gap
        (0, 4 * MB),  # too little
        (0, 6 * MB),  # too much
        (0, 12 * MB),  # all at once
    ],
)
def test_a_chunk_that_is_not_the_next_one_is_refused_with_the_progress(
    sandbox, person, first, last
):
    started = two_chunks(sandbox, person)
    answer = sandbox.put(started["upload_url"], BIG[first:last], first, len(BIG))
    assert (answer.status, answer.headers["Content-Range"]) == (416, f"bytes 0-0/{len(BIG)}")
    assert sandbox.post(started["publish_id"])["size"] == 0


def test_a_chunk_sent_again_is_refused_with_the_progress(sandbox, url):
    assert sandbox.put(url, MP4).status == 201
    again = sandbox.put(url, MP4)
    assert (again.status, again.headers["Content-Range"]) == (416, "bytes 0-999/1000")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "application/octet-stream"},
        {"Content_Type": None},
        {"Content_Range": None},
        {"Content_Range": "bytes 0-998/1000"},
        {"Content_Range": "bytes 0-999/1001"},
        {"Content_Range": "bytes=0-999/1000"},
        {"Content_Range": "bytes 0-999/*"},
        {"Authorization": "Bearer act.leaked"},
    ],
)
def test_headers_that_do_not_fit_are_refused(sandbox, url, headers):
    assert sandbox.put(url, MP4, **headers).status == 400
    assert sandbox.put(url, MP4).status == 201


@pytest.mark.parametrize("spoil", [lambda url: url[:-1] + "_", lambda url: url.split("&")[0]])
def test_an_unknown_address_is_no_address(sandbox, url, spoil):
    assert sandbox.put(spoil(url), MP4).status == 404


def test_an_address_lives_for_an_hour(sandbox, url):
    sandbox.settle(3601)
    assert sandbox.put(url, MP4).status == 403


def test_an_address_can_be_ended_at_will(sandbox, person):
    started = sandbox.inbox(person, len(MP4)).data
    sandbox.control(f"posts/{started['publish_id']}/expire", method="POST")
    assert sandbox.put(started["upload_url"], MP4).status == 403


def test_nothing_is_uploaded_for_a_creator_who_left(sandbox, person, url):
    sandbox.oauth("revoke", token=person.access)
    assert sandbox.put(url, MP4).status == 404


def test_a_body_that_breaks_off_leaves_nothing(sandbox, person):
    started = sandbox.inbox(person, len(MP4)).data
    with pytest.raises(TimeoutError):
        put_half(sandbox, started["upload_url"])
    assert eventually(lambda: sandbox.log("upload")[-1])["work"] is False
    assert sandbox.put(started["upload_url"], MP4).status == 201


def put_half(sandbox, url):
    import socket
    from urllib.parse import urlsplit

    at = urlsplit(url)
    head = (
        f"PUT {at.path}?{at.query} HTTP/1.1\r\nHost: {at.netloc}\r\nContent-Type: video/mp4\r\n"
        f"Content-Length: {len(MP4)}\r\nContent-Range: bytes 0-{len(MP4) - 1}/{len(MP4)}\r\n\r\n"
    )
    with socket.create_connection((at.hostname, at.port), timeout=0.2) as sock:
        sock.sendall(head.encode() + MP4[:500])
        sock.recv(1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (MP4, ""),
        (b"\0\0\0\x08wide" + bytes(500), ""),
        (bytes.fromhex("1a45dfa3") + bytes(500), ""),
        (b"<html>" + bytes(500), "file_format_check_failed"),
    ],
)
def test_what_is_no_video_fails_though_the_answer_says_ok(sandbox, person, data, reason):
    publish_id = sandbox.uploaded(person, data)
    told = sandbox.status(person, publish_id).data
    assert told.get("fail_reason", "") == reason
    assert told["status"] == ("FAILED" if reason else "SEND_TO_USER_INBOX")


def test_a_plan_of_one_chunk_is_the_file(sandbox, person):
    assert sandbox.inbox(person, 64 * MB).data
    assert sandbox.direct(person, source=a_file(12 * MB, 5 * MB, 2)).data
