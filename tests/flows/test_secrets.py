"""After a whole story no secret lies open: not in a row, not in Redis, not in a line of a log."""

import json
import re
from urllib.parse import parse_qs, urlsplit

import pytest
import redis

from tests.flows.guests import DIRECT, SMALL

TOKENS = re.compile(r"(?:act|rft)\.[\w-]{20,}")
"""Access and refresh tokens as the sandbox makes them."""

LOGS = ("web", "worker", "uploads", "beat")
READS = {
    b"string": lambda store, key: store.get(key),
    b"list": lambda store, key: store.lrange(key, 0, -1),
    b"set": lambda store, key: store.smembers(key),
    b"hash": lambda store, key: store.hgetall(key),
    b"zset": lambda store, key: store.zrange(key, 0, -1),
}
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"


def rows(house):
    """Every row of every table as text."""
    for (table,) in house.rows(TABLES):
        for (row,) in house.rows(f'SELECT to_json(t)::text FROM "{table}" t'):
            yield f"table {table}", row


def kept(house):
    """Every key and value of Redis, of whatever kind."""
    with redis.Redis.from_url(house.told["broker"]) as store:
        for key in store.scan_iter():
            if (kind := store.type(key)) != b"none":  # it may have ended since
                yield f"redis {key!r}", repr((key, READS[kind](store, key)))


def lines(house):
    for name in LOGS:
        yield f"log {name}", house.log(name)


def found(house, places, secrets):
    """Where a token or one of these words lies open."""
    return {
        place
        for where in places
        for place, text in where(house)
        if TOKENS.search(text) or any(secret in text for secret in secrets)
    }


@pytest.fixture
def secrets(house, guest):
    """What a story leaves behind that nobody may read, after the story."""
    guest.ended(guest.send())
    answer = guest.request(wait=True, source="FILE_UPLOAD", video_size=SMALL, **DIRECT).json()
    address = parse_qs(urlsplit(answer["data"]["upload_url"]).query)
    settings = json.loads((house.folder / "data" / "settings.json").read_text())
    words = [value for name, value in settings.items() if name != "TIKTOK_CLIENT_KEY"]
    return [*words, house.told["password"], house.told["api_key"], *address["upload_token"]]


def test_after_a_story_no_secret_lies_open_anywhere(house, secrets):
    assert found(house, (rows, kept, lines), secrets) == set()


def test_the_search_would_find_one_in_each_place(house, secrets):
    house.rows("INSERT INTO audit_log (actor, action, subject) VALUES ('a', 'b', %s)", secrets[0])
    with redis.Redis.from_url(house.told["broker"]) as store:
        store.set("planted", secrets[0])
    with (house.folder / "data" / "beat.log").open("a") as log:
        log.write("act." + "x" * 30)
    try:
        seen = found(house, (rows, kept, lines), secrets)
        assert seen == {"table audit_log", "redis b'planted'", "log beat"}
    finally:
        house.rows("DELETE FROM audit_log WHERE subject = %s", secrets[0])
        with redis.Redis.from_url(house.told["broker"]) as store:
            store.delete("planted")
        (house.folder / "data" / "beat.log").write_text("")
