"""Webhooks of platforms: receiving deliveries and applying the events they carry."""

from core.webhooks.process import WEBHOOK_JOB, build_webhook_job
from core.webhooks.receive import (
    Receipt,
    WebhookNotConfigured,
    find_webhook_adapter,
    process_batch,
    receive_delivery,
    receive_delivery_async,
    replay_events,
    verify_delivery,
)
from core.webhooks.writer import EventWriter, WriterBusy, WriteRejected
from platforms.errors import BadSignature

__all__ = [
    "WEBHOOK_JOB",
    "BadSignature",
    "EventWriter",
    "Receipt",
    "WebhookNotConfigured",
    "WriteRejected",
    "WriterBusy",
    "build_webhook_job",
    "find_webhook_adapter",
    "process_batch",
    "receive_delivery",
    "receive_delivery_async",
    "replay_events",
    "verify_delivery",
]
