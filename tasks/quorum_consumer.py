"""A worker's consumer for quorum queues, named by Celery's setting `worker_consumer`."""

from typing import Any, ClassVar

from celery.worker.consumer import consumer

DELAYED_DELIVERY = "celery.worker.consumer.delayed_delivery:DelayedDelivery"
StepsOfConsumer: Any = consumer.Consumer.Blueprint


class QuorumConsumer(consumer.Consumer):
    """A consumer without the 28 queues that Celery declares for messages with a time of their own.

    We send none: what is due later is a row.
    """

    class Blueprint(StepsOfConsumer):  # type: ignore[misc]  # an attribute in Celery's types
        """The steps of a worker's start."""

        default_steps: ClassVar = [
            step for step in StepsOfConsumer.default_steps if step != DELAYED_DELIVERY
        ]
