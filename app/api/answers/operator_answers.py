"""The models of what the API answers about endpoints, and to operators and monitors."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.config import JsonDict

from app.api.answers.base import AnswerModel, CamelAnswerModel, Count, FreeObject, Row

COUNT_EXAMPLE: JsonDict = {
    "success": True,
    "matches": 2,
    "capped": False,
    "oldest": "2026-03-02T09:30:00Z",
    "newest": "2026-03-02T09:31:00Z",
}


class EndpointAnswer(CamelAnswerModel):
    id: Row
    url: str
    description: str | None
    events: list[str] | None
    enabled: bool
    disabled_at: datetime | None
    disabled_cause: str | None
    failures: Count
    failing_since: datetime | None
    last_delivered_at: datetime | None
    created_at: datetime


class NewEndpointAnswer(EndpointAnswer):
    secret: str


class TryAnswer(AnswerModel):
    number: Count
    at: datetime
    milliseconds: Count | None
    status: int | None
    error: str | None
    answer: str | None


class DeliveryAnswer(CamelAnswerModel):
    id: Row
    webhook_id: str
    type: str
    subject: str | None
    sequence: int | None
    state: str
    next_try_at: datetime | None
    delivered_at: datetime | None
    created_at: datetime
    body: object
    tries: list[TryAnswer]


class RedeliveryAnswer(CamelAnswerModel):
    count: Count
    dry_run: bool


class DeliveryDiscardAnswer(RedeliveryAnswer):
    discarded_at: datetime | None


class DeliveryRestoreAnswer(CamelAnswerModel):
    count: Count


class AdminAccountAnswer(CamelAnswerModel):
    id: Row
    user_id: Row
    provider: str
    open_id: str | None
    scope: str | None
    status: str
    status_cause: str | None
    has_access_token: bool
    has_refresh_token: bool
    expires_at: datetime | None
    refresh_expires_at: datetime | None
    refresh_due_at: datetime | None
    refresh_failures: Count
    last_refresh_error: str | None
    last_refreshed_at: datetime | None
    disconnected_at: datetime | None
    created_at: datetime


class CircuitAnswer(CamelAnswerModel):
    platform: str
    call_class: Annotated[str, Field(alias="class")]
    state: str
    failures: Count
    successes: Count
    total_failures: Count
    total_successes: Count
    last_failure: datetime | None
    last_change: datetime | None


class RateLimitAnswer(CamelAnswerModel):
    platform: str
    call_class: Annotated[str, Field(alias="class")]
    limit: Count
    window_seconds: float
    used: Count
    account_id: Row | None
    frees_at: datetime | None
    blocked_until: datetime | None
    complete: bool


class QueueAnswer(CamelAnswerModel):
    name: str
    state: str
    due: Count | None
    held: Count | None
    oldest_due_at: datetime | None
    canary_age_seconds: float | None


class WorkerHoldAnswer(CamelAnswerModel):
    queue: str
    rows: Count
    oldest_due_at: datetime | None
    leased_until: datetime | None
    running_since: datetime | None
    shared: bool


class WorkerAnswer(CamelAnswerModel):
    name: str
    seen_at: datetime | None
    silent: bool
    queues: list[str]
    holds: list[WorkerHoldAnswer]


class AdminUserAnswer(CamelAnswerModel):
    id: Row
    email: str | None
    claimed_email: str | None
    is_admin: bool
    has_password: bool
    disabled_at: datetime | None
    created_at: datetime


class PauseAnswer(CamelAnswerModel):
    target: str
    kind: Literal["platform", "queue"]
    reason: str
    paused_at: datetime


class AuditEntryAnswer(CamelAnswerModel):
    id: Row
    at: datetime
    user_id: Row | None
    actor: str | None
    action: str
    subject: str | None
    details: FreeObject | None
    ip: str | None
    correlation_id: str | None


class WebhookEventAnswer(CamelAnswerModel):
    id: Row
    provider: str
    event_type: str
    vendor_event: str | None
    external_id: str | None
    publish_id: str | None
    status: str
    late: bool | None
    verdict: str | None
    secret_no: int | None
    signed_at: datetime | None
    retry_count: Count
    error_message: str | None
    correlation_id: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    processed_at: datetime | None
    dead_at: datetime | None
    replayed_at: datetime | None
    replayed_by: Row | None


class FullWebhookEventAnswer(WebhookEventAnswer):
    payload: object


class AlertAnswer(CamelAnswerModel):
    id: Row
    name: str
    severity: str
    details: FreeObject | None
    opened_at: datetime
    resolved_at: datetime | None
    resolved_by: object


class LivenessAnswer(AnswerModel):
    status: str
    version: str


class WorkerDescriptionAnswer(AnswerModel):
    status: str
    worker: str
    message: str


class ReceivedAnswer(AnswerModel):
    success: bool
    message: str
    duplicate: bool | None = None


class DeletionReceiptAnswer(AnswerModel):
    """As the platform demands it."""

    url: str
    confirmation_code: str


class ReadinessAnswer(CamelAnswerModel):
    status: str
    reasons: list[str]
    traffic_reasons: list[str]
    database: bool
    broker: bool
    migration: str | None
    tick_age_seconds: float | None
    overdue_seconds: dict[str, float | None]
    facts_age_seconds: float | None
    platforms: dict[str, str]


class StatusAnswer(ReadinessAnswer):
    alerts: object
    conditions_judged_seconds_ago: float | None
    failing_sinks: dict[str, str | None]
    alerts_age_seconds: float | None
    paused: list[PauseAnswer]


class DiscardCountAnswer(CamelAnswerModel):
    """With `dry_run` the first four, else the last three."""

    model_config = ConfigDict(json_schema_extra={"examples": [COUNT_EXAMPLE]})

    success: Literal[True]
    matches: Count | None = None
    capped: bool | None = None
    oldest: datetime | None = None
    newest: datetime | None = None
    discarded: Count | None = None
    ids: list[Row] | None = None
    discarded_at: datetime | None = None


class ReplayCountAnswer(AnswerModel):
    """With `dry_run` the first four, else the last two."""

    model_config = ConfigDict(json_schema_extra={"examples": [COUNT_EXAMPLE]})

    success: Literal[True]
    matches: Count | None = None
    capped: bool | None = None
    oldest: datetime | None = None
    newest: datetime | None = None
    replayed: Count | None = None
    ids: list[Row] | None = None
