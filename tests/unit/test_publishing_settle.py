from datetime import timedelta
from itertools import pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.post_state.settle import (
    ALLOWED_TRANSITIONS,
    DAY,
    FINAL_STATES,
    FIRST_POLL_DELAYS,
    HOUR,
    PHASE_RANKS,
    CurrentState,
    PostState,
    next_poll_delay,
    settle,
)
from platforms.base import Phase, PublishProgress

UPDATES = {phase: PublishProgress(phase, phase.value) for phase in Phase}
FINAL_PHASES = [phase for phase in Phase if PHASE_RANKS[phase] == 4]
SENDING_STATE = CurrentState(PostState.SENDING, Phase.RECEIVING)


def settle_all(current, phases):
    """What we believe in the end, and every state on the way."""
    states = [current.state]
    for phase in phases:
        move = settle(current, UPDATES[phase])
        current = CurrentState(move.state, move.phase, current.bytes_total)
        states.append(current.state)
    return current, states


USUAL_PHASES = (Phase.RECEIVING, Phase.PROCESSING, Phase.DELIVERED, Phase.PUBLISHED)


@pytest.mark.parametrize("order", list(permutations(USUAL_PHASES)))
def test_updates_may_come_in_any_order(order):
    stand, course = settle_all(SENDING_STATE, order)
    assert (stand.state, stand.phase) == (PostState.PUBLISHED, Phase.PUBLISHED)
    first = course.index(PostState.PUBLISHED)
    assert set(course[first:]) == {PostState.PUBLISHED}


@given(st.lists(st.sampled_from(list(Phase))), st.sampled_from(FINAL_PHASES))
def test_after_an_end_nothing_moves_a_post_any_more(phases, end):
    ended, _ = settle_all(SENDING_STATE, [end])
    later, _ = settle_all(ended, phases)
    assert later.state == ended.state


@given(st.sampled_from(list(PostState)), st.lists(st.sampled_from(list(Phase))))
def test_only_the_moves_of_the_table_are_made(state, phases):
    _, course = settle_all(CurrentState(state), phases)
    for before, now in pairwise(course):
        assert now == before or now in ALLOWED_TRANSITIONS[before]


@given(st.lists(st.sampled_from(list(Phase)), min_size=1))
def test_phases_never_lose_rank(phases):
    stand = SENDING_STATE
    for phase in phases:
        move = settle(stand, UPDATES[phase])
        assert PHASE_RANKS[move.phase] >= PHASE_RANKS[stand.phase]
        stand = CurrentState(move.state, move.phase)


@pytest.mark.parametrize("phase", list(Phase))
def test_the_same_update_again_changes_nothing(phase):
    once = settle(SENDING_STATE, UPDATES[phase])
    again = settle(CurrentState(once.state, once.phase), UPDATES[phase])
    assert (again.state, again.phase, again.is_change) == (once.state, once.phase, False)


def test_a_delivered_draft_that_is_then_published_is_an_update_of_the_same_state():
    delivered = settle(SENDING_STATE, UPDATES[Phase.DELIVERED])
    published = settle(CurrentState(delivered.state, delivered.phase), UPDATES[Phase.PUBLISHED])
    assert delivered.state == published.state == PostState.PUBLISHED
    assert published.is_change


def test_another_end_than_ours_is_a_contradiction_and_changes_nothing():
    move = settle(CurrentState(PostState.PUBLISHED, Phase.PUBLISHED), UPDATES[Phase.FAILED])
    assert (move.state, move.is_change, move.is_contradiction) == (PostState.PUBLISHED, False, True)


def test_late_talk_of_processing_contradicts_nobody():
    move = settle(CurrentState(PostState.FAILED, Phase.FAILED), UPDATES[Phase.PROCESSING])
    assert not move.is_contradiction
    assert not move.is_change


def test_a_platform_that_has_every_byte_is_no_longer_receiving():
    full = PublishProgress(Phase.RECEIVING, "PROCESSING_UPLOAD", bytes_done=10)
    assert (
        settle(CurrentState(PostState.SENDING, None, bytes_total=10), full).state
        == PostState.PROCESSING
    )
    assert (
        settle(CurrentState(PostState.SENDING, None, bytes_total=11), full).state
        == PostState.SENDING
    )


def test_what_is_processed_with_us_does_not_go_back_to_sending():
    move = settle(CurrentState(PostState.PROCESSING, Phase.PROCESSING), UPDATES[Phase.RECEIVING])
    assert move.state == PostState.PROCESSING


def test_an_unconfirmed_state_ends_with_the_platforms_answer():
    doubt = CurrentState(PostState.UNCONFIRMED, Phase.RECEIVING)
    assert settle(doubt, UPDATES[Phase.RECEIVING]).state == PostState.SENDING
    assert settle(doubt, UPDATES[Phase.PUBLISHED]).state == PostState.PUBLISHED


def test_a_post_nobody_started_is_not_moved_to_processing():
    assert (
        settle(CurrentState(PostState.QUEUED), UPDATES[Phase.PROCESSING]).state == PostState.QUEUED
    )


def test_no_final_state_has_a_way_out():
    assert {state for state in PostState if not ALLOWED_TRANSITIONS[state]} == FINAL_STATES


@pytest.mark.parametrize(
    ("polls", "age", "wait"),
    [(0, "0", 5), (2, "0", 30), (5, "0", 300), (99, "0", 300), (0, "1h", 900), (0, "24h", 3600)],
)
def test_questions_grow_rarer(polls, age, wait):
    ages = {"0": timedelta(0), "1h": HOUR, "24h": DAY}
    assert next_poll_delay(polls, ages[age], jitter=0.5) == timedelta(seconds=wait)


@given(st.integers(0, 20), st.floats(0, 1, exclude_max=True))
def test_questions_are_spread_by_a_fifth(polls, dice):
    wait = next_poll_delay(polls, timedelta(0), jitter=dice)
    around = FIRST_POLL_DELAYS[min(polls, 5)]
    assert around * 0.8 <= wait <= around * 1.2
