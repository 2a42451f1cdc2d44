from datetime import timedelta

import pytest

from core.config.figures import Figures
from core.resilience.limits import MANY, Limits, Slow, platform_rates
from core.resilience.shared import REST, Shared, SharedAway

SECOND = timedelta(seconds=1)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def limits(clock):
    """Limits whose Redis is not there."""
    shared = Shared("redis://127.0.0.1:1/0", clock=clock)
    yield Limits(shared, platform_rates(Figures()), clock=clock)
    shared.close()


def test_without_redis_a_slow_rate_holds_and_not_an_open_gate(limits, clock):
    assert limits.take(1, "init") is None
    assert limits.take(1, "init") == 60 * SECOND
    clock.now += 60
    assert limits.take(1, "init") is None


def test_the_slow_rate_follows_the_platforms_limit(limits):
    limits.take(1, "status")
    assert limits.take(1, "status") == 12 * SECOND


def test_accounts_and_classes_do_not_share_the_slow_rate(limits):
    assert limits.take(1, "init") is None
    assert limits.take(2, "init") is None
    assert limits.take(1, "creator") is None


def test_a_no_of_the_platform_is_remembered_without_redis(limits):
    limits.block(1, "init", 90 * SECOND)
    assert limits.take(1, "init") == 90 * SECOND


def test_a_no_without_a_time_costs_one_slot(limits):
    limits.block(1, "init", timedelta(0))
    assert limits.take(1, "init") == 10 * SECOND


def test_our_own_limits_say_that_they_cannot_tell(limits):
    with pytest.raises(SharedAway) as caught:
        limits.hit("user:1", 10, 60 * SECOND)
    assert caught.value.retryable


def test_a_redis_that_is_away_is_left_alone_for_a_while(clock):
    shared = Shared("redis://127.0.0.1:1/0", clock=clock)
    with pytest.raises(SharedAway):
        shared.ping()
    assert shared.is_away
    clock.now += REST
    assert not shared.is_away


def test_nothing_of_the_address_is_shown():
    shared = Shared("redis://:canary@127.0.0.1:1/0")
    with pytest.raises(SharedAway) as caught:
        shared.ping()
    assert "canary" not in repr(shared) + repr(caught.value)


def test_keys_that_are_over_are_forgotten(clock):
    slow = Slow(clock)
    for key in range(MANY):
        slow.take(str(key), SECOND)
    clock.now += 2
    slow.take("one more", SECOND)
    assert set(slow._free_at) == {"one more"}
