"""Strange letters at a real server: exact answers, never a 500.

What is acknowledged is there, once, however often it is sent; what is refused leaves nothing.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.flows.letters import DAY, KNOWN, LETTERS, envelope, signed
from tests.flows.wire import ask

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("storm")]


@pytest.fixture
def count(storm_house):
    return lambda: storm_house.one("SELECT count(*) FROM webhook_events")


@pytest.mark.parametrize("name", LETTERS)
def test_a_strange_letter_is_answered_exactly_so_and_stored_once(storm_house, count, name):
    send, body, (status, said, rows) = LETTERS[name]
    message = send(envelope(name) if body is None else body)
    before = count()
    first, second = (ask(storm_house.told["web"], message) for _ in range(2))
    assert (first.status, second.status) == (status, status)
    assert count() - before == rows
    if said:
        assert first.said == said
    if status == 200:
        assert (first.said, second.said) == (None, "duplicate")


def test_ten_at_once_are_one_row_and_one_first(storm_house, count):
    message, before = signed(envelope("ten")), count()
    with ThreadPoolExecutor(10) as threads:
        replies = list(threads.map(lambda _: ask(storm_house.told["web"], message), range(10)))
    assert [reply.status for reply in replies] == [200] * 10
    assert sorted(str(reply.said) for reply in replies) == ["None"] + ["duplicate"] * 9
    assert count() == before + 1


def test_the_same_words_signed_again_days_later_are_known(storm_house, count):
    body = envelope("again")
    ask(storm_house.told["web"], signed(body))
    before = count()
    for age in (600, 3 * DAY, -900):
        reply = ask(storm_house.told["web"], signed(body, age=age))
        assert (reply.status, reply.said) == KNOWN[:2]
    assert count() == before


def test_whoever_hangs_up_in_the_middle_leaves_nothing(storm_house, count):
    body = envelope("half")
    before = count()
    reply = ask(storm_house.told["web"], signed(body)[:-20], hang_up=True)
    assert reply.status < 500
    assert reply.status != 200
    assert count() == before
    assert ask(storm_house.told["web"], signed(body)).status == 200
