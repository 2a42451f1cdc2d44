"""Admin API for webhook events: list, show, replay, discard, restore. Every route needs `admin`.

It shows payloads, but no tokens or settings.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Self

from flask import Blueprint
from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from app.http.context import current_container, current_principal, require_scopes
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import RequestModel, success_body, validate_body, validate_query
from core import audit, webhooks
from core.errors import Conflict, Invalid, NotFound
from core.validation import ClampedTime
from db.statement_limits import SearchTooSlow, search_limits
from db.webhooks.discards import EventDiscards
from db.webhooks.events import Event, EventFilter, Events
from db.webhooks.replays import EventReplays, EventSummary

TOO_SLOW_MESSAGE = "the filter takes too long: choose a shorter time with since and until"

blueprint = Blueprint("events", __name__)


IDS_GIVEN: JsonDict = {"required": ["ids"], "properties": {"ids": {"type": "array"}}}
SINCE_GIVEN: JsonDict = {"required": ["since"], "properties": {"since": {"type": "string"}}}
CODE_GIVEN: JsonDict = {"required": ["code"], "properties": {"code": {"type": "string"}}}
ALL_GIVEN: JsonDict = {"required": ["all"], "properties": {"all": {"const": True}}}
"""What the models below demand, in the words of JSON schema, for the API description."""


class WebhookEventListQuery(RequestModel):
    """The query of the list; `cursor` is the `nextCursor` of the previous page."""

    status: str | None = None
    provider: str | None = None
    type: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[int | None, Field(ge=1)] = None


class ReplayRequest(RequestModel):
    """Which events to replay: those with these `ids`, or all that match the other fields."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [IDS_GIVEN, SINCE_GIVEN]})

    ids: Annotated[list[int] | None, Field(min_length=1, max_length=1000)] = None
    since: ClampedTime | None = None
    until: ClampedTime | None = None
    provider: str | None = None
    type: str | None = None
    dry_run: Annotated[
        bool, Field(description="count what would be replayed, and replay nothing")
    ] = False

    @model_validator(mode="after")
    def require_criteria(self) -> Self:
        if self.ids is None and self.since is None:
            raise ValueError("either ids or since is required")
        return self

    def to_filter(self) -> EventFilter:
        return EventFilter(
            ids=self.ids,
            since=self.since,
            until=self.until,
            provider=self.provider,
            kind=self.type,
        )


