"""Which account is nearest to a limit: read from notes, and never believed without counting."""

import time
from datetime import timedelta

import pytest
import redis

from core.config.settings import PlatformSettings
from core.limits.rate_limits import RateLimits, platform_rates, usage_key
from core.limits.redis_client import KEY_PREFIX, RedisClient
from core.limits.sliding_window import SlidingWindow, UsageNote
from core.limits.window_usage import MAX_READ_WINDOWS, WindowUsage
from platforms.setting_types import Rate

MINUTE = timedelta(minutes=1)


@pytest.fixture
def redis_client(redis_url):
    client = RedisClient(redis_url)
    yield client
    client.close()


@pytest.fixture
def limits(redis_client):
    return RateLimits(redis_client, platform_rates(PlatformSettings()))


@pytest.fixture
def claim_uses(redis_url):
    """Writes notes of uses that nobody has made."""

    def claim(uses_by_account):
        with redis.Redis.from_url(redis_url) as client:
            seconds, _ = client.time()
            for stretch in (seconds // 60 - 1, seconds // 60, seconds // 60 + 1):
                client.zadd(f"{KEY_PREFIX}{usage_key('status')}:{stretch}", uses_by_account)

    return claim


def read_status_usage(limits):
    return limits.list_usages()["status"][1]


def test_the_account_with_most_uses_is_found_for_each_class(limits):
    for account_id, uses in ((1, 2), (2, 5), (3, 4)):
        for _ in range(uses):
            limits.acquire(account_id, "status")
    limits.acquire(3, "init")
    usage = read_status_usage(limits)
    assert (usage.account_id, usage.used, usage.is_complete) == (2, 5, True)
    assert timedelta(0) < usage.frees_in <= MINUTE
    others = limits.list_usages()
    assert (others["init"][1].account_id, others["init"][1].used) == (3, 1)
    assert others["init"][0] == Rate(6, MINUTE)
    unused = {name for name, (_, usage) in others.items() if usage.account_id is None}
    assert unused == others.keys() - {"status", "init"}


def test_refused_calls_are_not_uses(limits):
    for _ in range(20):
        limits.acquire(1, "init")
    assert limits.list_usages()["init"][1].used == 6


def test_a_refusal_of_the_platform_is_part_of_the_answer(limits):
    limits.acquire(1, "status")
    assert not read_status_usage(limits).blocked_for
    limits.block(1, "status", timedelta(seconds=40))
    assert timedelta(0) < read_status_usage(limits).blocked_for <= timedelta(seconds=40)


def test_a_note_is_not_believed_without_counting(limits, claim_uses):
    """The negative control of the first test: the highest note is not the fullest window."""
    for _ in range(3):
        limits.acquire(1, "status")
    claim_uses({str(account_id): 30 for account_id in range(100, 110)})
    usage = read_status_usage(limits)
    assert (usage.account_id, usage.used, usage.is_complete) == (1, 3, True)


def test_so_many_notes_that_some_are_not_counted_are_admitted(limits, claim_uses):
    limits.acquire(1, "status")
    claim_uses({str(account_id): 30 for account_id in range(100, 100 + MAX_READ_WINDOWS)})
    assert not read_status_usage(limits).is_complete
    claim_uses({"1": 31})  # now it is among the first, and still nobody has counted all others
    usage = read_status_usage(limits)
    assert (usage.account_id, usage.used, usage.is_complete) == (1, 1, False)


def test_uses_outside_the_window_do_not_count(redis_client):
    sliding_window, usage = SlidingWindow(redis_client), WindowUsage(redis_client)
    rate = Rate(5, timedelta(seconds=0.2))

    def find_highest():
        return usage.find_highest("notes", rate.window, prefix="p:", suffix=":c")

    sliding_window.acquire("p:7:c", [rate], note=UsageNote("notes", "7"))
    deadline = time.monotonic() + 60
    while find_highest().account_id is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    sliding_window.acquire("p:8:c", [rate], note=UsageNote("notes", "8"))
    sliding_window.acquire("p:8:c", [rate], note=UsageNote("notes", "8"))
    assert find_highest().account_id in {8, None}  # None if this machine was that slow


def test_notes_are_forgotten_after_two_windows(limits, redis_url):
    limits.acquire(1, "status")
    with redis.Redis.from_url(redis_url) as client:
        keys = list(client.scan_iter(f"{KEY_PREFIX}{usage_key('status')}:*"))
        assert [0 < client.pttl(key) <= 120_000 for key in keys] == [True]


def test_ten_thousand_accounts_are_looked_through_quickly(limits, claim_uses):
    """Of their windows a hundred are read at most: notes that are true end the search early."""
    for _ in range(30):
        limits.acquire(1, "status")
    claim_uses({str(account_id): account_id % 29 for account_id in range(100, 10_100)})
    usage = read_status_usage(limits)
    assert (usage.account_id, usage.used, usage.is_complete) == (1, 30, True)
