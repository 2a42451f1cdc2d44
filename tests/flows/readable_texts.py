"""What can be read in a stack's rows, keys and logs, to be searched."""

import redis

LOG_NAMES = ("web", "worker", "uploads", "beat")
REDIS_READERS = {
    b"string": lambda store, key: store.get(key),
    b"list": lambda store, key: store.lrange(key, 0, -1),
    b"set": lambda store, key: store.smembers(key),
    b"hash": lambda store, key: store.hgetall(key),
    b"zset": lambda store, key: store.zrange(key, 0, -1),
}
SELECT_TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


def table_rows(stack):
    """Yield every row of every table as text."""
    for (table,) in stack.query(SELECT_TABLES):
        for (row,) in stack.query(f'SELECT to_json(t)::text FROM "{table}" t'):
            yield f"table {table}", row


def redis_entries(stack):
    """Yield every key and value of Redis, of any type."""
    with redis.Redis.from_url(stack.info["broker"]) as store:
        for key in store.scan_iter():
            if (kind := store.type(key)) != b"none":  # it may have expired since
                yield f"redis {key!r}", repr((key, REDIS_READERS[kind](store, key)))


def log_texts(stack):
    for name in LOG_NAMES:
        yield f"log {name}", stack.read_log(name)
