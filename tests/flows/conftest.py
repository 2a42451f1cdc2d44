"""Fixtures of the flow tests: a shared running stack, API users, brokers.

The shared stack and RabbitMQ are started once per test process and stopped when it leaves this
folder: an idle stack costs the others a third of a core.
"""

from tests.flows.brokers import broker, redis_server
from tests.flows.prometheus_server import prometheus
from tests.flows.rabbitmq import rabbit_server, rabbitmq
from tests.flows.s3_server import s3_server
from tests.flows.stacks import api_user, instagram_user, shared_stack, stack
from tests.flows.web_server import shared_web_server, web_server
from tests.flows.webhook_burst import burst_stack

__all__ = [
    "api_user",
    "broker",
    "burst_stack",
    "instagram_user",
    "prometheus",
    "rabbit_server",
    "rabbitmq",
    "redis_server",
    "s3_server",
    "shared_stack",
    "shared_web_server",
    "stack",
    "web_server",
]
