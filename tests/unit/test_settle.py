from datetime import timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.ledger.settle import (
    DAY,
    FINAL,
    HOUR,
    MOVES,
    QUICK,
    RANK,
    Stand,
    State,
    next_poll,
    settle,
)
from platforms.base import Phase, Progress

NEWS = {phase: Progress(phase, phase.value) for phase in Phase}
ENDS = [phase for phase in Phase if RANK[phase] == 4]
SENT = Stand(State.SENDING, Phase.RECEIVING)


def after(stand, phases):
    """What we believe in the end, and every state on the way."""
    course = [stand.state]
    for phase in phases:
        move = settle(stand, NEWS[phase])
        stand = Stand(move.state, move.phase, stand.bytes_total)
        course.append(stand.state)
    return stand, course


COURSE = (Phase.RECEIVING, Phase.PROCESSING, Phase.DELIVERED, Phase.PUBLISHED)


@pytest.mark.parametrize("order", list(permutations(COURSE)))
def test_news_may_come_in_any_order(order):
    stand, course = after(SENT, order)
    assert (stand.state, stand.phase) == (State.PUBLISHED, Phase.PUBLISHED)
    first = course.index(State.PUBLISHED)
    assert set(course[first:]) == {State.PUBLISHED}


@given(st.lists(st.sampled_from(list(Phase))), st.sampled_from(ENDS))
def test_after_an_end_nothing_moves_a_post_any_more(phases, end):
    ended, _ = after(SENT, [end])
    later, _ = after(ended, phases)
    assert later.state == ended.state


@given(st.sampled_from(list(State)), st.lists(st.sampled_from(list(Phase))))
def test_only_the_moves_of_the_table_are_made(state, phases):
    _, course = after(Stand(state), phases)
    for before, now in pairwise(course):
        assert now == before or now in MOVES[before]


@given(st.lists(st.sampled_from(list(Phase)), min_size=1))
def test_phases_never_lose_rank(phases):
    stand = SENT
    for phase in phases:
        move = settle(stand, NEWS[phase])
        assert RANK[move.phase] >= RANK[stand.phase]
        stand = Stand(move.state, move.phase)


@pytest.mark.parametrize("phase", list(Phase))
def test_the_same_news_again_is_no_news(phase):
    once = settle(SENT, NEWS[phase])
    again = settle(Stand(once.state, once.phase), NEWS[phase])
    assert (again.state, again.phase, again.news) == (once.state, once.phase, False)


def test_a_delivered_draft_that_is_then_published_is_news_of_the_same_state():
    delivered = settle(SENT, NEWS[Phase.DELIVERED])
    published = settle(Stand(delivered.state, delivered.phase), NEWS[Phase.PUBLISHED])
    assert delivered.state == published.state == State.PUBLISHED
    assert published.news


def test_another_end_than_ours_is_a_contradiction_and_changes_nothing():
    move = settle(Stand(State.PUBLISHED, Phase.PUBLISHED), NEWS[Phase.FAILED])
    assert (move.state, move.news, move.contradicts) == (State.PUBLISHED, False, True)


def test_late_talk_of_processing_contradicts_nobody():
    move = settle(Stand(State.FAILED, Phase.FAILED), NEWS[Phase.PROCESSING])
    assert not move.contradicts
    assert not move.news


def test_a_platform_that_has_every_byte_is_no_longer_receiving():
    full = Progress(Phase.RECEIVING, "PROCESSING_UPLOAD", bytes_done=10)
    assert settle(Stand(State.SENDING, None, bytes_total=10), full).state == State.PROCESSING
    assert settle(Stand(State.SENDING, None, bytes_total=11), full).state == State.SENDING


def test_what_is_processed_with_us_does_not_go_back_to_sending():
    move = settle(Stand(State.PROCESSING, Phase.PROCESSING), NEWS[Phase.RECEIVING])
    assert move.state == State.PROCESSING


def test_a_doubt_ends_with_the_platforms_word():
    doubt = Stand(State.UNCONFIRMED, Phase.RECEIVING)
    assert settle(doubt, NEWS[Phase.RECEIVING]).state == State.SENDING
    assert settle(doubt, NEWS[Phase.PUBLISHED]).state == State.PUBLISHED


def test_a_post_nobody_started_is_not_moved_to_processing():
    assert settle(Stand(State.QUEUED), NEWS[Phase.PROCESSING]).state == State.QUEUED


def test_no_final_state_has_a_way_out():
    assert {state for state in State if not MOVES[state]} == FINAL


@pytest.mark.parametrize(
    ("polls", "age", "wait"),
    [(0, "0", 5), (2, "0", 30), (5, "0", 300), (99, "0", 300), (0, "1h", 900), (0, "24h", 3600)],
)
def test_questions_grow_rarer(polls, age, wait):
    ages = {"0": timedelta(0), "1h": HOUR, "24h": DAY}
    assert next_poll(polls, ages[age], dice=0.5) == timedelta(seconds=wait)


@given(st.integers(0, 20), st.floats(0, 1, exclude_max=True))
def test_questions_are_spread_by_a_fifth(polls, dice):
    wait = next_poll(polls, timedelta(0), dice=dice)
    around = QUICK[min(polls, 5)]
    assert around * 0.8 <= wait <= around * 1.2
