from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backoff import RetryPolicy, minutes, next_retry_delay, seconds, with_jitter

POLICY = RetryPolicy(seconds(1, 2, 4) + minutes(5))
dice = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 4), dice)
def test_a_wait_is_drawn_from_within_its_step(attempt, dice):
    wait = next_retry_delay(attempt, POLICY, jitter=dice)
    assert timedelta(0) <= wait <= POLICY.delays[attempt - 1]


def test_the_curve_is_walked_step_by_step_and_then_attempts_are_exhausted():
    waits = [next_retry_delay(attempt, POLICY, jitter=0.5) for attempt in range(1, 6)]
    assert waits == [*seconds(0.5, 1, 2), *minutes(2.5), None]
    assert POLICY.max_attempts == 5


@given(st.integers(1, 4), dice)
def test_no_jitter_undercuts_what_the_vendor_asked_for(attempt, dice):
    asked = timedelta(seconds=90)
    wait = next_retry_delay(attempt, POLICY, jitter=dice, min_delay=asked)
    assert asked <= wait <= max(asked * 1.1, POLICY.delays[attempt - 1])


def test_the_same_wait_for_many_is_spread_by_jitter():
    asked = timedelta(seconds=90)
    first, last = (next_retry_delay(1, POLICY, jitter=each, min_delay=asked) for each in (0.0, 0.9))
    assert first < last


def test_a_floor_adds_no_attempts():
    assert next_retry_delay(5, POLICY, jitter=0.1, min_delay=timedelta(hours=1)) is None


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt):
    with pytest.raises(ValueError):
        next_retry_delay(attempt, POLICY, jitter=0.5)


def test_without_retries_the_first_failure_is_the_last():
    assert next_retry_delay(1, RetryPolicy(()), jitter=0.5) is None


@given(dice, st.floats(0, 1))
def test_rows_created_together_spread_around_the_same_moment(dice, share):
    around = timedelta(seconds=100)
    wait = with_jitter(around, jitter=dice, share=share)
    slack = timedelta(microseconds=1)
    assert around * (1 - share) - slack <= wait <= around * (1 + share) + slack


def test_the_middle_of_the_jitter_is_the_middle_of_the_spread():
    assert with_jitter(timedelta(seconds=100), jitter=0.5) == timedelta(seconds=100)


@given(st.integers(1, 2), dice, st.sampled_from([timedelta(0), timedelta(hours=1)]))
def test_exact_steps_are_kept_and_only_prolonged(attempt, dice, asked):
    policy = RetryPolicy(seconds(5) + minutes(5), exact=True)
    least = max(policy.delays[attempt - 1], asked)
    assert least <= next_retry_delay(attempt, policy, jitter=dice, min_delay=asked) <= least * 1.1
