"""Rate limits of a process while Redis is unavailable."""

from datetime import timedelta

import pytest

from core.config.settings import PlatformSettings
from core.limits.rate_limits import (
    MAX_LOCAL_KEYS,
    MAX_LOCAL_WAIT,
    LocalLimiter,
    RateLimits,
    platform_rates,
)
from core.limits.redis_client import COOLDOWN_SECONDS, RedisClient, RedisUnavailable
from platforms.setting_types import Rate

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
    """Rate limits whose Redis is unavailable."""
    redis_client = RedisClient("redis://127.0.0.1:1/0", clock=rate_limit_clock)
    yield RateLimits(redis_client, platform_rates(PlatformSettings()), clock=rate_limit_clock)
    redis_client.close()


def count_allowed(limits, clock, call_class, *, seconds):
    """How many calls are allowed in this time, if each refused one waits as long as it has to."""
    allowed, end = 0, clock.now + seconds
    while clock.now < end:
        wait = limits.acquire(1, call_class)
        allowed += wait is None
        clock.now += 0 if wait is None else wait.total_seconds()
    return allowed


def test_without_redis_calls_are_slowed_down_and_not_unlimited(
    limits_without_redis, rate_limit_clock
):
    assert count_allowed(limits_without_redis, rate_limit_clock, "init", seconds=600) == 10


def test_the_slow_rate_follows_the_platforms_limit(limits_without_redis, rate_limit_clock):
    assert count_allowed(limits_without_redis, rate_limit_clock, "status", seconds=600) == 50


def test_a_refused_call_waits_no_longer_than_until_redis_is_called_again(limits_without_redis):
    limits_without_redis.acquire(1, "init")
    assert limits_without_redis.acquire(1, "init") == MAX_LOCAL_WAIT == 5 * SECOND


def test_the_end_of_an_interval_is_not_waited_beyond(limits_without_redis, rate_limit_clock):
    limits_without_redis.acquire(1, "init")
    rate_limit_clock.now += 58
    assert limits_without_redis.acquire(1, "init") == 2 * SECOND


def test_an_interval_repeats_no_cause_of_a_block_that_is_over(
    limits_without_redis, rate_limit_clock
):
    limits_without_redis.block(1, "init", 5 * SECOND, "spam_risk_too_many_posts")
    rate_limit_clock.now += 6
    assert limits_without_redis.acquire(1, "init") is None
    assert limits_without_redis.acquire(1, "init") is not None
    assert limits_without_redis.find_block_cause(1, "init") == "rate_limit_exceeded"


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


def test_api_limits_raise_when_redis_is_unavailable(limits_without_redis):
    with pytest.raises(RedisUnavailable) as caught:
        limits_without_redis.acquire_api("user:1", [Rate(10, 60 * SECOND)])
    assert caught.value.retryable


def test_after_a_failure_redis_is_not_called_for_a_while(rate_limit_clock):
    redis_client = RedisClient("redis://127.0.0.1:1/0", clock=rate_limit_clock)
    with pytest.raises(RedisUnavailable):
        redis_client.ping()
    assert redis_client.is_unavailable
    rate_limit_clock.now += COOLDOWN_SECONDS
    assert not redis_client.is_unavailable


def test_no_repr_and_no_error_shows_the_url():
    redis_client = RedisClient("redis://:canary@127.0.0.1:1/0")
    with pytest.raises(RedisUnavailable) as caught:
        redis_client.ping()
    assert "canary" not in repr(redis_client) + repr(caught.value)


def test_keys_whose_wait_is_over_are_dropped(rate_limit_clock):
    limiter = LocalLimiter(rate_limit_clock)
    for key in range(MAX_LOCAL_KEYS):
        limiter.acquire(str(key), SECOND)
    rate_limit_clock.now += 2
    limiter.acquire("one more", SECOND)
    assert set(limiter._free_at) == {"one more"}


def test_blocks_that_are_over_are_dropped(rate_limit_clock):
    limiter = LocalLimiter(rate_limit_clock)
    for key in range(MAX_LOCAL_KEYS):
        limiter.block(str(key), SECOND, "")
    rate_limit_clock.now += 2
    limiter.block("one more", SECOND, "")
    assert set(limiter._blocks) == {"one more"}