class DiscardRequest(RequestModel):
    """Which dead events to discard: those with these `ids`, that match the other fields, or `all`.

    One of `ids`, `code`, `since` and `all` is required; the others narrow the selection.
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [IDS_GIVEN, CODE_GIVEN, SINCE_GIVEN, ALL_GIVEN]}
    )

    ids: Annotated[list[int] | None, Field(min_length=1, max_length=1000)] = None
    code: Annotated[str | None, Field(min_length=1, max_length=100)] = None
    since: ClampedTime | None = None
    until: ClampedTime | None = None
    provider: str | None = None
    type: str | None = None
    all: bool = False
    dry_run: Annotated[
        bool, Field(description="count what would be discarded, and discard nothing")
    ] = False

    @model_validator(mode="after")
    def require_selection(self) -> Self:
        if self.ids is None and self.code is None and self.since is None and not self.all:
            raise ValueError("one of ids, code, since and all is required")
        return self

    def to_filter(self) -> EventFilter:
        return EventFilter(
            ids=self.ids,
            code=self.code,
            since=self.since,
            until=self.until,
            provider=self.provider,
            kind=self.type,
        )


class RestoreRequest(RequestModel):
    """Which discard to take back: `discarded_at` is the `discardedAt` that it answered."""

    discarded_at: ClampedTime


@blueprint.get("/api/admin/webhook-events")
@require_scopes("admin")
@validate_query(WebhookEventListQuery)
@reads_replica
def list_webhook_events(query: WebhookEventListQuery) -> dict[str, Any]:
    """List stored webhook events, newest first."""
    event_filter = EventFilter(status=query.status, provider=query.provider, kind=query.type)
    with reading_database().transaction() as session:
        events = Events(session).page(event_filter, limit=query.limit + 1, before=query.cursor)
    page = events[: query.limit]
    next_cursor = str(page[-1].id) if len(events) > len(page) else None
    return success_body(
        data=[serialize_webhook_event(event) for event in page], nextCursor=next_cursor
    )


@blueprint.get("/api/admin/webhook-events/<int:event_id>")
@require_scopes("admin")
def show_webhook_event(event_id: int) -> dict[str, Any]:
    """Show a stored webhook event with the payload that the platform sent."""
    with current_container().database.transaction() as session:
        event = Events(session).get(event_id)
        if event is None:
            raise NotFound(f"there is no webhook event {event_id}")
        audit.record_action(session, "webhook_event.read", subject=f"webhook_event:{event_id}")
    return success_body(data={**serialize_webhook_event(event), "payload": event.payload_json})


@blueprint.post("/api/admin/webhook-events/<int:event_id>/replay")
@require_scopes("admin")
def replay_event(event_id: int) -> dict[str, Any]:
    """Apply one processed or dead event again."""
    check_event_exists(event_id)
    replayed_ids = replay_matching(EventFilter(ids=[event_id]))
    if not replayed_ids:
        raise Conflict("the event is still pending: only processed or dead events are replayed")
    return success_body(replayed=len(replayed_ids), ids=replayed_ids)


@blueprint.post("/api/admin/webhook-events/replay")
@require_scopes("admin")
@validate_body(ReplayRequest)
def replay_events(body: ReplayRequest) -> dict[str, Any]:
    """Apply many processed or dead events again; pending ones are left alone.

    With `dry_run`, count what it would apply. Counting stops at 10,000 events.
    """
    if body.dry_run:
        return success_body(**count_replayable(body.to_filter())._asdict())
    replayed_ids = replay_matching(body.to_filter())
    return success_body(replayed=len(replayed_ids), ids=replayed_ids)


@blueprint.post("/api/admin/webhook-events/<int:event_id>/discard")
@require_scopes("admin")
def discard_event(event_id: int) -> dict[str, Any]:
    """Give up one dead event."""
    check_event_exists(event_id)
    discarded = webhooks.discard_events(current_container().database, EventFilter(ids=[event_id]))
    if not discarded.ids:
        raise Conflict("the event is not dead: only dead events are discarded")
    return success_body(discarded=len(discarded.ids), ids=discarded.ids, discardedAt=discarded.at)


@blueprint.post("/api/admin/webhook-events/discard")
@require_scopes("admin")
@validate_body(DiscardRequest)
def discard_events(body: DiscardRequest) -> dict[str, Any]:
    """Give up many dead events, the oldest 10,000 at most; other events are left alone.

    With `dry_run`, count what it would discard.
    """
    database = current_container().database
    if body.dry_run:
        with explain_slow_filter(), database.transaction() as session, search_limits(session):
            return success_body(**EventDiscards(session).summarize(body.to_filter())._asdict())
    discarded = webhooks.discard_events(database, body.to_filter())
    return success_body(discarded=len(discarded.ids), ids=discarded.ids, discardedAt=discarded.at)


@blueprint.post("/api/admin/webhook-events/restore")
@require_scopes("admin")
@validate_body(RestoreRequest)
def restore_events(body: RestoreRequest) -> dict[str, Any]:
    """Take a discard back: its events are dead letters again, unless they were replayed since."""
    restored_ids = webhooks.restore_events(current_container().database, body.discarded_at)
    return success_body(restored=len(restored_ids), ids=restored_ids)


def replay_matching(event_filter: EventFilter) -> list[int]:
    """Make matching events due again and wake the workers; return the ids of the events."""
    replayed = webhooks.replay_events(
        current_container().database, event_filter, user_id=current_principal().user_id
    )
    current_container().services.wake("webhooks")
    return replayed.ids


def count_replayable(event_filter: EventFilter) -> EventSummary:
    """Errors: Invalid if counting takes too long."""
    database = current_container().database
    with explain_slow_filter(), database.transaction() as session, search_limits(session):
        return EventReplays(session).summarize(event_filter)


@contextmanager
def explain_slow_filter() -> Iterator[None]:
    """Errors: Invalid instead of SearchTooSlow."""
    try:
        yield
    except SearchTooSlow as error:
        raise Invalid(TOO_SLOW_MESSAGE) from error


def serialize_webhook_event(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "provider": event.provider,
        "eventType": event.event_type,
        "vendorEvent": event.vendor_event,
        "externalId": event.external_id,
        "publishId": event.publish_id,
        "status": event.display_status,
        "late": event.late,
        "verdict": event.verdict,
        "secretNo": event.secret_no,
        "signedAt": event.signed_at,
        "retryCount": event.attempts,
        "errorMessage": event.last_error,
        "correlationId": event.correlation_id,
        "createdAt": event.created_at,
        "nextAttemptAt": event.due_at,
        "processedAt": event.processed_at,
        "deadAt": event.dead_at,
        "replayedAt": event.replayed_at,
        "replayedBy": event.replayed_by,
    }


def check_event_exists(event_id: int) -> None:
    """Errors: NotFound."""
    with current_container().database.transaction() as session:
        if Events(session).get(event_id) is None:
            raise NotFound(f"there is no webhook event {event_id}")
