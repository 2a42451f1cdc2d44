"""Clients that send slowly, send nothing or read nothing delay nobody, without a proxy in front."""

import json
import socket
import time

import pytest
import requests

from tests.flows.brokers import wait_until
from tests.flows.raw_http import read_reply
from tests.flows.slow_senders import announce_length, build_heads, format_head, run_slow_senders
from tests.support.tiktok_webhooks import WEBHOOK_PATH, build_envelope, sign_body

SENDER_COUNT = 200
WATCH_SECONDS = 2.0
MAX_RESPONSE_SECONDS = 2.0  # on a busy machine; without an effect it is a hundredth
MIB = 1024 * 1024

pytestmark = pytest.mark.xdist_group("web_server")


def deliver_event(server, publish_id):
    body = json.dumps(build_envelope(publish_id=publish_id)).encode()
    headers = {"TikTok-Signature": sign_body(body)}
    return requests.post(server.url + WEBHOOK_PATH, data=body, headers=headers, timeout=5)


def check_service(server, name):
    """Every kind of request is answered in time."""
    started_at = time.monotonic()
    assert server.get("/healthz").status_code == 200
    assert server.get("/login").status_code == 200
    assert server.get("/api/auth/me", headers=server.auth).status_code == 200
    assert deliver_event(server, name).status_code == 200
    assert time.monotonic() - started_at < 4 * MAX_RESPONSE_SECONDS


def watch_service(server):
    ends_at, number = time.monotonic() + WATCH_SECONDS, 0
    while time.monotonic() < ends_at:
        number += 1
        check_service(server, f"v_pub~{time.monotonic_ns()}")
        time.sleep(0.1)
    assert number


def test_two_hundred_slow_senders_of_every_kind_delay_nobody(web_server):
    heads = build_heads(web_server, web_server.announce_upload(MIB))
    with run_slow_senders(web_server.port, heads, SENDER_COUNT):
        watch_service(web_server)
        assert web_server.announce_upload(10)
    check_service(web_server, "afterwards")


def test_thirty_three_slow_uploads_of_one_user_delay_nobody_and_lose_nothing(web_server):
    paths = [web_server.announce_upload(MIB) for _ in range(33)]
    tus = (
        "Tus-Resumable: 1.0.0",
        "Upload-Offset: 0",
        "Content-Type: application/offset+octet-stream",
    )
    auth = f"Authorization: {web_server.auth['Authorization']}"
    heads = [format_head("PATCH", path, auth, *tus, announce_length(MIB)) for path in paths]
    with run_slow_senders(web_server.port, heads, len(heads)) as connections:
        watch_service(web_server)
        other = web_server.announce_upload(3 * MIB)
        send_upload(web_server, other, b"x" * 3 * MIB)
        for connection in connections:
            connection.sendall(b"b" * 1000)
        # The lines break; what has arrived is kept.
    for path in paths:
        wait_for_offset(web_server, path, 1000)


def wait_for_offset(server, path, offset):
    wait_until(lambda: server.read_offset(path) >= offset, what=f"{offset} bytes of {path}")


def send_upload(server, path, data):
    headers = {
        **server.auth,
        "Tus-Resumable": "1.0.0",
        "Upload-Offset": "0",
        "Content-Type": "application/offset+octet-stream",
    }
    response = requests.patch(server.url + path, headers=headers, data=data, timeout=20)
    assert response.status_code == 204, response.text
    assert response.headers["Upload-Offset"] == str(len(data))


def test_two_thousand_connections_that_say_nothing_delay_nobody(web_server):
    connections = []
    try:
        for number in range(2000):
            connections.append(socket.create_connection(("127.0.0.1", web_server.port), 5))
            connections[-1].sendall(b"POST " if number % 2 else b"")
        check_service(web_server, "beside silent connections")
    finally:
        for connection in connections:
            connection.close()


def test_clients_that_do_not_read_their_response_delay_nobody(web_server):
    connections = []
    try:
        for _ in range(100):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(("127.0.0.1", web_server.port))
            connection.sendall(format_head("GET", "/openapi.json"))
            connections.append(connection)
        check_service(web_server, "beside clients that do not read")
    finally:
        for connection in connections:
            connection.close()


@pytest.mark.chaos
def test_slow_senders_learn_why_they_are_ended(web_server):
    heads = [
        format_head("POST", "/logout", announce_length()),
        format_head("POST", WEBHOOK_PATH, announce_length()),
    ]
    with run_slow_senders(web_server.port, heads, 20) as connections:
        for connection in connections:
            connection.settimeout(40)
            reply = read_reply(connection)
            assert reply.status == 408
            assert b"did not arrive in time" in reply.body
