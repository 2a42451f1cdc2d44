"""The models of what `/api/tiktok/…` answers, for the API description only."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel


class QuotaFigures(BaseModel):
    used: int
    limit: int
    remaining: int
    resets_at: datetime | None


class RateFigures(BaseModel):
    limit: int
    remaining: int
    resets_in: int


class UploadFields(BaseModel):
    id: int
    publish_id: str | None
    status: str
    state: str
    source: str | None
    mode: str
    warnings: list[str]
    upload_url: str | None = None
    chunk_size: int | None = None
    total_chunk_count: int | None = None
    upload_url_expires_at: datetime | None = None
    due_at: datetime | None = None
    status_url: str | None = None


class UploadAnswer(BaseModel):
    success: Literal[True]
    data: UploadFields
    quota: QuotaFigures


class PublishFields(BaseModel):
    id: int
    publish_id: str | None
    status: str
    state: str
    source: str | None
    mode: str
    title: str | None
    error_code: str | None = None
    error_message: str | None = None
    metadata: dict[str, Any]
    account_id: int | None
    created_at: datetime
    updated_at: datetime
    statistics: dict[str, Any] | None = None


class PublishStatusAnswer(BaseModel):
    success: Literal[True]
    data: PublishFields


class PublishCounts(BaseModel):
    total: int
    processing: int
    inbox: int
    complete: int
    failed: int


class PublishListAnswer(BaseModel):
    success: Literal[True]
    posts: list[PublishFields]
    stats: PublishCounts
    next_cursor: str | None


class PublishQuotaAnswer(BaseModel):
    success: Literal[True]
    quota: QuotaFigures
    direct: QuotaFigures
    rate: RateFigures
    users: QuotaFigures | None = None


class UploadProgressFields(BaseModel):
    id: int
    state: str
    bytes_sent: int
    bytes_total: int | None
    chunk: int
    total_chunks: int | None
    bytes_per_second: int | None = None
    eta_seconds: int | None = None


class UploadProgressAnswer(BaseModel):
    success: Literal[True]
    data: UploadProgressFields


class CreatorInfoFields(BaseModel):
    nickname: str | None
    username: str | None
    avatar: str | None
    privacy_level_options: list[str]
    comment_disabled: bool
    duet_disabled: bool
    stitch_disabled: bool
    max_video_post_duration_sec: int | None
    account_is_private: bool
    account_must_be_private: bool


class CreatorInfoAnswer(BaseModel):
    success: Literal[True]
    data: CreatorInfoFields
