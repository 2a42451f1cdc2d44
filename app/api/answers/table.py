"""What each view answers: the models of its success by status, and the error codes of its own.

Codes that follow from a route's form (its scopes, body, parameters) are in
`app/api/answers/errors.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import BaseModel

from app.api.answers.account_answers import (
    AccountAnswer,
    CommentAnswer,
    CommentsSwitchAnswer,
    CurrentUserAnswer,
    DeletedCommentAnswer,
    DestinationAnswer,
    EndedSessionsAnswer,
    HistoryAnswer,
    KeyAnswer,
    MediaHistoryAnswer,
    MediaItemAnswer,
    NewKeyAnswer,
    NotificationAnswer,
    PlaceAnswer,
    PlatformAnswer,
    RefreshResultAnswer,
    ReplyAnswer,
    SampleResultAnswer,
    SessionAnswer,
    UserAnswer,
    VideoAnswer,
)
from app.api.answers.base import AnswerModel, Count, Cursor, Row, build_envelope
from app.api.answers.monitoring_answers import (
    ActivityAnswer,
    HealthName,
    PlatformHealthAnswer,
    SeriesAnswer,
    StoreHealthAnswer,
)
from app.api.answers.operator_answers import (
    AdminAccountAnswer,
    AdminUserAnswer,
    AlertAnswer,
    AuditEntryAnswer,
    CircuitAnswer,
    DeletionReceiptAnswer,
    DeliveryAnswer,
    DeliveryDiscardAnswer,
    DeliveryRestoreAnswer,
    DiscardCountAnswer,
    EndpointAnswer,
    FullWebhookEventAnswer,
    LivenessAnswer,
    NewEndpointAnswer,
    PauseAnswer,
    QueueAnswer,
    RateLimitAnswer,
    ReadinessAnswer,
    ReceivedAnswer,
    RedeliveryAnswer,
    ReplayCountAnswer,
    StatusAnswer,
    WebhookEventAnswer,
    WorkerAnswer,
    WorkerDescriptionAnswer,
)
from app.api.answers.post_answers import (
    AccountQuotasAnswer,
    DetailedPostAnswer,
    DraftAnswer,
    ExchangeAnswer,
    FullDraftAnswer,
    MediaAnswer,
    PostAnswer,
    PostCheckAnswer,
    QuotaForecastAnswer,
    RequestedPostAnswer,
    TimelineEventAnswer,
)

JSON_TYPE = "application/json"
TUS_RESULT_HEADERS = ("Upload-Offset", "Upload-Length", "Upload-Expires")
IDEMPOTENCY_CODES = ("IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_MISMATCH")
TUS_REFUSALS = {412: "VALIDATION_ERROR"}  # another version of the protocol
RANGE_REFUSALS = {416: "VALIDATION_ERROR"}
UPLOAD_CODES = (
    "file_too_large",
    "too_many_uploads",
    "storage_budget_exceeded",
    "INSUFFICIENT_STORAGE",
)


@dataclass(frozen=True)
class Answer:
    """What a view answers.

    Shapes: `fields` are beside `success` in the JSON object, or `model` is the whole object.
    `unusual_statuses`: status → code, where a code comes with another status than its own.
    `calls_platform`: the errors of platforms can be passed on.
    """

    statuses: tuple[int, ...] = (200,)
    fields: Mapping[str, Any] = field(default_factory=dict)
    model: type[BaseModel] | None = None
    content_type: str = JSON_TYPE
    headers: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    unusual_statuses: Mapping[int, str] = field(default_factory=dict)
    calls_platform: bool = False

    @property
    def has_json(self) -> bool:
        return self.content_type == JSON_TYPE


@cache
def build_answer_model(view_name: str) -> type[BaseModel] | None:
    """Build the model of a view's whole answer; None without JSON. Built once."""
    answer = ANSWERS.get(view_name, Answer())
    if answer.model is not None or not answer.has_json:
        return answer.model
    name = "".join(word.capitalize() for word in view_name.split("_"))
    return build_envelope(f"{name}Answer", dict(answer.fields))


