"""Operators look into the inbox and have events replayed. Shows payloads, never a token or setting.

Must not be open to anybody without the scope `admin`.
"""

from typing import Annotated, Any, Self

from flask import Blueprint
from pydantic import AwareDatetime, Field, model_validator

from app.body import Body, asks, ok, takes
from app.context import house, needs
from core import webhooks
from core.errors import Conflict, NotFound
from db.webhooks import Event, Events, Wanted

blueprint = Blueprint("events", __name__)


class Filter(Body):
    """`cursor` is the `nextCursor` of the page before."""

    status: str | None = None
    provider: str | None = None
    type: str | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 25
    cursor: Annotated[int | None, Field(ge=1)] = None


class Again(Body):
    """Either `ids`, or everything that fits the other fields."""

    ids: Annotated[list[int] | None, Field(min_length=1, max_length=1000)] = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    provider: str | None = None
    type: str | None = None

    @model_validator(mode="after")
    def narrow(self) -> Self:
        if self.ids is None and self.since is None:
            raise ValueError("name ids, or since when")
        return self

    def wanted(self) -> Wanted:
        return Wanted(
            ids=self.ids,
            since=self.since,
            until=self.until,
            provider=self.provider,
            kind=self.type,
        )


@blueprint.get("/api/admin/webhook-events")
@needs("admin")
@asks(Filter)
def events(query: Filter) -> dict[str, Any]:
    """Stored notices, newest first."""
    wanted = Wanted(status=query.status, provider=query.provider, kind=query.type)
    with house().database.transaction() as session:
        found = Events(session).page(wanted, limit=query.limit + 1, before=query.cursor)
    page = found[: query.limit]
    more = str(page[-1].id) if len(found) > len(page) else None
    return ok(data=[shown(event) for event in page], nextCursor=more)


@blueprint.get("/api/admin/webhook-events/<int:event_id>")
@needs("admin")
def event(event_id: int) -> dict[str, Any]:
    """One stored notice with what the platform sent."""
    with house().database.transaction() as session:
        found = Events(session).get(event_id)
    if found is None:
        raise NotFound
    return ok(data={**shown(found), "payload": found.payload_json})


@blueprint.post("/api/admin/webhook-events/<int:event_id>/replay")
@needs("admin")
def replay_one(event_id: int) -> dict[str, Any]:
    """Apply a notice again that has ended, however it ended."""
    with house().database.transaction() as session:
        if Events(session).get(event_id) is None:
            raise NotFound
    replayed = replay(Wanted(ids=[event_id]))
    if not replayed:
        raise Conflict("the event is still pending")
    return ok(replayed=len(replayed), ids=replayed)


@blueprint.post("/api/admin/webhook-events/replay")
@needs("admin")
@takes(Again)
def replay_many(body: Again) -> dict[str, Any]:
    """Apply many again; those that are still pending are left alone."""
    replayed = replay(body.wanted())
    return ok(replayed=len(replayed), ids=replayed)


def replay(wanted: Wanted) -> list[int]:
    replayed = webhooks.replay(house().database, wanted)
    house().world.ring("webhooks")
    return replayed


def shown(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "provider": event.provider,
        "eventType": event.event_type,
        "vendorEvent": event.vendor_event,
        "externalId": event.external_id,
        "publishId": event.publish_id,
        "status": event.standing,
        "late": event.late,
        "retryCount": event.attempts,
        "errorMessage": event.last_error,
        "correlationId": event.correlation_id,
        "createdAt": event.created_at,
        "nextAttemptAt": event.due_at,
        "processedAt": event.processed_at,
        "deadAt": event.dead_at,
    }
