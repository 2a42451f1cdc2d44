"""The models of what the API answers about posts, drafts and media files."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.answers.base import AnswerModel, Count, FreeObject, Row


class PostErrorAnswer(AnswerModel):
    item: int | None = None
    code: str
    message: str | None
    userMessage: str | None  # noqa: N815 - as in the envelope of errors
    suggestion: str | None
    who: str | None
    retryable: bool


class PostProgressAnswer(AnswerModel):
    step: str | None
    bytes_sent: Count | None
    bytes_total: Count | None


class PostItemAnswer(AnswerModel):
    position: Count
    role: str | None
    media_id: Row | None
    url: str | None
    alt_text: str | None
    status: str | None
    bytes_sent: Count | None


class TimelineEventAnswer(AnswerModel):
    id: Row
    at: datetime
    kind: str
    before: Annotated[str | None, Field(alias="from")]
    after: Annotated[str | None, Field(alias="to")]
    note: str | None


class PostStepAnswer(AnswerModel):
    name: str
    state: str
    at: datetime


class PostAnswer(AnswerModel):
    id: Row
    platform: str
    state: str
    status: str
    kind: str | None
    source: str | None
    title: str | None
    account_id: Row | None
    publish_at: datetime | None
    due_at: datetime | None
    attempts: Count
    hold_reason: str | None
    publish_id: str | None
    container_id: str | None
    platform_post_id: str | None
    permalink: str | None
    error: PostErrorAnswer | None
    progress: PostProgressAnswer
    retry_of: Row | None
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None
    destination_id: Row | None = None
    group_id: str | None = None
    items: list[PostItemAnswer] | None = None


class DetailedPostAnswer(PostAnswer):
    events: list[TimelineEventAnswer]
    steps: list[PostStepAnswer] | None = None


class QuotaAnswer(AnswerModel):
    used: Count
    limit: Count
    remaining: Count
    resets_at: datetime | None


class UploadTargetAnswer(AnswerModel):
    url: str
    chunk_size: Count
    chunk_count: Count
    expires_at: datetime | None


class RequestedPostAnswer(PostAnswer):
    quota: dict[str, QuotaAnswer]
    upload: UploadTargetAnswer | None = None


class AccountQuotasAnswer(AnswerModel):
    account_id: Row
    destination_id: Row | None
    quotas: dict[str, QuotaAnswer]


class ExchangeAnswer(AnswerModel):
    id: Row
    attempt: Count | None
    endpoint: str
    method: str
    host: str
    path: str
    status: int | None
    error: str | None
    milliseconds: Count | None
    times: Count
    first_at: datetime
    last_at: datetime
    log_id: str | None
    request: object
    answer: object


class PostCheckAnswer(AnswerModel):
    platform: str | None
    account_id: Row | None
    destination_id: Row | None
    code: str
    level: str
    field: str | None
    message: str
    userMessage: str | None  # noqa: N815 - as in the envelope of errors
    suggestion: str | None
    details: FreeObject


class QuotaForecastAnswer(AnswerModel):
    account_id: Row
    destination_id: Row | None
    quota: str
    code: str
    used: Count
    limit: Count
    frees_at: datetime | None
    goes_at: datetime | None


class DraftAnswer(AnswerModel):
    id: str
    title: str
    version: Count
    created_at: datetime
    updated_at: datetime


class FullDraftAnswer(DraftAnswer):
    payload: FreeObject


class MediaAnswer(AnswerModel):
    id: Row
    filename: str | None
    content_type: str | None
    size: Count
    offset: Count
    complete: bool
    expires_at: datetime | None
    probe: FreeObject | None
    url: str | None
