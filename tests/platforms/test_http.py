"""The HTTP client against a server that sends broken responses."""

import os
import socket
import time
import traceback
from contextlib import ExitStack

import pytest
import structlog

from platforms.errors import TimedOut, Unavailable
from platforms.http import NO_RETRY, SAFE_RETRY, TOKEN_RETRY
from tests.platforms.hostile_server import (
    CUT_OFF_WITHIN,
    call_endpoint,
    closed_port_url,
    http_response,
    set_responses,
)

CANARY = "canary-7f3a"


def test_a_response_has_its_status_headers_and_json(http, server):
    set_responses(server, http_response(403, b'{"a": 1}', X_Tt_Logid="20261122"))
    response = call_endpoint(http, server.url + "/script")
    assert (response.status, response.json()) == (403, {"a": 1})
    assert response.headers["x-tt-logid"] == "20261122"


def test_a_header_that_comes_twice_has_both_values(http, server):
    set_responses(server, http_response(200, b"{}", X_Cause="one", x_cause="two"))
    response = call_endpoint(http, server.url + "/script")
    assert response.headers["x-cause"] == "one, two"


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/reset", Unavailable),
        ("/half-close", Unavailable),
        ("/truncated", Unavailable),
        ("/huge", Unavailable),
        ("/silent", TimedOut),
        ("/drip-head", TimedOut),
        ("/drip-body", TimedOut),
        ("/drip-open-end", TimedOut),
    ],
)
def test_a_bad_response_leaves_open_whether_the_request_worked(http, server, path, error):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, server.url + path)
    assert type(caught.value) is error
    assert caught.value.may_have_arrived


@pytest.mark.parametrize("path", ["/drip-head", "/drip-body", "/drip-open-end"])
def test_a_drip_cannot_outlast_the_deadline(http, server, path):
    start = time.monotonic()
    with pytest.raises(TimedOut):
        call_endpoint(http, server.url + path)
    assert time.monotonic() - start < CUT_OFF_WITHIN


@pytest.mark.parametrize("path", ["/html", "/truncated-json"])
def test_a_response_that_is_not_json_is_reported_as_such(http, server, path):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, server.url + path).json()
    assert caught.value.code == "INVALID_RESPONSE"


def test_json_nested_too_deeply_is_reported_as_such(http, server):
    set_responses(server, http_response(200, b"[" * 900_000))
    with pytest.raises(Unavailable):
        call_endpoint(http, server.url + "/script").json()


def test_a_redirect_is_returned_and_not_followed(http, server):
    assert call_endpoint(http, server.url + "/redirect").status == 302
    assert [path for path, _ in server.requests] == ["/redirect"]


def test_a_cookie_is_not_given_back(http, server):
    set_responses(server, http_response(200, Set_Cookie="track=me; Path=/"))
    call_endpoint(http, server.url + "/first")
    call_endpoint(http, server.url + "/ok")
    assert "cookie" not in server.request_headers[-1]


def test_a_proxy_of_the_environment_is_not_used(http, server, monkeypatch):
    monkeypatch.setitem(os.environ, "http_proxy", closed_port_url())
    assert call_endpoint(http, server.url + "/ok").status == 200


@pytest.mark.parametrize("retry", [NO_RETRY, TOKEN_RETRY, SAFE_RETRY])
def test_a_refused_connection_never_arrived(http, retry):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, closed_port_url(), retry=retry)
    assert not caught.value.may_have_arrived


def test_an_unknown_name_never_arrived(http, monkeypatch):
    def no_such_name(*_):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, "http://unknown.invalid/")
    assert not caught.value.may_have_arrived


def test_a_connection_that_times_out_never_arrived(http):
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, ExitStack() as waiting:
        for _ in range(9):  # the kernel queues a few more connections than the backlog says
            client = waiting.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        with pytest.raises(TimedOut) as caught:
            call_endpoint(http, f"http://127.0.0.1:{full.getsockname()[1]}/")
    assert not caught.value.may_have_arrived


def test_a_body_of_many_megabytes_takes_longer_than_a_connection_may(http, server):
    """A chunk is sent in one write, to which the connect timeout must not apply."""
    body = bytes(20_000_000)
    assert call_endpoint(http, server.url + "/ok", data=body, timeout=(0.01, 5.0)).status == 200
    assert len(server.requests[0][1]) == len(body)


def test_a_form_and_its_special_signs_arrive_encoded_once(http, server):
    call_endpoint(http, server.url + "/ok", form={"code": "abc*v!5236.s1"})
    assert server.requests[0][1] in {b"code=abc%2Av%215236.s1", b"code=abc*v%215236.s1"}


def test_connections_are_used_again(http, server):
    for _ in range(3):
        call_endpoint(http, server.url + "/ok")
    assert len(server.requests) == 3
    assert len(http._idle_sessions) == 1


@pytest.mark.parametrize("path", ["/reset", "/drip-head", "/huge"])
def test_no_error_and_no_log_line_quotes_the_url_the_headers_or_the_body(
    http, server, path, caplog
):
    caplog.set_level("DEBUG")
    with structlog.testing.capture_logs() as lines, pytest.raises(Unavailable) as caught:
        call_endpoint(
            http,
            f"{server.url}{path}?upload_token={CANARY}",
            headers={"Authorization": f"Bearer {CANARY}"},
            json={"token": CANARY},
        )
    output = "".join(traceback.format_exception(caught.value)) + repr(lines) + caplog.text
    assert lines[0]["endpoint"] == "test"
    assert CANARY not in output


def test_a_refused_connection_does_not_quote_the_url_either(http, caplog):
    caplog.set_level("DEBUG")
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, f"{closed_port_url()}/?upload_token={CANARY}")
    assert CANARY not in "".join(traceback.format_exception(caught.value)) + caplog.text
    assert caught.value.__context__ is None
