"""How often a call is made, and how long is waited between."""

from datetime import timedelta

import pytest

from platforms.errors import RateLimited, Unavailable
from platforms.http import SAFE, TOKEN, Http
from platforms.http.reply import retry_after
from tests.platforms.hostile import a_port_nobody_listens_on, answer, call, plays


@pytest.mark.parametrize("path", ["/reset", "/half-close", "/truncated", "/huge", "/drip-head"])
def test_an_unsafe_call_is_sent_exactly_once(http, server, path):
    with pytest.raises(Unavailable):
        call(http, server.url + path)
    assert len(server.seen) == 1


def test_a_safe_call_is_repeated_twice_with_growing_naps(http, server, naps):
    plays(server, answer(503), answer(500), answer(200))
    assert call(http, server.url + "/script", repeat=SAFE).status == 200
    assert naps == pytest.approx([0.2 * 1.15, 0.4 * 1.15])


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_a_safe_call_gives_the_last_answer_after_three_tries(http, server, status):
    plays(server, answer(status))
    assert call(http, server.url + "/script", repeat=SAFE).status == status
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 404, 416, 501])
def test_other_answers_are_final(http, server, status):
    plays(server, answer(status))
    call(http, server.url + "/script", repeat=SAFE)
    assert len(server.seen) == 1


@pytest.mark.parametrize("path", ["/reset", "/truncated", "/half-close"])
def test_a_safe_call_survives_a_broken_connection_up_to_three_times(http, server, path):
    with pytest.raises(Unavailable):
        call(http, server.url + path, repeat=SAFE)
    assert len(server.seen) == 3


@pytest.mark.parametrize("path", ["/reset", "/silent", "/truncated", "/half-close"])
def test_a_token_call_that_may_have_arrived_is_not_repeated(http, server, path):
    with pytest.raises(Unavailable) as caught:
        call(http, server.url + path, repeat=TOKEN)
    assert caught.value.reached
    assert len(server.seen) == 1


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_token_call_is_repeated_after_a_refusal(http, server, status):
    plays(server, answer(status), answer(200))
    assert call(http, server.url + "/script", repeat=TOKEN).status == 200


def test_a_token_call_is_repeated_when_it_surely_did_not_arrive(http, naps):
    with pytest.raises(Unavailable):
        call(http, a_port_nobody_listens_on(), repeat=TOKEN)
    assert naps == pytest.approx([0.1 * 1.15, 0.2 * 1.15])


def test_one_try_that_arrived_is_remembered_when_the_next_ones_cannot(http, server):
    with pytest.raises(Unavailable) as caught:
        call(http, server.url + "/last-words", repeat=TOKEN)
    assert caught.value.reached
    assert len(server.seen) == 1


def test_a_short_retry_after_is_a_floor(http, server, naps):
    plays(server, answer(429, Retry_After=1), answer(200))
    assert call(http, server.url + "/script", repeat=SAFE).status == 200
    assert naps == [1.0]


def test_a_long_retry_after_is_handed_back_at_once(http, server, naps):
    plays(server, answer(429, Retry_After=30))
    fault = call(http, server.url + "/script", repeat=SAFE).fault()
    assert isinstance(fault, RateLimited)
    assert fault.retry_after == timedelta(seconds=30)
    assert (naps, len(server.seen)) == ([], 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("90", 90),
        ("Sun, 09 Sep 2001 01:47:40 GMT", 60),
        ("Sun, 09 Sep 2001 01:40:00 GMT", 0),
        ("", 0),
        ("-5", 0),
        ("soon", 0),
        ("1e9", 0),
        ("²", 0),
        ("9" * 400, 21_600),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 21_600),
    ],
)
def test_a_retry_after_is_read_as_seconds_or_date_and_never_believed_beyond_reason(text, seconds):
    assert retry_after(text, now=1_000_000_000.0) == timedelta(seconds=seconds)


def test_every_try_is_counted_with_its_outcome(server):
    counted = []
    http = Http(observe=lambda *one: counted.append(one[:2]), sleep=lambda _: None)
    plays(server, answer(503), answer(200))
    call(http, server.url + "/script", repeat=SAFE)
    http.close()
    assert counted == [("test", "503"), ("test", "200")]