def data_answer(kind: Any, *statuses: int, **traits: Any) -> Answer:
    """An answer whose one field is `data`."""
    return Answer(statuses or (200,), {"data": kind}, **traits)


def page_answer(model: type[AnswerModel], cursor: str = "nextCursor", **more: Any) -> Answer:
    """A page of a list, and the cursor of the next one."""
    return Answer(fields={"data": list[model], cursor: Cursor, **more})  # type: ignore[valid-type]  # made here


EMPTY = Answer()
CHANGED_EVENTS = {"ids": list[Row]}
WORKER = Answer(model=WorkerDescriptionAnswer)
CONFLICT = ("CONFLICT",)
DESTINATIONS = data_answer(list[DestinationAnswer], codes=("not_connected", "not_supported"))
REDIRECT = Answer((302,), content_type="text/html")
COMMENT_CODES = ("not_supported", *CONFLICT)
DELIVERY = data_answer(DeliveryAnswer, 202, codes=CONFLICT)

ANSWERS: Mapping[str, Answer] = {
    "list_platforms": data_answer(list[PlatformAnswer]),
    "show_platform_status": Answer(
        fields={"connected": bool, "accounts": list[AccountAnswer]},
    ),
    "list_destinations": DESTINATIONS,
    "select_destinations": DESTINATIONS,
    "disconnect_account": Answer(
        fields={"revoked": bool, "heldPosts": Count, "cancelledPosts": Count},
        codes=("disconnect_failed", "account_required"),
        calls_platform=True,
    ),
    "refresh_due_tokens": Answer(fields={"message": str, "result": RefreshResultAnswer}),
    "describe_token_refresh": WORKER,
    "check_connection": Answer(
        fields={
            "platform": str,
            "configured": bool,
            "settings": dict[str, bool],
            "connected": bool,
            "accounts": list[AccountAnswer],
            "recommendations": list[str],
        },
        calls_platform=True,
    ),
    "start_connection": REDIRECT,
    "handle_callback": REDIRECT,
    "sign_in_user": Answer(
        fields={"data": UserAnswer, "csrfToken": str},
        headers=("Set-Cookie",),
        codes=("invalid_login", "sign_in_paused"),
    ),
    "sign_out_user": EMPTY,
    "show_current_user": data_answer(CurrentUserAnswer),
    "change_password": Answer(
        fields={"csrfToken": str}, headers=("Set-Cookie",), codes=("invalid_login",)
    ),
    "list_sessions": data_answer(list[SessionAnswer]),
    "end_session": EMPTY,
    "end_other_sessions": data_answer(EndedSessionsAnswer),
    "list_keys": data_answer(list[KeyAnswer]),
    "create_key": data_answer(NewKeyAnswer, 201, codes=("limit_reached",)),
    "revoke_key": EMPTY,
    "list_notifications": page_answer(NotificationAnswer, unread=Count),
    "mark_notification_read": EMPTY,
    "mark_all_notifications_read": Answer(fields={"read": Count}),
    "request_post": data_answer(
        RequestedPostAnswer,
        200,
        202,
        headers=("Location", "Idempotency-Replayed"),
        codes=IDEMPOTENCY_CODES,
        calls_platform=True,
    ),
    "list_posts": page_answer(PostAnswer, "next_cursor"),
    "show_post": data_answer(DetailedPostAnswer),
    "edit_post": data_answer(
        DetailedPostAnswer, codes=("not_editable", "CONFLICT"), calls_platform=True
    ),
    "list_post_events": Answer(fields={"events": list[TimelineEventAnswer]}),
    "list_post_exchanges": page_answer(ExchangeAnswer, "next_cursor"),
    "cancel_post": data_answer(
        DetailedPostAnswer, codes=("publish_not_cancellable", "CONFLICT"), calls_platform=True
    ),
    "retry_post": Answer(
        (200, 202),
        headers=("Location", "Idempotency-Replayed"),
        codes=(*IDEMPOTENCY_CODES, "CONFLICT"),
        calls_platform=True,
    ),
    "release_post": data_answer(DetailedPostAnswer, 202, codes=CONFLICT),
    "show_quota": data_answer(AccountQuotasAnswer, calls_platform=True),
    "check_post": Answer(
        fields={"checks": list[PostCheckAnswer], "forecast": list[QuotaForecastAnswer]},
        calls_platform=True,
    ),
    "list_drafts": data_answer(list[DraftAnswer]),
    "show_draft": data_answer(FullDraftAnswer, headers=("ETag",)),
    "save_draft": data_answer(
        FullDraftAnswer, headers=("ETag",), codes=("PRECONDITION_FAILED", "limit_reached")
    ),
    "delete_draft": EMPTY,
    "list_videos": page_answer(VideoAnswer, "next_cursor"),
    "show_insight_history": Answer(
        fields={"data": HistoryAnswer, "next_cursor": Cursor}, codes=("NOT_FOUND",)
    ),
    "list_media": page_answer(MediaItemAnswer),
    "show_media_history": Answer(
        fields={"data": MediaHistoryAnswer, "nextCursor": Cursor}, codes=("NOT_FOUND",)
    ),
    "sample_due_insights": Answer(
        fields={"message": str, "timestamp": datetime, "result": SampleResultAnswer},
        codes=("CONFIG_MISSING",),
    ),
    "describe_insight_sampling": WORKER,
    "list_comments": page_answer(CommentAnswer),
    "hide_comment": data_answer(CommentAnswer, codes=COMMENT_CODES, calls_platform=True),
    "mark_comment": data_answer(CommentAnswer),
    "reply_to_comment": data_answer(
        ReplyAnswer, codes=(*IDEMPOTENCY_CODES, *COMMENT_CODES), calls_platform=True
    ),
    "delete_comment": data_answer(DeletedCommentAnswer, codes=COMMENT_CODES, calls_platform=True),
    "enable_comments": data_answer(CommentsSwitchAnswer, codes=COMMENT_CODES, calls_platform=True),
    "list_locations": data_answer(list[PlaceAnswer], calls_platform=True),
    "show_tus_options": Answer(
        (204,), content_type="", headers=("Tus-Version", "Tus-Extension", "Tus-Max-Size")
    ),
    "create_media": Answer(
        (201,),
        content_type="",
        headers=("Location", *TUS_RESULT_HEADERS),
        codes=UPLOAD_CODES,
        unusual_statuses=TUS_REFUSALS,
    ),
    "show_media": data_answer(MediaAnswer),
    "append_chunk": Answer(
        (204,),
        content_type="",
        headers=TUS_RESULT_HEADERS,
        codes=(*UPLOAD_CODES, "CONFLICT"),
        unusual_statuses=TUS_REFUSALS,
    ),
    "delete_media": Answer((204,), content_type="", codes=CONFLICT),
    "serve_media": Answer((200, 206), content_type="*/*", unusual_statuses=RANGE_REFUSALS),
    "list_endpoints": Answer(fields={"data": list[EndpointAnswer], "events": dict[str, str]}),
    "create_endpoint": data_answer(NewEndpointAnswer, 201, codes=("limit_reached",)),
    "show_endpoint": data_answer(EndpointAnswer),
    "update_endpoint": data_answer(EndpointAnswer),
    "delete_endpoint": EMPTY,
    "rotate_secret": data_answer(NewEndpointAnswer),
    "send_test_event": DELIVERY,
    "list_deliveries": page_answer(DeliveryAnswer),
    "redeliver_dead": data_answer(RedeliveryAnswer, 200, 202),
    "discard_dead": data_answer(DeliveryDiscardAnswer),
    "restore_discarded": data_answer(DeliveryRestoreAnswer),
    "request_redelivery": DELIVERY,
    "receive_webhook": Answer(
        model=ReceivedAnswer,
        codes=(
            "invalid_payload",
            "missing_signature",
            "invalid_signature",
            "stale_signature",
            "webhook_not_configured",
        ),
    ),
    "answer_handshake": Answer(
        content_type="text/plain",
        codes=("verification_failed", "METHOD_NOT_ALLOWED", "webhook_not_configured"),
    ),
    "receive_deauthorization": Answer(
        fields={"message": str},
        codes=("invalid_payload", "invalid_signature", "webhook_not_configured"),
    ),
    "receive_data_deletion": Answer(
        model=DeletionReceiptAnswer,
        codes=("invalid_payload", "invalid_signature", "webhook_not_configured"),
    ),
    "process_webhooks": Answer(fields={"message": str, "processed": Count}),
    "describe_webhook_worker": WORKER,
    "check_alerts": Answer(
        fields={"newAlerts": Count, "activeAlerts": Count, "timestamp": datetime}
    ),
    "list_webhook_events": page_answer(WebhookEventAnswer),
    "show_webhook_event": data_answer(FullWebhookEventAnswer),
    "replay_event": Answer(fields={"replayed": Count, **CHANGED_EVENTS}, codes=CONFLICT),
    "replay_events": Answer(model=ReplayCountAnswer),
    "discard_event": Answer(
        fields={"discarded": Count, **CHANGED_EVENTS, "discardedAt": datetime}, codes=CONFLICT
    ),
    "discard_events": Answer(model=DiscardCountAnswer),
    "restore_events": Answer(fields={"restored": Count, **CHANGED_EVENTS}),
    "show_account": data_answer(AdminAccountAnswer),
    "list_circuit_breakers": data_answer(list[CircuitAnswer]),
    "list_rate_limits": data_answer(list[RateLimitAnswer]),
    "show_config": data_answer(dict[str, bool]),
    "list_queues": Answer(
        fields={"queues": list[QueueAnswer], "workers": list[WorkerAnswer], "timestamp": datetime}
    ),
    "list_audit_entries": page_answer(AuditEntryAnswer),
    "list_users": page_answer(AdminUserAnswer),
    "disable_user": Answer(fields={"user": AdminUserAnswer}, codes=CONFLICT),
    "enable_user": Answer(fields={"user": AdminUserAnswer}, codes=CONFLICT),
    "list_pauses": Answer(fields={"pauses": list[PauseAnswer]}),
    "pause_work": Answer(fields={"pause": PauseAnswer}, codes=("NOT_FOUND", "CONFLICT")),
    "resume_work": Answer(fields={"pause": PauseAnswer}, codes=("NOT_FOUND",)),
    "list_alerts": Answer(
        fields={"alerts": list[AlertAnswer], "activeCount": Count, "timestamp": datetime}
    ),
    "resolve_alert": Answer(fields={"alert": AlertAnswer}, codes=("NOT_FOUND", "CONFLICT")),
    "summarize_metrics": Answer(
        fields={
            "metrics": list[SeriesAnswer],
            "capped": bool,
            "summary": ActivityAnswer,
            "timestamp": datetime,
        }
    ),
    "validate_installation": Answer(
        fields={
            "status": HealthName,
            "database": StoreHealthAnswer,
            "redis": StoreHealthAnswer,
            "broker": StoreHealthAnswer,
            "platforms": dict[str, PlatformHealthAnswer],
            "timestamp": datetime,
        }
    ),
    "show_liveness": Answer(model=LivenessAnswer),
    "show_readiness": Answer((200, 503), model=ReadinessAnswer),
    "show_status": Answer((200, 503), model=StatusAnswer, codes=("UNAUTHORIZED",)),
    "show_metrics": Answer(content_type="text/plain", codes=("UNAUTHORIZED",)),
    "show_openapi": Answer(model=AnswerModel),
    "show_reference": Answer(content_type="text/html"),
    "show_tag": Answer(content_type="text/html"),
    "show_operation": Answer(content_type="text/html"),
    "show_errors": Answer(content_type="text/html"),
    "show_console": Answer(content_type="text/html"),
}
"""Function of a view → what it answers. Platforms describe the answers of their own routes."""

HEAD_ANSWERS: Mapping[str, Answer] = {
    "show_media": Answer(content_type="", headers=(*TUS_RESULT_HEADERS, "Tus-Resumable")),
}
"""Function of a view → what it answers to HEAD, where clients need that."""
