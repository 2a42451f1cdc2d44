"""Webhooks of platforms: receiving deliveries and applying the events they carry."""

from core.webhooks.callbacks import (
    find_callbacks,
    find_deletion_request,
    receive_deauthorization,
    receive_deletion_request,
)
from core.webhooks.operate import (
    discard_events,
    process_batch,
    replay_events,
    restore_events,
)
from core.webhooks.process import WEBHOOK_JOB_TYPE, build_webhook_job_type
from core.webhooks.receive import (
    Receipt,
    WebhookNotConfigured,
    find_webhook_adapter,
    receive_delivery,
    receive_delivery_async,
    verify_delivery,
)
from core.webhooks.writer import EventWriter, WriterBusy, WriteRejected
from platforms.errors import BadSignature

__all__ = [
    "WEBHOOK_JOB_TYPE",
    "BadSignature",
    "EventWriter",
    "Receipt",
    "WebhookNotConfigured",
    "WriteRejected",
    "WriterBusy",
    "build_webhook_job_type",
    "discard_events",
    "find_callbacks",
    "find_deletion_request",
    "find_webhook_adapter",
    "process_batch",
    "receive_deauthorization",
    "receive_deletion_request",
    "receive_delivery",
    "receive_delivery_async",
    "replay_events",
    "restore_events",
    "verify_delivery",
]
