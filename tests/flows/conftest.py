"""One real house for all who do not ask for another, and one RabbitMQ: they are heavy, started once
per process, and end when it leaves this folder: an idle house costs the others a third of a core.
"""

from tests.flows.brokers import broker, redis_server
from tests.flows.houses import guest, house, shared_house
from tests.flows.rabbits import rabbit, rabbit_server
from tests.flows.storms import storm_house

__all__ = [
    "broker",
    "guest",
    "house",
    "rabbit",
    "rabbit_server",
    "redis_server",
    "shared_house",
    "storm_house",
]
