"""Publishing with RabbitMQ as the broker: only `BROKER_URL` differs.

Redis then holds rate limits and circuit breakers only.
"""

import pytest

from tests.flows.api_user import CHUNKED_FILE_BYTES, DIRECT_FIELDS, PULL_FIELDS
from tests.flows.post_outcomes import PUBLISHED_ONCE, find_open_work, load_outcome
from tests.flows.stacks import run_stack


@pytest.fixture
def rabbit_stack(rabbit_server, redis_url, tmp_path):
    with run_stack(tmp_path, BROKER_URL=rabbit_server.url, REDIS_URL=redis_url) as stack:
        yield stack


def assert_published_once(stack, api_user, posts):
    for post_id in posts:
        api_user.wait_until_final(post_id, within=90)
    assert {post_id: load_outcome(stack, api_user, post_id) for post_id in posts} == dict.fromkeys(
        posts, PUBLISHED_ONCE
    )
    assert find_open_work(stack, api_user) == []


def test_posts_are_published_over_rabbitmq(rabbit_stack):
    api_user = rabbit_stack.create_api_user()
    assert rabbit_stack.info["broker"].startswith("amqp://")
    assert "redis" not in rabbit_stack.info["pids"]
    posts = [
        api_user.publish_file(),
        api_user.publish_file(CHUNKED_FILE_BYTES),
        api_user.create_post(**PULL_FIELDS, **DIRECT_FIELDS),
    ]
    assert_published_once(rabbit_stack, api_user, posts)


@pytest.mark.chaos
def test_posts_are_published_although_rabbitmq_was_killed(rabbit_stack, rabbit_server):
    api_user = rabbit_stack.create_api_user()
    rabbit_stack.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    posts = [api_user.publish_file(), api_user.publish_file(CHUNKED_FILE_BYTES)]
    rabbit_server.kill()
    posts.append(api_user.publish_file())
    rabbit_server.start()
    assert_published_once(rabbit_stack, api_user, posts)
