"""Uploads to the sandbox: chunks in order and in the planned sizes, until the URL expires."""

import socket
from hashlib import sha256
from urllib.parse import urlsplit

import pytest

from tests.platforms.raw_sandbox_client import FAKE_MP4, file_source, wait_for

MB = 1_000_000
TWO_CHUNK_FILE = FAKE_MP4 + bytes(12 * MB - len(FAKE_MP4))  # 5 + 7 MB


@pytest.fixture
def creator(sandbox):
    return sandbox.connect_creator()


@pytest.fixture
def upload_url(sandbox, creator):
    return sandbox.start_inbox_video(creator, len(FAKE_MP4)).data["upload_url"]


def start_two_chunk_upload(sandbox, creator):
    return sandbox.start_inbox_video(
        creator, len(TWO_CHUNK_FILE), chunk_size=5 * MB, total_chunk_count=2
    ).data


def test_an_upload_url_is_short_and_on_the_same_server(sandbox, upload_url):
    assert upload_url.startswith(f"{sandbox.url}/upload?upload_id=")
    assert len(upload_url) <= 256


def test_chunks_are_acknowledged_one_by_one(sandbox, creator):
    started = start_two_chunk_upload(sandbox, creator)
    first = sandbox.put_chunk(
        started["upload_url"], TWO_CHUNK_FILE[: 5 * MB], 0, len(TWO_CHUNK_FILE)
    )
    assert (first.status, first.headers["Content-Range"]) == (
        206,
        f"bytes 0-4999999/{len(TWO_CHUNK_FILE)}",
    )
    last = sandbox.put_chunk(
        started["upload_url"], TWO_CHUNK_FILE[5 * MB :], 5 * MB, len(TWO_CHUNK_FILE)
    )
    assert (last.status, last.headers["Content-Range"]) == (
        201,
        f"bytes 0-11999999/{len(TWO_CHUNK_FILE)}",
    )
    assert sandbox.get_post(started["publish_id"])["sha256"] == sha256(TWO_CHUNK_FILE).hexdigest()


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
    sandbox, creator, first, last
):
    started = start_two_chunk_upload(sandbox, creator)
    answer = sandbox.put_chunk(
        started["upload_url"], TWO_CHUNK_FILE[first:last], first, len(TWO_CHUNK_FILE)
    )
    assert (answer.status, answer.headers["Content-Range"]) == (
        416,
        f"bytes 0-0/{len(TWO_CHUNK_FILE)}",
    )
    assert sandbox.get_post(started["publish_id"])["size"] == 0


def test_a_chunk_sent_again_is_refused_with_the_progress(sandbox, upload_url):
    assert sandbox.put_chunk(upload_url, FAKE_MP4).status == 201
    repeated = sandbox.put_chunk(upload_url, FAKE_MP4)
    assert (repeated.status, repeated.headers["Content-Range"]) == (416, "bytes 0-999/1000")


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
def test_invalid_headers_are_refused(sandbox, upload_url, headers):
    assert sandbox.put_chunk(upload_url, FAKE_MP4, **headers).status == 400
    assert sandbox.put_chunk(upload_url, FAKE_MP4).status == 201


@pytest.mark.parametrize("alter", [lambda url: url[:-1] + "_", lambda url: url.split("&")[0]])
def test_an_unknown_upload_url_is_refused(sandbox, upload_url, alter):
    assert sandbox.put_chunk(alter(upload_url), FAKE_MP4).status == 404


def test_an_upload_url_is_valid_for_an_hour(sandbox, upload_url):
    sandbox.advance_clock(3601)
    assert sandbox.put_chunk(upload_url, FAKE_MP4).status == 403


def test_an_upload_url_can_be_expired_on_demand(sandbox, creator):
    started = sandbox.start_inbox_video(creator, len(FAKE_MP4)).data
    sandbox.control(f"posts/{started['publish_id']}/expire", method="POST")
    assert sandbox.put_chunk(started["upload_url"], FAKE_MP4).status == 403


def test_an_upload_ends_when_its_creator_disconnects(sandbox, creator, upload_url):
    sandbox.call_oauth("revoke", token=creator.access_token)
    assert sandbox.put_chunk(upload_url, FAKE_MP4).status == 404


def test_a_body_that_breaks_off_changes_nothing(sandbox, creator):
    started = sandbox.start_inbox_video(creator, len(FAKE_MP4)).data
    with pytest.raises(TimeoutError):
        put_half_chunk(sandbox, started["upload_url"])
    assert wait_for(lambda: sandbox.log("upload")[-1])["work"] is False
    assert sandbox.put_chunk(started["upload_url"], FAKE_MP4).status == 201


def put_half_chunk(sandbox, url):
    parts, size = urlsplit(url), len(FAKE_MP4)
    head = (
        f"PUT {parts.path}?{parts.query} HTTP/1.1\r\n"
        f"Host: {parts.netloc}\r\n"
        "Content-Type: video/mp4\r\n"
        f"Content-Length: {size}\r\n"
        f"Content-Range: bytes 0-{size - 1}/{size}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), timeout=0.2) as sock:
        sock.sendall(head.encode() + FAKE_MP4[:500])
        sock.recv(1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (FAKE_MP4, ""),
        (b"\0\0\0\x08wide" + bytes(500), ""),
        (bytes.fromhex("1a45dfa3") + bytes(500), ""),
        (b"<html>" + bytes(500), "file_format_check_failed"),
    ],
)
def test_a_file_that_is_no_video_fails_after_a_successful_upload(sandbox, creator, data, reason):
    publish_id = sandbox.upload_video(creator, data)
    status = sandbox.fetch_status(creator, publish_id).data
    assert status.get("fail_reason", "") == reason
    assert status["status"] == ("FAILED" if reason else "SEND_TO_USER_INBOX")


def test_the_whole_file_may_be_one_chunk(sandbox, creator):
    assert sandbox.start_inbox_video(creator, 64 * MB).data
    assert sandbox.start_direct_video(creator, source=file_source(12 * MB, 5 * MB, 2)).data
