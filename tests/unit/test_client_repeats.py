"""What the client repeats, and how long it waits before."""

import pytest
import requests

from signalpost_client import ConnectionLost, RepeatPolicy, errors
from signalpost_client.errors import UnexpectedResponse, find_error_class
from signalpost_client.repeats import can_repeat, read_retry_after


def refuse(status, code="x", *, retryable=True, retry_after=None):
    described = {"code": code, "retryable": retryable}
    return find_error_class(code, status)(status, described, retry_after=retry_after)


@pytest.mark.parametrize(
    ("error", "always", "with_key"),
    [
        (ConnectionLost("", may_have_arrived=False), True, True),
        (ConnectionLost("", may_have_arrived=True), False, True),
        (refuse(429, retry_after=7.0), True, True),
        (refuse(429, "quota_exceeded"), False, False),
        (refuse(503), True, True),
        (refuse(503, retryable=False), False, False),
        (refuse(409, "IDEMPOTENCY_IN_PROGRESS"), True, True),
        (refuse(409), False, False),
        (refuse(500), False, True),
        (refuse(502, "may_have_taken_effect", retryable=False), False, False),
        (refuse(504), False, True),
        (refuse(404, retryable=False), False, False),
        (UnexpectedResponse("", status=503), True, True),
        (UnexpectedResponse("", status=502), False, True),
        (UnexpectedResponse("", status=404), False, False),
    ],
)
def test_what_may_have_been_done_is_repeated_only_where_twice_is_once(error, always, with_key):
    assert can_repeat(error, is_repeatable=False) is always
    assert can_repeat(error, is_repeatable=True) is with_key


def test_delays_double_up_to_the_longest_and_end():
    policy = RepeatPolicy(max_repeats=4, first_delay=1.0, longest_delay=3.0)
    for failures, longest in enumerate((1.0, 2.0, 3.0, 3.0)):
        assert longest / 2 <= policy.choose_delay(failures, None) <= longest
    assert policy.choose_delay(4, None) is None


@pytest.mark.parametrize(("retry_after", "delay"), [(0.0, 0.0), (120.0, 120.0), (121.0, None)])
def test_the_server_says_how_long(retry_after, delay):
    assert RepeatPolicy().choose_delay(0, retry_after) == delay


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Sun, 29 Nov 2026 12:00:09 GMT"}, None),
        (
            {
                "Retry-After": "Sun, 29 Nov 2026 12:00:09 GMT",
                "Date": "Sun, 29 Nov 2026 12:00:00 GMT",
            },
            9.0,
        ),
        (
            {
                "Retry-After": "Sun, 29 Nov 2026 11:00:00 GMT",
                "Date": "Sun, 29 Nov 2026 12:00:00 GMT",
            },
            0.0,
        ),
    ],
)
def test_a_wait_is_a_number_or_a_date_by_the_clock_of_the_server(headers, seconds):
    response = requests.Response()
    response.headers.update(headers)
    assert read_retry_after(response) == seconds


def test_a_code_of_its_own_comes_before_the_status():
    assert find_error_class("quota_exceeded", 429) is errors.QuotaUsedUp
    assert find_error_class("RATE_LIMIT_EXCEEDED", 429) is errors.TooManyRequests
    assert find_error_class("unheard_of", 418) is errors.ApiError
