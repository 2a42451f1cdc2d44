"""Redis emptied, killed and frozen, Postgres and beat killed: late, perhaps; lost or twice, never.

The house runs beside the misfortune, so each test also asks whether the API still answered.
"""

import time
from contextlib import contextmanager
from threading import Event, Thread

import psycopg2
import pytest
import redis
import requests

from tests.flows.brokers import until
from tests.flows.fates import PUBLISHED, fate, left
from tests.flows.guests import BIG, DIRECT
from tests.flows.houses import moment

pytestmark = pytest.mark.timeout(180)

PATIENCE = 6.0  # seconds: six sweeps of a house that has them
FREEZE = 12.0  # seconds: longer than every timeout of ours towards Redis but the worker's own


@contextmanager
def a_listener(guest):
    """Asks the API all the time; gives the list of what it heard: status and seconds."""
    heard, over = [], Event()
    thread = Thread(target=listen, args=(guest, heard, over))
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join()


def listen(guest, heard, over):
    while not over.wait(0.2):
        began = time.monotonic()
        try:
            status = guest.ask("GET", "/api/posts?limit=1").status_code
        except requests.RequestException as error:
            status = type(error).__name__
        heard.append((status, time.monotonic() - began))


def some_posts(guest, count=3):
    media = guest.file()
    wish = {"source": "FILE_UPLOAD", "media_id": media, **DIRECT}
    return [guest.wish(**wish) for _ in range(count)]


def all_published_once(house, guest, posts):
    for post_id in posts:
        guest.ended(post_id, within=90)
    assert {post_id: fate(house, guest, post_id) for post_id in posts} == dict.fromkeys(
        posts, PUBLISHED
    )
    until(lambda: left(house, guest) == [], what="the end of all work")


def test_redis_emptied_in_the_middle_loses_nothing(house, guest):
    house.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    posts = some_posts(guest)
    with redis.Redis.from_url(house.told["broker"]) as client, a_listener(guest) as heard:
        for calls in (1, 4, 8):
            until(lambda calls=calls: len(guest.calls("video_init")) * 4 >= calls, what="progress")
            client.flushall()
        all_published_once(house, guest, posts)
    assert {status for status, _ in heard} == {200}


def test_redis_killed_in_the_middle_loses_nothing_and_the_api_answers(house, guest):
    house.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    posts = some_posts(guest)
    until(lambda: house.sandbox.log("video_init"), what="the first start")
    with a_listener(guest) as heard:
        house.kill("redis")
        posts += some_posts(guest, 1)
        all_published_once(house, guest, posts)
    answered_throughout(heard)


def test_redis_frozen_for_a_while_holds_up_nobody_who_asks(house, guest):
    with a_listener(guest) as heard, house.frozen("redis"):
        end = time.monotonic() + FREEZE
        posts = some_posts(guest)
        until(lambda: time.monotonic() > end, what="the end of the frost")
    all_published_once(house, guest, posts)
    answered_throughout(heard)


def answered_throughout(heard):
    assert {status for status, _ in heard} == {200}
    assert max(seconds for _, seconds in heard) < 5.0


def test_postgres_killed_in_the_middle_of_an_upload_loses_nothing(house, guest):
    house.sandbox.control("faults", endpoint="upload", kind="slow", seconds=0.3, times=0)
    posts = [guest.send(BIG)]
    until(lambda: len(guest.calls("upload")) >= 2, what="the second chunk")
    with a_listener(guest) as heard:
        house.kill("postgres")
        until(lambda: is_there(house), what="the next Postgres", within=60)
        house.lapse()
        all_published_once(house, guest, posts)
    assert {status for status, _ in heard} <= {200, 503}


def is_there(house):
    try:
        psycopg2.connect(house.told["database"], connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_scheduled_post_goes_out_though_beat_was_killed(house, guest):
    media = guest.file()
    wish = {"source": "FILE_UPLOAD", "media_id": media, **DIRECT}
    posts = [guest.wish(publish_at=moment(3), **wish)]
    house.kill("beat")
    all_published_once(house, guest, posts)


def test_without_the_sweep_a_post_that_fell_due_stays_where_it_is(house, guest):
    media = guest.file()
    with house.frozen("beat"):
        wish = {"source": "FILE_UPLOAD", "media_id": media, **DIRECT}
        post_id = guest.wish(publish_at=moment(3), **wish)
        end = time.monotonic() + 3 + PATIENCE
        until(lambda: time.monotonic() > end, what="its hour and some sweeps more")
        assert guest.state(post_id) == "QUEUED"
    guest.ended(post_id)
    assert fate(house, guest, post_id) == PUBLISHED
