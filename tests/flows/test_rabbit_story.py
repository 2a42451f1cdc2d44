"""The same house with RabbitMQ for its bells: another URL, and nothing else.

Redis is then for limits and caches alone.
"""

import pytest

from tests.flows.fates import PUBLISHED, fate, left
from tests.flows.guests import BIG, DIRECT, PULL
from tests.flows.houses import a_house

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def rabbit_house(rabbit_server, redis_url, tmp_path):
    with a_house(tmp_path, BROKER_URL=rabbit_server.url, REDIS_URL=redis_url) as house:
        yield house


def all_published(house, guest, posts):
    for post_id in posts:
        guest.ended(post_id, within=90)
    assert {post_id: fate(house, guest, post_id) for post_id in posts} == dict.fromkeys(
        posts, PUBLISHED
    )
    assert left(house, guest) == []


def test_the_flow_over_rabbitmq(rabbit_house):
    guest = rabbit_house.guest()
    assert rabbit_house.told["broker"].startswith("amqp://")
    assert "redis" not in rabbit_house.told["pids"]
    posts = [guest.send(), guest.send(BIG), guest.wish(**PULL, **DIRECT)]
    all_published(rabbit_house, guest, posts)


@pytest.mark.chaos
def test_the_flow_through_the_death_of_rabbitmq(rabbit_house, rabbit_server):
    guest = rabbit_house.guest()
    rabbit_house.sandbox.control("faults", endpoint="*", kind="slow", seconds=0.3, times=0)
    posts = [guest.send(), guest.send(BIG)]
    rabbit_server.kill()
    posts.append(guest.send())
    rabbit_server.start()
    all_published(rabbit_house, guest, posts)
