"""Malformed and unusual deliveries to a real server: the exact response to each, never a 500.

An acknowledged delivery is stored once, however often it is sent; a refused one stores nothing.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.hostile_deliveries import (
    DAY_SECONDS,
    DELIVERY_CASES,
    DUPLICATE,
    envelope_body,
    signed_request,
)
from tests.flows.raw_http import send_raw

pytestmark = pytest.mark.xdist_group("webhook_stack")


@pytest.fixture
def count_events(burst_stack):
    return lambda: burst_stack.query_value("SELECT count(*) FROM webhook_events")


@pytest.mark.parametrize("name", DELIVERY_CASES)
def test_a_hostile_delivery_gets_its_exact_response_and_is_stored_once(
    burst_stack, count_events, name
):
    build_request, body, (status, code, rows) = DELIVERY_CASES[name]
    message = build_request(envelope_body(name) if body is None else body)
    before = count_events()
    first, second = (send_raw(burst_stack.info["web"], message) for _ in range(2))
    assert (first.status, second.status) == (status, status)
    assert count_events() - before == rows
    if code:
        assert first.code == code
    if status == 200:
        assert (first.code, second.code) == (None, "duplicate")


def test_ten_copies_at_once_are_one_row_and_one_first_response(burst_stack, count_events):
    message, before = signed_request(envelope_body("ten")), count_events()
    with ThreadPoolExecutor(10) as threads:
        replies = list(threads.map(lambda _: send_raw(burst_stack.info["web"], message), range(10)))
    assert [reply.status for reply in replies] == [200] * 10
    assert sorted(str(reply.code) for reply in replies) == ["None"] + ["duplicate"] * 9
    assert count_events() == before + 1


def test_the_same_body_signed_again_days_later_is_a_duplicate(burst_stack, count_events):
    body = envelope_body("again")
    send_raw(burst_stack.info["web"], signed_request(body))
    before = count_events()
    for age in (600, 3 * DAY_SECONDS, -900):
        reply = send_raw(burst_stack.info["web"], signed_request(body, age=age))
        assert (reply.status, reply.code) == DUPLICATE[:2]
    assert count_events() == before


def test_a_delivery_cut_off_in_the_middle_stores_nothing(burst_stack, count_events):
    body = envelope_body("half")
    before = count_events()
    reply = send_raw(burst_stack.info["web"], signed_request(body)[:-20], hang_up=True)
    assert reply.status < 500
    assert reply.status != 200
    assert count_events() == before
    assert send_raw(burst_stack.info["web"], signed_request(body)).status == 200
