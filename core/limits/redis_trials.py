"""Tries on a Redis what its clients will do, because a PING shows neither rights nor memory."""

import secrets
from collections.abc import Callable, Mapping
from typing import Any

import redis

from core.limits.store_faults import describe_redis_fault

TRIAL_PREFIX = "signalpost:trial:"
TRIAL_SECONDS = 10  # after which a key that a trial left behind is gone
MAX_MEMORY_SHARE = 0.9
TRIAL_CHANNEL = "signalpost.trial"

Client = Any  # a redis.Redis; its stubs do not know that a pipeline returns itself
Trial = Callable[[Client, str], Any]


def try_messages(client: Client, key: str) -> None:
    """Put a message into a list and take it out, as a sender and a worker do."""
    client.lpush(key, "trial")
    client.brpop([key], timeout=1)


def try_acknowledgement(client: Client, key: str) -> None:
    """Keep what an unacknowledged message needs, and remove it, in transactions."""
    with client.pipeline() as pipe:
        pipe.zadd(f"{key}:index", {"trial": 0}).hset(f"{key}:messages", "trial", "")
        pipe.execute()
        pipe.zrem(f"{key}:index", "trial").hdel(f"{key}:messages", "trial")
        pipe.execute()


def try_script(client: Client, key: str) -> None:
    client.eval("return redis.call('SET', KEYS[1], '', 'EX', ARGV[1])", 1, key, str(TRIAL_SECONDS))
    client.delete(key)


def try_publish(client: Client, _key: str) -> None:
    client.publish(TRIAL_CHANNEL, "trial")


def try_subscribe(client: Client, _key: str) -> None:
    with client.pubsub() as subscriber:
        subscriber.psubscribe(TRIAL_CHANNEL)
        subscriber.get_message(timeout=1)


BROKER_TRIALS: Mapping[str, Trial] = {
    "write and read lists": try_messages,
    "write sets and hashes in transactions": try_acknowledgement,
    "publish": try_publish,
    "subscribe": try_subscribe,
    "run scripts": try_script,
}
MESSAGE_TRIALS: Mapping[str, Trial] = {"write and read lists": try_messages, "publish": try_publish}
LIMIT_TRIALS: Mapping[str, Trial] = {"run scripts that write": try_script}
"""What a client does → how to try it."""


def find_refusal(client: Client, trials: Mapping[str, Trial], *, store: str) -> str | None:
    """Try everything, and return what is refused as a sentence that continues the store's name."""
    key = TRIAL_PREFIX + secrets.token_hex(8)
    for action, trial in trials.items():
        try:
            trial(client, key)
        except redis.exceptions.NoPermissionError:
            return (
                f"does not let the user of the URL {action}: give it the commands and keys that "
                "docs/operate/brokers.md names"
            )
        except (redis.RedisError, OSError) as error:
            return describe_redis_fault(error, store=store)
    return None


def find_memory_fault(client: Client) -> str | None:
    """Whether a broker may drop messages; None also if the user may not ask."""
    try:
        memory = client.info("memory")
    except (redis.RedisError, OSError):
        return None
    policy, limit = memory.get("maxmemory_policy", ""), int(memory.get("maxmemory", 0))
    if limit and policy != "noeviction":
        return (
            f"may drop queues when its memory is full (maxmemory-policy {policy}): set "
            "maxmemory-policy noeviction"
        )
    if limit and int(memory.get("used_memory", 0)) > limit * MAX_MEMORY_SHARE:
        return f"uses over {MAX_MEMORY_SHARE:.0%} of its maxmemory: raise it, or find what fills it"
    return None
