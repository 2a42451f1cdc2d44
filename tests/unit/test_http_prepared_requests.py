"""Requests are what `requests` would send, and leave in as few packets as possible."""

import pytest
import requests

from platforms.http.deadline import (
    MAX_JOINED_BYTES,
    Deadline,
    DeadlineConnection,
    create_session,
    current_deadline,
)
from platforms.http.prepare import find_prepared_url, prepare_request

URL = "https://open.example.com/v2/post/"
REQUESTS = {
    "json": {"url": URL, "json": {"a": "é", "b": [1, None]}},
    "an empty form": {"url": URL, "data": {}},
    "a form": {"url": URL, "data": {"code": "a b&c", "state": "é"}},
    "bytes": {"url": URL, "data": b"\x00\x01"},
    "a view of bytes": {"url": URL, "data": memoryview(b"abc")},
    "no body": {"url": URL},
    "a query": {"url": URL + "?fields=a,b&access_token=x y#part"},
    "odd characters": {"url": "HTTPS://Bücher.example/ä b/../c"},
    "credentials": {"url": "https://name:secret@example.com/path"},
}


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize("method", ["GET", "post"])
def test_a_request_is_what_requests_would_send(name, method):
    request = requests.Request(method, headers={"Accept": "application/json"}, **REQUESTS[name])
    expected = request.prepare()
    for _ in range(2):  # the second one has a remembered address
        prepared = prepare_request(request)
        assert (prepared.method, prepared.url) == (expected.method, expected.url)
        assert (prepared.body, dict(prepared.headers)) == (expected.body, dict(expected.headers))


@pytest.mark.parametrize("url", ["nothing", "http://", "http://*.example/", "https://a b/"])
def test_an_address_that_is_none_is_refused_each_time(url):
    for _ in range(2):
        with pytest.raises(requests.RequestException):
            prepare_request(requests.Request("GET", url))


@pytest.mark.parametrize("name", ["a query", "credentials"])
def test_no_address_that_may_hold_a_secret_is_remembered(name):
    find_prepared_url.cache_clear()
    prepare_request(requests.Request("GET", **REQUESTS[name]))
    assert find_prepared_url.cache_info().currsize == 0
    prepare_request(requests.Request("GET", URL))
    assert find_prepared_url.cache_info().currsize == 1


class RecordingSocket:
    """The wire: what is sent with each call."""

    def __init__(self):
        self.sent = []

    def sendall(self, data):
        self.sent.append(data)

    def settimeout(self, seconds):
        pass

    def close(self):
        pass


def send_body(body):
    connection = DeadlineConnection("example.com")
    connection.sock = sock = RecordingSocket()
    token = current_deadline.set(Deadline(5))
    try:
        connection.request("POST", "/v2/post/", body=body, headers={"Accept": "*/*"})
    finally:
        current_deadline.get().unwatch()
        current_deadline.reset(token)
    return sock.sent


def test_head_and_body_of_a_short_request_leave_together():
    [sent] = send_body(b'{"a": 1}')
    assert sent.startswith(b"POST /v2/post/ HTTP/1.1\r\n")
    assert sent.endswith(b'\r\n\r\n{"a": 1}')


def test_a_request_without_a_body_is_sent_too():
    [sent] = send_body(None)
    assert sent.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("kind", [bytes, memoryview])
def test_a_long_body_is_sent_after_its_head_without_a_copy(kind):
    body = kind(bytes(MAX_JOINED_BYTES + 1))
    head, sent = send_body(body)
    assert head.endswith(b"\r\n\r\n")
    assert sent is body


def find_pool(adapter, url, **options):
    request = requests.Request("GET", url).prepare()
    return adapter.get_connection_with_tls_context(request, options.get("verify", True))


def test_each_host_port_and_trust_has_a_pool_of_its_own():
    with create_session() as session:
        adapter = session.get_adapter(URL)
        pool = find_pool(adapter, URL)
        assert find_pool(adapter, URL + "other?a=b") is pool
        others = [
            find_pool(adapter, "https://open.example.com:8443/"),
            find_pool(adapter, "http://open.example.com/"),
            find_pool(adapter, "https://example.com/"),
            find_pool(adapter, URL, verify=False),
        ]
        assert len({id(each) for each in [pool, *others]}) == 5
        assert find_pool(adapter, URL) is pool


def test_closing_a_session_forgets_its_pools():
    with create_session() as session:
        adapter = session.get_adapter(URL)
        pool = find_pool(adapter, URL)
        adapter.close()
        assert find_pool(adapter, URL) is not pool
