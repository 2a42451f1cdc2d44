"""Rate limits on a real Redis: shared by processes, exact for every window, quick when it hangs."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
import redis

from core.config.settings import PlatformSettings
from core.limits.rate_limits import RateLimits, platform_rates
from core.limits.redis_client import REDIS_TIMEOUT_SECONDS, RedisClient, RedisUnavailable
from platforms.setting_types import Rate
from platforms.tiktok.settings import TikTokSettings

SECOND = timedelta(seconds=1)
RACING_PROCESS_CODE = """
import sys
from core.config.settings import PlatformSettings
from core.limits.rate_limits import RateLimits, platform_rates
from core.limits.redis_client import CONNECTION_OPTIONS, RedisClient
CONNECTION_OPTIONS["socket_timeout"] = CONNECTION_OPTIONS["socket_connect_timeout"] = 10
limits = RateLimits(RedisClient(sys.argv[1]), platform_rates(PlatformSettings()))
print("ready", flush=True)
sys.stdin.readline()
print([limits.acquire(7, "init") for _ in range(10)].count(None))
"""


@pytest.fixture
def make_limits():
    """A function that builds the rate limits of one process."""
    opened = []

    def build(url, settings=None):
        opened.append(RedisClient(url))
        return RateLimits(opened[-1], platform_rates(settings or PlatformSettings()))

    yield build
    for redis_client in opened:
        redis_client.close()


@pytest.fixture
def limits(make_limits, redis_url):
    return make_limits(redis_url)


def wait_until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        result = condition()
        if result:
            return result
        threading.Event().wait(0.01)
    pytest.fail(f"not fulfilled within {seconds} s")


def test_eight_processes_share_a_budget_of_six(redis_url):
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACING_PROCESS_CODE, redis_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(8)
    ]
    assert [racer.stdout.readline() for racer in racers] == ["ready\n"] * 8
    for racer in racers:
        racer.stdin.write("go\n")
        racer.stdin.flush()
    assert sum(int(racer.communicate()[0]) for racer in racers) == 6


def test_threads_share_a_budget(limits):
    with ThreadPoolExecutor(8) as threads:
        waits = list(threads.map(lambda _: limits.acquire(1, "status"), range(60)))
    assert waits.count(None) == 30


def test_a_server_that_has_lost_our_scripts_gets_them_again(limits, redis_url):
    assert limits.acquire(1, "status") is None
    with redis.Redis.from_url(redis_url) as server:
        server.script_flush()
    waits = [limits.acquire(1, "status") for _ in range(30)]
    assert waits.count(None) == 29


def test_a_refusal_returns_how_long_to_wait(limits):
    for _ in range(6):
        assert limits.acquire(1, "init") is None
    wait = limits.acquire(1, "init")
    assert 55 * SECOND < wait <= 60 * SECOND


def test_accounts_and_classes_have_budgets_of_their_own(limits):
    for _ in range(6):
        limits.acquire(1, "init")
    assert limits.acquire(2, "init") is None
    assert limits.acquire(1, "status") is None


def test_no_window_at_any_position_has_more_uses_than_its_limit(limits):
    rate = [Rate(3, 0.3 * SECOND)]
    allowed = []
    while len(allowed) < 9:
        before = time.monotonic()
        if limits.acquire_api("sliding", rate).is_allowed:
            allowed.append((before, time.monotonic()))
    # From before one use until after the third one following it.
    spans = [
        after_fourth - before_first
        for (before_first, _), (_, after_fourth) in zip(allowed, allowed[3:], strict=False)
    ]
    assert min(spans) >= 0.3


def test_after_the_wait_a_use_is_allowed(limits):
    first = limits.acquire_api("short", [Rate(1, 0.2 * SECOND)])
    second = limits.acquire_api("short", [Rate(1, 0.2 * SECOND)])
    assert (first.is_allowed, second.is_allowed) == (True, False)
    wait_until(lambda: limits.acquire_api("short", [Rate(1, 0.2 * SECOND)]).is_allowed)


def test_refusals_are_not_counted(limits):
    for _ in range(20):
        limits.acquire_api("k", [Rate(2, 60 * SECOND)])
    assert limits.acquire_api("k", [Rate(3, 60 * SECOND)]).remaining == 0


def test_the_result_has_what_the_response_headers_need(limits):
    first = limits.acquire_api("user:1", [Rate(3, 60 * SECOND)])
    assert (first.is_allowed, first.limit, first.remaining) == (True, 3, 2)
    limits.acquire_api("user:1", [Rate(3, 60 * SECOND)])
    limits.acquire_api("user:1", [Rate(3, 60 * SECOND)])
    over = limits.acquire_api("user:1", [Rate(3, 60 * SECOND)])
    assert (over.is_allowed, over.remaining) == (False, 0)
    assert 55 * SECOND < over.wait <= over.resets_in <= 60 * SECOND


def test_several_rates_are_counted_together_or_not_at_all(limits):
    rates = [Rate(2, 60 * SECOND), Rate(5, 3600 * SECOND)]
    results = [limits.acquire_api("u", rates) for _ in range(4)]
    assert [result.is_allowed for result in results] == [True, True, False, False]
    assert results[0].limit == 2
    hourly = limits.acquire_api("u", [Rate(5, 3600 * SECOND)])
    assert hourly.remaining == 2  # the refused ones did not count here either


def test_a_lowered_limit_applies_immediately(limits, make_limits, redis_url):
    for _ in range(6):
        limits.acquire(1, "init")
    strict = make_limits(redis_url, PlatformSettings(tiktok=TikTokSettings(init_per_minute=2)))
    assert strict.acquire(1, "init") > 55 * SECOND


def test_a_rate_limit_of_the_platform_is_shared_by_every_process(limits, make_limits, redis_url):
    limits.block(1, "init", 120 * SECOND)
    other = make_limits(redis_url)
    assert 115 * SECOND < other.acquire(1, "init") <= 120 * SECOND
    other.block(1, "init", 5 * SECOND)
    assert limits.acquire(1, "init") > 115 * SECOND


def test_every_process_repeats_the_code_of_the_platforms_refusal(limits, make_limits, redis_url):
    limits.block(1, "creator", 3600 * SECOND, "spam_risk_too_many_posts")
    limits.pause_account("instagram:1789", 60 * SECOND, "blocked_for_policy")
    for each in (limits, make_limits(redis_url)):
        assert each.find_block_cause(1, "creator") == "spam_risk_too_many_posts"
        assert each.find_pause("instagram:1789").cause == "blocked_for_policy"
    # Where no refusal is remembered, our own count is behind a wait.
    assert limits.find_block_cause(1, "init") == "rate_limit_exceeded"
    assert not limits.find_pause("instagram:2").wait


def test_without_redis_each_process_repeats_the_code_of_the_refusals_it_saw(make_limits):
    limits = make_limits("redis://127.0.0.1:1/0")
    limits.block(1, "creator", 3600 * SECOND, "spam_risk_too_many_posts")
    assert limits.find_block_cause(1, "creator") == "spam_risk_too_many_posts"


def test_every_key_in_redis_expires(limits, redis_url):
    limits.acquire(1, "init")
    limits.block(1, "status", 10 * SECOND)
    limits.acquire_api("u", [Rate(1, 10 * SECOND)])
    with redis.Redis.from_url(redis_url) as client:
        keys = client.keys("signalpost:*")
        assert len(keys) == 4  # with the note of the first
        assert all(0 < client.pttl(key) <= 120_000 for key in keys)


def test_a_hung_redis_delays_one_call_only(valkey_server, make_limits):
    server = valkey_server()
    limits = make_limits(server.url())
    wait_until(lambda: limits.acquire_api("warm", [Rate(1000, SECOND)]).is_allowed)
    os.kill(server.pid, signal.SIGSTOP)
    try:
        start = time.monotonic()
        limits.acquire(1, "status")
        first_duration = time.monotonic() - start
        for _ in range(100):
            limits.acquire(1, "status")
        later_duration = time.monotonic() - start - first_duration
    finally:
        os.kill(server.pid, signal.SIGCONT)
    # A hundred calls that wait take 25 s; a busy machine may take some time for those that do not.
    assert first_duration < 5
    assert later_duration < 50 * REDIS_TIMEOUT_SECONDS


def test_a_restarted_redis_is_used_again(valkey_server):
    class Clock:
        now = 0.0

        def __call__(self):
            return self.now

    server, clock = valkey_server(), Clock()
    redis_client = RedisClient(server.url(), clock=clock)
    limits = RateLimits(redis_client, platform_rates(PlatformSettings()))
    server.kill()
    with pytest.raises(RedisUnavailable):
        limits.acquire_api("k", [Rate(1, SECOND)])
    server.start()

    def acquire_after_cooldown():
        clock.now += 5
        try:
            return limits.acquire_api("k", [Rate(1000, SECOND)])
        except RedisUnavailable:
            return None

    assert wait_until(acquire_after_cooldown).is_allowed
    redis_client.close()
