"""The models of what the API answers about figures of the last day, and about health."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from app.api.answers.base import CamelAnswerModel, Count

HealthName = Literal["healthy", "degraded", "unhealthy"]
Share = Annotated[float | None, Field(ge=0, le=1, description="null without any")]
Seconds = Annotated[float | None, Field(ge=0, description="seconds; null without any")]


class SeriesAnswer(CamelAnswerModel):
    name: str
    kind: Literal["counter", "gauge"]
    labels: dict[str, str]
    value: float


class OutcomeCountsAnswer(CamelAnswerModel):
    success: Count
    failure: Count
    rate: Share


class OutcomesAnswer(OutcomeCountsAnswer):
    platforms: dict[str, OutcomeCountsAnswer]


class EventCountsAnswer(CamelAnswerModel):
    received: Count
    processed: Count
    avg_latency: Seconds


class EventsAnswer(EventCountsAnswer):
    platforms: dict[str, EventCountsAnswer]


class ActivityAnswer(CamelAnswerModel):
    since: datetime
    oauth: OutcomesAnswer
    upload: OutcomesAnswer
    webhook: EventsAnswer
    token_refresh: OutcomesAnswer


class StoreHealthAnswer(CamelAnswerModel):
    status: HealthName
    fault: str | None


class AccountCountsAnswer(CamelAnswerModel):
    total: Count
    active: Count
    expired: Count
    expiring_within_hour: Count
    needs_reconnect: Count


class RefreshCountsAnswer(CamelAnswerModel):
    success: Count
    failure: Count
    last_success_at: datetime | None


class CredentialProbeAnswer(CamelAnswerModel):
    accepted: bool | None
    code: str | None
    probed_at: datetime


class PlatformHealthAnswer(CamelAnswerModel):
    status: HealthName
    configured: bool
    missing_settings: list[str]
    accounts: AccountCountsAnswer
    refreshes: RefreshCountsAnswer
    probe: CredentialProbeAnswer | None
