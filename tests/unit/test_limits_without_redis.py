from datetime import timedelta

import pytest

from core.config.limits import LimitSettings
from core.limits.rate_limits import MAX_LOCAL_KEYS, LocalLimiter, RateLimits, platform_rates
from core.limits.redis_client import COOLDOWN_SECONDS, RedisClient, RedisUnavailable

SECOND = timedelta(seconds=1)


class RateLimitClock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def rate_limit_clock():
    return RateLimitClock()


@pytest.fixture
def limits_without_redis(rate_limit_clock):
    """Limits whose Redis is not there."""
    shared = RedisClient("redis://127.0.0.1:1/0", clock=rate_limit_clock)
    yield RateLimits(shared, platform_rates(LimitSettings()), clock=rate_limit_clock)
    shared.close()


def test_without_redis_a_slow_rate_holds_and_not_an_open_gate(
    limits_without_redis, rate_limit_clock
):
    assert limits_without_redis.acquire(1, "init") is None
    assert limits_without_redis.acquire(1, "init") == 60 * SECOND
    rate_limit_clock.now += 60
    assert limits_without_redis.acquire(1, "init") is None


def test_the_slow_rate_follows_the_platforms_limit(limits_without_redis):
    limits_without_redis.acquire(1, "status")
    assert limits_without_redis.acquire(1, "status") == 12 * SECOND


def test_accounts_and_classes_do_not_share_the_slow_rate(limits_without_redis):
    assert limits_without_redis.acquire(1, "init") is None
    assert limits_without_redis.acquire(2, "init") is None
    assert limits_without_redis.acquire(1, "creator") is None


def test_a_rate_limit_of_the_platform_is_remembered_without_redis(limits_without_redis):
    limits_without_redis.block(1, "init", 90 * SECOND)
    assert limits_without_redis.acquire(1, "init") == 90 * SECOND


def test_a_rate_limit_without_a_time_costs_one_slot(limits_without_redis):
    limits_without_redis.block(1, "init", timedelta(0))
    assert limits_without_redis.acquire(1, "init") == 10 * SECOND


def test_our_own_limits_report_an_unknown_remaining_count(limits_without_redis):
    with pytest.raises(RedisUnavailable) as caught:
        limits_without_redis.acquire_api_single("user:1", 10, 60 * SECOND)
    assert caught.value.retryable


def test_a_redis_that_is_away_is_left_alone_for_a_while(rate_limit_clock):
    shared = RedisClient("redis://127.0.0.1:1/0", clock=rate_limit_clock)
    with pytest.raises(RedisUnavailable):
        shared.ping()
    assert shared.is_unavailable
    rate_limit_clock.now += COOLDOWN_SECONDS
    assert not shared.is_unavailable


def test_nothing_of_the_address_is_shown():
    shared = RedisClient("redis://:canary@127.0.0.1:1/0")
    with pytest.raises(RedisUnavailable) as caught:
        shared.ping()
    assert "canary" not in repr(shared) + repr(caught.value)


def test_keys_that_are_over_are_forgotten(rate_limit_clock):
    slow = LocalLimiter(rate_limit_clock)
    for key in range(MAX_LOCAL_KEYS):
        slow.acquire(str(key), SECOND)
    rate_limit_clock.now += 2
    slow.acquire("one more", SECOND)
    assert set(slow._free_at) == {"one more"}
