"""After a post was published, no secret is readable: in no row, in no Redis key, in no log line."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from tests.flows.api_user import DIRECT_FIELDS, SMALL_FILE_BYTES

TOKEN_PATTERN = re.compile(r"(?:act|rft)\.[\w-]{20,}")
"""Access and refresh tokens as the sandbox issues them."""

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


def find_secrets(stack, sources, secrets):
    """Return the places where a token or one of these secrets is readable."""
    return {
        place
        for source in sources
        for place, text in source(stack)
        if TOKEN_PATTERN.search(text) or any(secret in text for secret in secrets)
    }


@pytest.fixture
def stored_secrets(stack, api_user):
    """Publish a post, request an upload URL, and return all secrets that were used."""
    api_user.wait_until_final(api_user.publish_file())
    response = api_user.request_post(
        wait=True, source="FILE_UPLOAD", video_size=SMALL_FILE_BYTES, **DIRECT_FIELDS
    ).json()
    upload_query = parse_qs(urlsplit(response["data"]["upload_url"]).query)
    settings = json.loads((stack.folder / "data" / "settings.json").read_text())
    values = [value for name, value in settings.items() if name != "TIKTOK_CLIENT_KEY"]
    return [*values, stack.info["password"], stack.info["api_key"], *upload_query["upload_token"]]


def test_after_a_published_post_no_secret_is_readable_anywhere(stack, stored_secrets):
    assert find_secrets(stack, (table_rows, redis_entries, log_texts), stored_secrets) == set()


def test_the_search_would_find_one_in_each_place(stack, stored_secrets):
    stack.query("INSERT INTO beats (name, at) VALUES (%s, now())", stored_secrets[0])
    with redis.Redis.from_url(stack.info["broker"]) as store:
        store.set("planted", stored_secrets[0])
    with (stack.folder / "data" / "beat.log").open("a") as log:
        log.write("act." + "x" * 30)
    try:
        places = find_secrets(stack, (table_rows, redis_entries, log_texts), stored_secrets)
        assert places == {"table beats", "redis b'planted'", "log beat"}
    finally:
        stack.query("DELETE FROM beats WHERE name = %s", stored_secrets[0])
        with redis.Redis.from_url(stack.info["broker"]) as store:
            store.delete("planted")
        (stack.folder / "data" / "beat.log").write_text("")
