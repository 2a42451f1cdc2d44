"""How often a call to a platform is sent, and the waits between the attempts."""

from datetime import timedelta

import pytest

from platforms.errors import RateLimited, Unavailable
from platforms.http import SAFE_RETRY, TOKEN_RETRY, HttpClient
from platforms.http.response import parse_retry_after
from tests.platforms.hostile_server import (
    call_endpoint,
    closed_port_url,
    http_response,
    set_responses,
)


@pytest.mark.parametrize("path", ["/reset", "/half-close", "/truncated", "/huge", "/drip-head"])
def test_an_unsafe_call_is_sent_exactly_once(http, server, path):
    with pytest.raises(Unavailable):
        call_endpoint(http, server.url + path)
    assert len(server.requests) == 1


def test_a_safe_call_is_retried_twice_with_growing_waits(http, server, sleeps):
    set_responses(server, http_response(503), http_response(500), http_response(200))
    assert call_endpoint(http, server.url + "/script", retry=SAFE_RETRY).status == 200
    assert sleeps == pytest.approx([0.2 * 1.15, 0.4 * 1.15])


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_safe_call_returns_the_last_response_after_three_attempts(http, server, status):
    set_responses(server, http_response(status))
    assert call_endpoint(http, server.url + "/script", retry=SAFE_RETRY).status == status
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 416, 501])
def test_other_responses_are_final(http, server, status):
    set_responses(server, http_response(status))
    call_endpoint(http, server.url + "/script", retry=SAFE_RETRY)
    assert len(server.requests) == 1


@pytest.mark.parametrize("path", ["/reset", "/truncated", "/half-close"])
def test_a_safe_call_survives_a_broken_connection_up_to_three_times(http, server, path):
    with pytest.raises(Unavailable):
        call_endpoint(http, server.url + path, retry=SAFE_RETRY)
    assert len(server.requests) == 3


@pytest.mark.parametrize("path", ["/reset", "/silent", "/truncated", "/half-close"])
def test_a_token_call_that_may_have_arrived_is_not_repeated(http, server, path):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, server.url + path, retry=TOKEN_RETRY)
    assert caught.value.may_have_arrived
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_call_is_repeated_after_a_refusal(http, server, status):
    set_responses(server, http_response(status), http_response(200))
    assert call_endpoint(http, server.url + "/script", retry=TOKEN_RETRY).status == 200


def test_a_token_call_is_repeated_when_it_did_not_arrive(http, sleeps):
    with pytest.raises(Unavailable):
        call_endpoint(http, closed_port_url(), retry=TOKEN_RETRY)
    assert sleeps == pytest.approx([0.1 * 1.15, 0.2 * 1.15])


def test_an_attempt_that_arrived_counts_even_if_the_next_ones_do_not_arrive(http, server):
    with pytest.raises(Unavailable) as caught:
        call_endpoint(http, server.url + "/last-words", retry=TOKEN_RETRY)
    assert caught.value.may_have_arrived
    assert len(server.requests) == 1


def test_a_short_retry_after_is_a_floor(http, server, sleeps):
    set_responses(server, http_response(429, Retry_After=1), http_response(200))
    assert call_endpoint(http, server.url + "/script", retry=SAFE_RETRY).status == 200
    assert sleeps == [1.0]


def test_a_long_retry_after_is_returned_at_once(http, server, sleeps):
    set_responses(server, http_response(429, Retry_After=30))
    error = call_endpoint(http, server.url + "/script", retry=SAFE_RETRY).status_error()
    assert isinstance(error, RateLimited)
    assert error.retry_after == timedelta(seconds=30)
    assert (sleeps, len(server.requests)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("Sun, 09 Sep 2001 01:47:40 GMT", 60),
        ("Sun, 09 Sep 2001 01:40:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("90.5", 90.5),
        ('"90"', 90),
        ("90, 90", 0),
        ("Sun, 09 Sep 2001 01:47:40 -0000", 60),
        ("Sun, 09 Sep 2001 03:47:40 +0200", 60),
        ("Sun, 99 Sep 2001 99:99:99 GMT", 0),
        ("nan", 0),
        ("٣", 0),
        ("soon", 0),
        ("1e9", 0),
        ("²", 0),
        ("9" * 400, 21_600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 21_600),
    ],
)
def test_a_retry_after_is_parsed_as_seconds_or_date_and_capped(text, seconds):
    assert parse_retry_after(text, now=1_000_000_000.0) == timedelta(seconds=seconds)


def test_every_attempt_is_reported_with_its_outcome(server):
    observed = []

    def observe(endpoint, outcome, _seconds):
        observed.append((endpoint, outcome))

    http = HttpClient(observe=observe, sleep=lambda _: None)
    set_responses(server, http_response(503), http_response(200))
    call_endpoint(http, server.url + "/script", retry=SAFE_RETRY)
    http.close()
    assert observed == [("test", "503"), ("test", "200")]
