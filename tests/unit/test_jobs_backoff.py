from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.backoff import RetryPolicy, minutes, next_retry_delay, seconds, with_jitter

POLICY = RetryPolicy(seconds(1, 2, 4) + minutes(5))
jitters = st.floats(0, 1, exclude_max=True)


@given(st.integers(1, 4), jitters)
def test_a_delay_is_at_most_that_of_its_attempt(attempt, jitter):
    delay = next_retry_delay(attempt, POLICY, jitter=jitter)
    assert timedelta(0) <= delay <= POLICY.delays[attempt - 1]


def test_delays_follow_the_policy_and_then_attempts_are_exhausted():
    delays = [next_retry_delay(attempt, POLICY, jitter=0.5) for attempt in range(1, 6)]
    assert delays == [*seconds(0.5, 1, 2), *minutes(2.5), None]
    assert POLICY.max_attempts == 5


@given(st.integers(1, 4), jitters)
def test_no_jitter_undercuts_the_minimum_delay(attempt, jitter):
    floor = timedelta(seconds=90)
    delay = next_retry_delay(attempt, POLICY, jitter=jitter, min_delay=floor)
    assert floor <= delay <= max(floor * 1.1, POLICY.delays[attempt - 1])


def test_the_same_minimum_delay_for_many_is_spread_by_jitter():
    floor = timedelta(seconds=90)
    first = next_retry_delay(1, POLICY, jitter=0.0, min_delay=floor)
    last = next_retry_delay(1, POLICY, jitter=0.9, min_delay=floor)
    assert first < last


def test_a_minimum_delay_adds_no_attempts():
    assert next_retry_delay(5, POLICY, jitter=0.1, min_delay=timedelta(hours=1)) is None


@pytest.mark.parametrize("attempt", [0, -1])
def test_attempts_count_from_one(attempt):
    with pytest.raises(ValueError):
        next_retry_delay(attempt, POLICY, jitter=0.5)


def test_without_retries_the_first_failure_is_the_last():
    assert next_retry_delay(1, RetryPolicy(()), jitter=0.5) is None


@given(jitters, st.floats(0, 1))
def test_rows_created_together_spread_around_the_same_moment(jitter, share):
    base = timedelta(seconds=100)
    delay = with_jitter(base, jitter=jitter, share=share)
    slack = timedelta(microseconds=1)
    assert base * (1 - share) - slack <= delay <= base * (1 + share) + slack


def test_the_middle_of_the_jitter_is_the_middle_of_the_spread():
    assert with_jitter(timedelta(seconds=100), jitter=0.5) == timedelta(seconds=100)


@given(st.integers(1, 2), jitters, st.sampled_from([timedelta(0), timedelta(hours=1)]))
def test_exact_delays_are_kept_and_only_prolonged(attempt, jitter, floor):
    policy = RetryPolicy(seconds(5) + minutes(5), exact=True)
    least = max(policy.delays[attempt - 1], floor)
    assert least <= next_retry_delay(attempt, policy, jitter=jitter, min_delay=floor) <= least * 1.1
