"""The state machine of posts, as properties: reports may come late, twice and in any order."""

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
    """The last state, and every state on the way."""
    states = [current.state]
    for phase in phases:
        transition = settle(current, UPDATES[phase])
        current = CurrentState(transition.state, transition.phase, current.bytes_total)
        states.append(current.state)
    return current, states


USUAL_PHASES = (Phase.RECEIVING, Phase.PROCESSING, Phase.DELIVERED, Phase.PUBLISHED)


@pytest.mark.parametrize("order", list(permutations(USUAL_PHASES)))
def test_updates_may_come_in_any_order(order):
    current, states = settle_all(SENDING_STATE, order)
    assert (current.state, current.phase) == (PostState.PUBLISHED, Phase.PUBLISHED)
    first_published = states.index(PostState.PUBLISHED)
    assert set(states[first_published:]) == {PostState.PUBLISHED}


@given(st.lists(st.sampled_from(list(Phase))), st.sampled_from(FINAL_PHASES))
def test_after_a_final_state_nothing_moves_a_post_any_more(phases, end):
    ended, _ = settle_all(SENDING_STATE, [end])
    later, _ = settle_all(ended, phases)
    assert later.state == ended.state


@given(st.sampled_from(list(PostState)), st.lists(st.sampled_from(list(Phase))))
def test_only_allowed_transitions_are_made(state, phases):
    _, states = settle_all(CurrentState(state), phases)
    for before, after in pairwise(states):
        assert after == before or after in ALLOWED_TRANSITIONS[before]


@given(st.lists(st.sampled_from(list(Phase)), min_size=1))
def test_phases_never_lose_rank(phases):
    current = SENDING_STATE
    for phase in phases:
        transition = settle(current, UPDATES[phase])
        assert PHASE_RANKS[transition.phase] >= PHASE_RANKS[current.phase]
        current = CurrentState(transition.state, transition.phase)


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


def test_another_final_state_is_a_contradiction_and_changes_nothing():
    transition = settle(CurrentState(PostState.PUBLISHED, Phase.PUBLISHED), UPDATES[Phase.FAILED])
    assert (transition.state, transition.is_change, transition.is_contradiction) == (
        PostState.PUBLISHED,
        False,
        True,
    )


def test_a_late_processing_report_is_no_contradiction():
    transition = settle(CurrentState(PostState.FAILED, Phase.FAILED), UPDATES[Phase.PROCESSING])
    assert not transition.is_contradiction
    assert not transition.is_change


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


def test_a_processing_post_does_not_go_back_to_sending():
    transition = settle(
        CurrentState(PostState.PROCESSING, Phase.PROCESSING), UPDATES[Phase.RECEIVING]
    )
    assert transition.state == PostState.PROCESSING


def test_an_unconfirmed_state_ends_with_the_platforms_answer():
    unconfirmed = CurrentState(PostState.UNCONFIRMED, Phase.RECEIVING)
    assert settle(unconfirmed, UPDATES[Phase.RECEIVING]).state == PostState.SENDING
    assert settle(unconfirmed, UPDATES[Phase.PUBLISHED]).state == PostState.PUBLISHED


def test_a_post_that_was_not_started_is_not_moved_to_processing():
    assert (
        settle(CurrentState(PostState.QUEUED), UPDATES[Phase.PROCESSING]).state == PostState.QUEUED
    )


def test_no_final_state_has_a_transition():
    assert {state for state in PostState if not ALLOWED_TRANSITIONS[state]} == FINAL_STATES


@pytest.mark.parametrize(
    ("polls", "age", "wait"),
    [(0, "0", 5), (2, "0", 30), (5, "0", 300), (99, "0", 300), (0, "1h", 900), (0, "24h", 3600)],
)
def test_polls_become_rarer(polls, age, wait):
    ages = {"0": timedelta(0), "1h": HOUR, "24h": DAY}
    assert next_poll_delay(polls, ages[age], jitter=0.5) == timedelta(seconds=wait)


@given(st.integers(0, 20), st.floats(0, 1, exclude_max=True))
def test_poll_delays_are_spread_by_a_fifth(polls, jitter):
    wait = next_poll_delay(polls, timedelta(0), jitter=jitter)
    around = FIRST_POLL_DELAYS[min(polls, 5)]
    assert around * 0.8 <= wait <= around * 1.2
