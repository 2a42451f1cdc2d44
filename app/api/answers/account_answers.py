"""The models of what the API answers about accounts, comments, metrics and the user."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from app.api.answers.base import AnswerModel, CamelAnswerModel, Count, FreeObject, Row


class SubscriptionAnswer(CamelAnswerModel):
    subscribed_at: datetime | None
    checked_at: datetime | None
    error: str | None


class DestinationAnswer(CamelAnswerModel):
    id: Row
    external_id: str
    name: str | None
    handle: str | None
    avatar_url: str | None
    account_type: str | None
    access_level: str | None
    state: str
    cause: str | None
    user_message: str | None
    suggestion: str | None
    selected: bool
    needs_reconnect: bool
    webhooks: SubscriptionAnswer
    details: FreeObject


class UnavailableAnswer(CamelAnswerModel):
    external_id: str | None
    name: str | None
    cause: str
    user_message: str | None
    suggestion: str | None


class AccountAnswer(CamelAnswerModel):
    id: Row
    display_name: str | None
    avatar_url: str | None
    scope: str
    missing_scopes: list[str]
    state: str
    cause: str | None
    user_message: str | None
    suggestion: str | None
    token_expires_at: datetime | None
    token_health: str | None
    token_renewed_at: datetime | None
    token_renews_at: datetime | None
    token_fault: str | None
    connection_ends_at: datetime | None
    needs_reconnect: bool
    can_publish_direct: bool
    needs_choice: bool | None = None
    destinations: list[DestinationAnswer] | None = None
    unavailable: list[UnavailableAnswer] | None = None


class PlatformAnswer(CamelAnswerModel):
    platform: str
    configured: bool
    missing: list[str]
    features: dict[str, bool]
    connected: bool
    health: str
    accounts: list[AccountAnswer]


class RefreshFaultAnswer(CamelAnswerModel):
    account_id: Row
    provider: str
    error: str


class RefreshResultAnswer(AnswerModel):
    total: Count
    refreshed: Count
    failed: Count
    skipped: Count
    errors: list[RefreshFaultAnswer]


class CommentAuthorAnswer(AnswerModel):
    id: str | None
    username: str | None


class CommentAnswer(CamelAnswerModel):
    id: Row
    comment_id: str
    account_id: Row
    account_name: str | None
    media_id: str | None
    permalink: str | None
    parent_id: str | None
    author: Annotated[CommentAuthorAnswer, Field(alias="from")]
    text: str | None
    timestamp: datetime | None
    hidden: bool | None
    like_count: int | None
    is_own: bool
    handled_at: datetime | None


class ReplyAnswer(CamelAnswerModel):
    reply_id: str | None
    comment_id: str
    message: str
    is_repeat: bool


class DeletedCommentAnswer(CamelAnswerModel):
    id: Row
    comment_id: str
    deleted: bool


class CommentsSwitchAnswer(CamelAnswerModel):
    media_id: str
    enabled: bool


class PlaceAnswer(AnswerModel):
    id: str
    name: str | None
    city: str | None
    country: str | None
    latitude: float | None
    longitude: float | None


class VideoAnswer(AnswerModel):
    account_id: Row
    post_id: Row | None
    video_id: str
    title: str | None
    duration_seconds: int | None
    posted_at: datetime | None
    engagement_rate: float | None = None
    share_url: str | None = None
    counted_at: datetime | None = None
    missing_since: datetime | None = None


class MediaItemAnswer(CamelAnswerModel):
    id: Row
    media_id: str
    account_id: Row
    username: str | None
    post_id: Row | None
    media_type: str | None
    product: str | None
    caption: str | None
    permalink: str | None
    thumbnail_url: str | None
    shortcode: str | None
    timestamp: datetime | None
    metrics: FreeObject
    metrics_at: datetime | None
    deleted_at: datetime | None


class LatestValueAnswer(AnswerModel):
    value: float | None
    at: datetime


class PointAnswer(AnswerModel):
    """A point of a history: its time, and each metric by its name."""

    at: datetime


class HistoryAnswer(AnswerModel):
    kind: str
    account_id: Row | None
    post_id: Row | None
    latest: dict[str, LatestValueAnswer | None]
    step: str
    points: list[PointAnswer]


class MediaHistoryAnswer(CamelAnswerModel):
    kind: str
    account_id: Row | None
    latest: dict[str, LatestValueAnswer | None]
    step: str
    points: list[PointAnswer]


class SampleFaultAnswer(CamelAnswerModel):
    account_id: Row
    error: str


class SampleResultAnswer(AnswerModel):
    total: Count
    answered: Count
    failed: Count
    skipped: Count
    errors: list[SampleFaultAnswer]


class UserAnswer(CamelAnswerModel):
    id: Row
    email: str | None
    is_admin: bool
    locale: str


class CurrentUserAnswer(UserAnswer):
    auth: str
    scopes: list[str]


class KeyAnswer(CamelAnswerModel):
    id: Row
    name: str
    prefix: str
    scopes: list[str]
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class NewKeyAnswer(KeyAnswer):
    key: str


class SessionAnswer(CamelAnswerModel):
    id: Row
    is_current: bool
    ip: str | None
    user_agent: str | None
    created_at: datetime
    seen_at: datetime | None
    expires_at: datetime


class EndedSessionsAnswer(AnswerModel):
    ended: Count


class NotificationAnswer(CamelAnswerModel):
    id: Row
    kind: str
    user_message: str | None
    suggestion: str | None
    payload: FreeObject
    read_at: datetime | None
    created_at: datetime
