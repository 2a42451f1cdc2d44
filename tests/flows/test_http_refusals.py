"""A request that is refused before its body was read: every client gets the words of the refusal.

Many clients send the whole body before they look at the response; to them, a connection that is
closed meanwhile is a broken one.
"""

import json
import shutil
import socket
import subprocess

import pytest
import requests

from tests.flows.raw_http import encode_chunked, read_reply
from tests.flows.slow_senders import announce_length, format_head

MIB = 1024 * 1024
JSON_TYPE = "Content-Type: application/json"
CHUNK_TYPE = "application/offset+octet-stream"
TUS_HEADERS = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0", "Content-Type": CHUNK_TYPE}
TUS_LINES = tuple(f"{name}: {value}" for name, value in TUS_HEADERS.items())
MULTIPART = "Content-Type: multipart/form-data; boundary=x"

pytestmark = pytest.mark.xdist_group("web_server")

RAW_CASES = {
    "a form that is too large": (("POST", "/logout"), 413, "PAYLOAD_TOO_LARGE"),
    "JSON that is too large": (("POST", "/api/posts", JSON_TYPE), 413, "PAYLOAD_TOO_LARGE"),
    "multipart": (("POST", "/api/posts", MULTIPART), 415, "UNSUPPORTED_MEDIA_TYPE"),
    "an upload without a key": (("PATCH", "/api/media/1", *TUS_LINES), 401, "UNAUTHORIZED"),
    "an unknown webhook": (("POST", "/api/webhooks/tiktoc"), 413, "PAYLOAD_TOO_LARGE"),
}


