from datetime import timedelta

import pytest
import redis

from core.resilience.cache import Cache
from core.resilience.shared import Shared

MINUTE = timedelta(minutes=1)


@pytest.fixture
def cache_on():
    opened = []

    def build(url):
        opened.append(Shared(url))
        return Cache(opened[-1])

    yield build
    for shared in opened:
        shared.close()


def test_what_one_process_puts_another_gets(cache_on, redis_url):
    cache_on(redis_url).put("profile:1", {"name": "Zoé"}, MINUTE)
    assert cache_on(redis_url).get("profile:1") == {"name": "Zoé"}
    assert cache_on(redis_url).get("profile:2") is None


def test_nothing_is_kept_longer_than_its_lifetime(cache_on, redis_url):
    cache_on(redis_url).put("quota:1", 3, MINUTE)
    with redis.Redis.from_url(redis_url) as client:
        (key,) = client.keys("signalpost:cache:*")
        assert 0 < client.pttl(key) <= 60_000


def test_what_changed_is_dropped(cache_on, redis_url):
    cache = cache_on(redis_url)
    cache.put("quota:1", 3, MINUTE)
    cache.drop("quota:1")
    assert cache.get("quota:1") is None


def test_without_redis_everything_is_asked_again(cache_on):
    cache = cache_on("redis://127.0.0.1:1/0")
    cache.put("quota:1", 3, MINUTE)
    cache.drop("quota:1")
    assert cache.get("quota:1") is None
