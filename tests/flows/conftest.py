"""One real house for all who do not ask for another, and one RabbitMQ: they are heavy, started once
per process, and end when it leaves this folder: an idle house costs the others a third of a core.
"""

from tests.flows.brokers import broker, redis_server
from tests.flows.rabbitmq import rabbit_server, rabbitmq
from tests.flows.stacks import api_user, shared_stack, stack
from tests.flows.webhook_burst import storm_stack

__all__ = [
    "api_user",
    "broker",
    "rabbit_server",
    "rabbitmq",
    "redis_server",
    "shared_stack",
    "stack",
    "storm_stack",
]