@pytest.mark.parametrize("name", RAW_CASES)
@pytest.mark.parametrize("size", [700_000 * 2, 20 * MIB])
def test_a_client_that_sends_everything_first_reads_the_words_afterwards(web_server, name, size):
    (method, path, *headers), status, code = RAW_CASES[name]
    address = ("127.0.0.1", web_server.port)
    with socket.create_connection(address, timeout=20) as connection:
        connection.sendall(format_head(method, path, *headers, announce_length(size)))
        for _ in range(size // 100_000):
            connection.sendall(b"a" * 100_000)
        connection.sendall(b"a" * (size % 100_000))
        reply = read_reply(connection)
    assert reply.status == status
    assert reply.code == code if path.startswith("/api/") else b"<html" in reply.body


def test_a_chunked_body_that_grows_too_large_is_refused_in_words(web_server):
    body = encode_chunked(b"a" * 5 * MIB, size=100_000)
    with socket.create_connection(("127.0.0.1", web_server.port), timeout=20) as connection:
        head = format_head("POST", "/api/auth/login", JSON_TYPE, "Transfer-Encoding: chunked")
        connection.sendall(head + body)
        reply = read_reply(connection)
    assert (reply.status, reply.code) == (413, "PAYLOAD_TOO_LARGE")


def test_a_client_that_waits_for_permission_to_send_is_refused_at_once(web_server):
    with socket.create_connection(("127.0.0.1", web_server.port), timeout=20) as connection:
        head = format_head(
            "PATCH", "/api/media/1", *TUS_LINES, announce_length(5 * MIB), "Expect: 100-continue"
        )
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 401 ")


def test_the_library_requests_gets_the_words(web_server):
    for method, path, data, headers, status in (
        ("POST", "/api/posts", b"x" * 8 * MIB, web_server.auth, 413),
        ("PATCH", "/api/media/999999", b"x" * 8 * MIB, {**TUS_HEADERS, **web_server.auth}, 404),
        ("PATCH", "/api/media/999999", b"x" * 8 * MIB, TUS_HEADERS, 401),
    ):
        response = requests.request(
            method, web_server.url + path, data=data, headers=headers, timeout=20
        )
        assert response.status_code == status
        assert response.json()["error"]["userMessage"]


def test_a_chunk_at_a_wrong_offset_is_refused_with_the_right_one(web_server):
    path = web_server.announce_upload(8 * MIB)
    headers = {**TUS_HEADERS, **web_server.auth, "Upload-Offset": "5"}
    response = requests.patch(
        web_server.url + path, data=b"x" * 8 * MIB, headers=headers, timeout=20
    )
    assert (response.status_code, response.json()["error"]["code"]) == (409, "CONFLICT")
    assert response.json()["error"]["details"] == {"offset": 0}


def test_a_chunk_with_more_bytes_than_are_missing_is_refused_before_any_is_stored(web_server):
    path = web_server.announce_upload(3 * MIB)
    headers = {**TUS_HEADERS, **web_server.auth}
    for offset, size in ((0, 3 * MIB + 1), (0, 3 * MIB), (3 * MIB, 1)):
        response = requests.patch(
            web_server.url + path,
            data=b"x" * size,
            headers={**headers, "Upload-Offset": str(offset)},
            timeout=20,
        )
        missing = 3 * MIB - offset
        assert response.status_code == (204 if size == missing else 413)
        if size != missing:
            assert response.json()["error"]["details"] == {"missing": missing}
            assert web_server.read_offset(path) == offset


def send_in_chunks(web_server, path, size):
    """PATCH a body without a stated length."""
    auth = f"Authorization: {web_server.auth['Authorization']}"
    head = format_head("PATCH", path, auth, *TUS_LINES, "Transfer-Encoding: chunked")
    with socket.create_connection(("127.0.0.1", web_server.port), timeout=20) as connection:
        connection.sendall(head + encode_chunked(b"x" * size, size=100_000))
        return read_reply(connection)


@pytest.mark.parametrize("size", [10, 3 * MIB])
def test_a_body_without_a_stated_length_that_is_too_long_completes_no_file(web_server, size):
    """Of a short one nothing is stored; of a long one what had arrived before its last part."""
    path = web_server.announce_upload(size)
    reply = send_in_chunks(web_server, path, size + 1)
    assert (reply.status, reply.code) == (413, "PAYLOAD_TOO_LARGE")
    offset = web_server.read_offset(path)
    assert offset == 0 if size < MIB else offset < size
    assert json.loads(reply.body)["error"]["details"] == {"missing": size - offset}
    # The upload goes on as if the part had not been sent.
    response = requests.patch(
        web_server.url + path,
        data=b"x" * (size - offset),
        headers={**TUS_HEADERS, **web_server.auth, "Upload-Offset": str(offset)},
        timeout=20,
    )
    assert (response.status_code, web_server.read_offset(path)) == (204, size)


def test_a_body_without_a_stated_length_that_fits_completes_the_file(web_server):
    """The negative control."""
    path = web_server.announce_upload(3 * MIB)
    assert send_in_chunks(web_server, path, 3 * MIB).status == 204
    assert web_server.read_offset(path) == 3 * MIB


@pytest.mark.parametrize("body", [b"a" * 10, b"zz\r\na"], ids=["half closed", "no chunk"])
def test_a_chunk_that_does_not_arrive_as_announced_is_the_clients_fault(web_server, body):
    length = "Transfer-Encoding: chunked" if b"\r\n" in body else announce_length(50)
    path = web_server.announce_upload(MIB)
    auth = f"Authorization: {web_server.auth['Authorization']}"
    with socket.create_connection(("127.0.0.1", web_server.port), 10) as connection:
        connection.sendall(format_head("PATCH", path, auth, *TUS_LINES, length) + body)
        connection.shutdown(socket.SHUT_WR)
        reply = read_reply(connection)
    assert (reply.status, reply.code) == (400, "VALIDATION_ERROR")
    assert b"ended before its announced end" in reply.body
    assert web_server.read_offset(path) == (0 if b"\r\n" in body else 10)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("expect", ["Expect: 100-continue", "Expect:"])
def test_curl_gets_the_words(web_server, tmp_path, expect):
    body = tmp_path / "body"
    body.write_bytes(b"x" * 20 * MIB)
    result = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--max-time", "20"),
            *("--header", JSON_TYPE, "--header", expect),
            *("--data-binary", f"@{body}", web_server.url + "/api/posts"),
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    assert json.loads(result.stdout)["error"]["code"] == "PAYLOAD_TOO_LARGE"
