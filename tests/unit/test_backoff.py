from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backoff import Policy, delay, minutes, seconds, spread

POLICY = Policy(seconds(1, 2, 4) + minutes(5))
dice = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 4), dice)
def test_a_wait_is_drawn_from_within_its_step(attempt, dice):
    wait = delay(attempt, POLICY, dice=dice)
    assert timedelta(0) <= wait <= POLICY.steps[attempt - 1]


def test_the_curve_is_walked_step_by_step_and_then_patience_is_spent():
    waits = [delay(attempt, POLICY, dice=0.5) for attempt in range(1, 6)]
    assert waits == [*seconds(0.5, 1, 2), *minutes(2.5), None]
    assert POLICY.attempts == 5


@given(st.integers(1, 4), dice)
def test_no_dice_undercut_what_the_vendor_asked_for(attempt, dice):
    asked = timedelta(seconds=90)
    wait = delay(attempt, POLICY, dice=dice, at_least=asked)
    assert asked <= wait <= max(asked * 1.1, POLICY.steps[attempt - 1])


def test_a_crowd_told_the_same_does_not_come_back_in_step():
    asked = timedelta(seconds=90)
    first, last = (delay(1, POLICY, dice=each, at_least=asked) for each in (0.0, 0.9))
    assert first < last


def test_a_floor_does_not_prolong_patience():
    assert delay(5, POLICY, dice=0.1, at_least=timedelta(hours=1)) is None


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt):
    with pytest.raises(ValueError):
        delay(attempt, POLICY, dice=0.5)


def test_without_patience_the_first_failure_is_the_last():
    assert delay(1, Policy(()), dice=0.5) is None


@given(dice, st.floats(0, 1))
def test_rows_made_together_spread_around_the_same_moment(dice, share):
    around = timedelta(seconds=100)
    wait = spread(around, dice=dice, share=share)
    slack = timedelta(microseconds=1)
    assert around * (1 - share) - slack <= wait <= around * (1 + share) + slack


def test_the_middle_of_the_dice_is_the_middle_of_the_spread():
    assert spread(timedelta(seconds=100), dice=0.5) == timedelta(seconds=100)


@given(st.integers(1, 2), dice, st.sampled_from([timedelta(0), timedelta(hours=1)]))
def test_exact_steps_are_kept_and_only_prolonged(attempt, dice, asked):
    policy = Policy(seconds(5) + minutes(5), exact=True)
    least = max(policy.steps[attempt - 1], asked)
    assert least <= delay(attempt, policy, dice=dice, at_least=asked) <= least * 1.1
