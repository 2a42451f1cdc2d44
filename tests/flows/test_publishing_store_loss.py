"""Redis emptied, killed and frozen, Postgres and beat killed: posts may be late, never lost.

Each test also checks that the API still answered meanwhile.
"""

import time
from contextlib import contextmanager
from threading import Event, Thread

import psycopg2
import redis
import requests

from tests.flows.api_user import CHUNKED_FILE_BYTES, DIRECT_FIELDS
from tests.flows.brokers import wait_until
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.stacks import timestamp_in

BEAT_WAIT = 6.0  # seconds: a running beat would have woken the workers six times
FREEZE_SECONDS = 12.0  # longer than all our timeouts towards Redis, except the worker's own


@contextmanager
def poll_api(api_user):
    """Call the API all the time; yield the growing list of (status, seconds)."""
    responses, stopped = [], Event()
    thread = Thread(target=poll_until_stopped, args=(api_user, responses, stopped))
    thread.start()
    try:
        yield responses
    finally:
        stopped.set()
        thread.join()


def poll_until_stopped(api_user, responses, stopped):
    while not stopped.wait(0.2):
        started_at = time.monotonic()
        try:
            status = api_user.send("GET", "/api/posts?limit=1").status_code
        except requests.RequestException as error:
            status = type(error).__name__
        responses.append((status, time.monotonic() - started_at))


def create_posts(api_user, count=3):
    media_id = api_user.upload_file()
    fields = {"source": "FILE_UPLOAD", "media_id": media_id, **DIRECT_FIELDS}
    return [api_user.create_post(**fields) for _ in range(count)]


def assert_published_once(stack, api_user, posts):
    for post_id in posts:
        api_user.wait_until_final(post_id, within=90)
    assert {post_id: load_outcome(stack, api_user, post_id) for post_id in posts} == dict.fromkeys(
        posts, PUBLISHED_ONCE
    )
    wait_until(lambda: find_open_work(stack, api_user) == [], what="the end of all work")


def test_redis_emptied_in_the_middle_loses_nothing(stack, api_user):
    stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    posts = create_posts(api_user)
    with redis.Redis.from_url(stack.info["broker"]) as client, poll_api(api_user) as responses:
        for calls in (1, 4, 8):
            wait_until(
                lambda calls=calls: len(api_user.list_platform_calls("video_init")) * 4 >= calls,
                what="progress",
            )
            client.flushall()
        assert_published_once(stack, api_user, posts)
    assert 200 in {status for status, _ in responses} <= {200, 429}  # 429: it is polled so often


def test_redis_killed_in_the_middle_loses_nothing_and_the_api_answers(stack, api_user):
    stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    posts = create_posts(api_user)
    wait_until(lambda: stack.sandbox.log("video_init"), what="the first start")
    with poll_api(api_user) as responses:
        stack.kill("redis")
        posts += create_posts(api_user, 1)
        assert_published_once(stack, api_user, posts)
    assert_always_answered(responses)


def test_a_frozen_redis_delays_no_api_request(stack, api_user):
    with poll_api(api_user) as responses, stack.freeze("redis"):
        end = time.monotonic() + FREEZE_SECONDS
        posts = create_posts(api_user)
        wait_until(lambda: time.monotonic() > end, what="the end of the freeze")
    assert_published_once(stack, api_user, posts)
    assert_always_answered(responses)


def assert_always_answered(responses):
    assert 200 in {status for status, _ in responses} <= {200, 429}
    assert max(seconds for _, seconds in responses) < 5.0


def test_postgres_killed_in_the_middle_of_an_upload_loses_nothing(stack, api_user):
    stack.sandbox.control("faults", endpoint="upload", kind="slow", seconds=0.3, times=0)
    posts = [api_user.publish_file(CHUNKED_FILE_BYTES)]
    wait_until(lambda: len(api_user.list_platform_calls("upload")) >= 2, what="the second chunk")
    with poll_api(api_user) as responses:
        stack.kill("postgres")
        wait_until(lambda: is_postgres_reachable(stack), what="the restart of Postgres", within=60)
        stack.expire_leases()
        assert_published_once(stack, api_user, posts)
    assert {status for status, _ in responses} <= {200, 429, 503}


def is_postgres_reachable(stack):
    try:
        psycopg2.connect(stack.info["database"], connect_timeout=2).close()
    except psycopg2.OperationalError:
        return False
    return True


def test_a_scheduled_post_is_published_although_beat_was_killed(stack, api_user):
    media = api_user.upload_file()
    fields = {"source": "FILE_UPLOAD", "media_id": media, **DIRECT_FIELDS}
    posts = [api_user.create_post(publish_at=timestamp_in(3), **fields)]
    stack.kill("beat")
    assert_published_once(stack, api_user, posts)


def test_without_beat_a_due_post_stays_queued(stack, api_user):
    media = api_user.upload_file()
    with stack.freeze("beat"):
        fields = {"source": "FILE_UPLOAD", "media_id": media, **DIRECT_FIELDS}
        post_id = api_user.create_post(publish_at=timestamp_in(3), **fields)
        end = time.monotonic() + 3 + BEAT_WAIT
        wait_until(lambda: time.monotonic() > end, what="its due time and six intervals of beat")
        assert api_user.get_state(post_id) == "QUEUED"
    api_user.wait_until_final(post_id)
    assert load_outcome(stack, api_user, post_id) == PUBLISHED_ONCE
