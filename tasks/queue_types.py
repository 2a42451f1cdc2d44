"""What Celery has to do differently where our queues are quorum queues of a RabbitMQ cluster.

Without this a worker ends as soon as the node dies that holds the queue of its mailbox, which
Celery declares as a classic one.
"""

from typing import Any

from celery.app.control import Control
from kombu import Queue
from kombu.pidbox import Mailbox

QUEUE_TYPE_SETTING = "task_default_queue_type"
"""Celery's own setting, by which it declares queues that we do not list."""


class QueueTypeMailbox(Mailbox):
    """A worker's mailbox, and that of the replies to it, with the type of our queues."""

    queue_type = "classic"

    def get_queue(self, hostname: str) -> Queue:
        return self._with_type(super().get_queue(hostname))

    def get_reply_queue(self) -> Queue:
        return self._with_type(super().get_reply_queue())

    def _with_type(self, queue: Queue) -> Queue:
        if self.queue_type != "classic":
            queue.queue_arguments = {"x-queue-type": self.queue_type}
        return queue


class QueueTypeControl(Control):
    """Celery's remote control, with a mailbox of the configured type."""

    Mailbox = QueueTypeMailbox

    def __init__(self, app: Any = None) -> None:
        super().__init__(app)
        mailbox: QueueTypeMailbox = self.mailbox  # type: ignore[attr-defined]  # not in Celery's types
        mailbox.queue_type = app.conf[QUEUE_TYPE_SETTING]
