"""Webhook events: the list with filters, one event with what it changed, refused deliveries."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.http.context import current_container, current_principal, require_login
from app.http.fragments import answer_fragment
from app.http.i18n import translate_text
from app.http.replica_reads import reading_database, reads_replica
from app.http.validation import row_id_from_query
from app.pages.brands import list_platform_titles
from app.pages.operator.durations import NO_VALUE, format_seconds
from app.pages.operator.event_filters import EventSelection, read_selection
from app.pages.operator.event_texts import (
    EVENT_BADGES,
    cause_advice,
    effect_sentence,
    event_badge,
    refusal_sentence,
    verdict_sentence,
)
from core import audit, webhooks
from core.errors import NotFound
from db.identity.users import Users
from db.posts.posts import Post, Posts
from db.posts.timeline import PostEvent, PostEvents
from db.providers import PlatformKey
from db.session import Session
from db.statement_limits import SearchTooSlow
from db.webhooks.events import EVENT_STATUSES, Event, EventFilter, Events
from db.webhooks.refusals import WebhookRefusals
from db.webhooks.search import EventSearch
from platforms.vendor_values import read_object

PAGE_SIZE = 25
MAX_RELATED_EVENTS = 20
DELIVERY_SPREAD = timedelta(minutes=1)  # events of one delivery are stored together
CHANGE_SPREAD = timedelta(seconds=10)  # entries of a timeline are written with the event's end
REFUSAL_PERIOD = timedelta(days=7)

blueprint = Blueprint("event_pages", __name__)


@blueprint.get("/admin/events")
@require_login("admin")
@reads_replica
def list_events() -> str:
    """List stored webhook events, newest first; dead letters with their causes."""
    selection, before = read_selection(), row_id_from_query("cursor")
    events: list[Event] = []
    causes: list[dict[str, Any]] = []
    own_posts: dict[PlatformKey, int] = {}
    is_slow = False
    try:
        with reading_database().transaction() as session:
            search = EventSearch(session)
            events = search.page(selection.event_filter, limit=PAGE_SIZE + 1, before=before)
            if selection.event_filter.status == "dead" and before is None:
                causes = list_causes(search, selection)
            own_posts = map_own_posts(session, events)
    except SearchTooSlow:
        is_slow = True
    page = events[:PAGE_SIZE]
    return render_template(
        "operator/events.html",
        events=[
            {**describe_row(each), "post_id": own_posts.get((each.provider, each.publish_id or ""))}
            for each in page
        ],
        causes=causes,
        is_slow=is_slow,
        selection=selection,
        query=selection.values,
        chips=selection.describe(),
        statuses=[(each, translate_text(EVENT_BADGES[each].label)) for each in EVENT_STATUSES],
        platforms=list_platform_titles(),
        newest_id=page[0].id if page and before is None else None,
        older_url=events_url(selection, cursor=page[-1].id) if len(events) > len(page) else None,
        newer_url=events_url(selection) if before else None,
    )


@blueprint.get("/admin/events/new")
@require_login("admin")
@reads_replica
def count_new_events() -> Response:
    """Say how many events have come since the newest on the page, for its script."""
    selection, newest = read_selection(), row_id_from_query("after") or 0
    count = 0
    try:
        with reading_database().transaction() as session:
            count = EventSearch(session).count_newer(selection.event_filter, than=newest)
    except SearchTooSlow:
        count = 0  # the page is as it was; the list itself says what is slow
    return answer_fragment(
        count,
        lambda: render_template(
            "operator/_new_events.html", count=count, url=events_url(selection)
        ),
    )


@blueprint.get("/admin/events/refused")
@require_login("admin")
def list_refusals() -> str:
    """List refused deliveries of the last days by reason, with samples."""
    with current_container().database.transaction() as session:
        rows = WebhookRefusals(session).list_recent(within=REFUSAL_PERIOD)
        audit.record_action(session, "webhook_refusals.read")
    refusals = [{"row": row, "sentence": refusal_sentence(row.reason)} for row in rows]
    return render_template("operator/refusals.html", refusals=refusals)


@blueprint.get("/admin/events/<int:event_id>")
@require_login("admin")
def show_event(event_id: int) -> str:
    """Show one event: its signature, what it changed, its tries and its payload."""
    with current_container().database.transaction() as session:
        event = Events(session).get(event_id)
        if event is None:
            raise NotFound(f"there is no webhook event {event_id}")
        audit.record_action(session, "webhook_event.read", subject=f"webhook_event:{event_id}")
        post = find_post(session, event)
        changes = list_changes(session, event, post)
        related = list_related(session, event)
        person = Users(session).get(event.replayed_by) if event.replayed_by else None
    return render_template(
        "operator/event.html",
        event=event,
        badge=event_badge(event),
        verdict=verdict_sentence(event),
        effect=effect_sentence(event, has_changes=bool(changes)),
        post=post,
        is_own_post=post is not None and post.user_id == current_principal().user_id,
        changes=changes,
        related=[describe_row(each) for each in related],
        replayed_by=person.email if person else event.replayed_by,
        delay=describe_delay(event),
        payload=unfold_texts(event.payload_json),
        payload_text=json.dumps(event.payload_json, indent=2, ensure_ascii=False),
        can_replay=event.processed_at is not None or event.dead_at is not None,
    )


@blueprint.get("/admin/events/<int:event_id>/discard")
@require_login("admin")
def confirm_discard(event_id: int) -> str:
    """Ask before a dead event is discarded; a dialog does it where scripts run."""
    with current_container().database.transaction() as session:
        event = Events(session).get(event_id)
        if event is None or event.dead_at is None:
            raise NotFound(f"there is no dead letter {event_id}")
        return render_template("operator/discard.html", event=event)


@blueprint.post("/admin/events/<int:event_id>/discard")
@require_login("admin")
def discard_event(event_id: int) -> Response:
    """Give up a dead event for good."""
    selection = EventFilter(ids=[event_id])
    if webhooks.discard_events(current_container().database, selection).ids:
        flash(translate_text("The event is discarded. It can still be replayed."), "good")
    else:
        flash(translate_text("Only dead letters can be discarded."), "bad")
    return redirect(url_for("event_pages.show_event", event_id=event_id))


def events_url(selection: EventSelection, **values: Any) -> str:
    """The address of the list with these filters."""
    return url_for("event_pages.list_events", **{**selection.values, **values})


def list_causes(search: EventSearch, selection: EventSelection) -> list[dict[str, Any]]:
    return [
        {
            "code": cause.code,
            "count": cause.events,
            "example": cause.example,
            "advice": cause_advice(cause.code),
            "replay_url": url_for(
                "replay_pages.prepare_replay", **{**selection.values, "code": cause.code}
            ),
            "discard_url": url_for(
                "discard_pages.prepare_discard", **{**selection.values, "code": cause.code}
            ),
        }
        for cause in search.list_dead_causes(selection.event_filter)
    ]


def map_own_posts(session: Session, events: Sequence[Event]) -> dict[PlatformKey, int]:
    """The posts of the reader that events are about; the posts of others have no page for them."""
    keys = {(event.provider, event.publish_id) for event in events if event.publish_id}
    return Posts(session).map_publications(keys, user_id=current_principal().user_id)


def describe_row(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.created_at,
        "provider": event.provider,
        "type": event.event_type,
        "subject": event.publish_id or event.account,
        "badge": event_badge(event),
        "late": event.late,
        "tries": event.attempts,
        "delay": describe_delay(event),
        "error": event.last_error,
        "can_replay": event.processed_at is not None or event.dead_at is not None,
    }


def describe_delay(event: Event) -> str:
    """How long it took from storing the event to applying it."""
    if event.processed_at is None:
        return NO_VALUE
    return format_seconds(max((event.processed_at - event.created_at).total_seconds(), 0))


def find_post(session: Session, event: Event) -> Post | None:
    """The post whose publication the event is about."""
    if not event.publish_id:
        return None
    key = (event.provider, event.publish_id)
    post_id = Posts(session).map_publications([key]).get(key)
    return None if post_id is None else session.get(Post, post_id)


def list_changes(session: Session, event: Event, post: Post | None) -> Sequence[PostEvent]:
    """The entries of the post's timeline that were written while the event was applied."""
    if post is None or event.processed_at is None:
        return []
    entries = PostEvents(session).list_for_post(post.id)
    return [
        entry
        for entry in entries
        if abs(entry.at - event.processed_at) <= CHANGE_SPREAD and entry.before != entry.after
    ]


def unfold_texts(payload: dict[str, Any]) -> dict[str, Any]:
    """The payload with texts that are JSON objects themselves read as such: platforms nest them."""
    return {
        name: (read_object(value) or value) if isinstance(value, str) else value
        for name, value in payload.items()
    }


def list_related(session: Session, event: Event) -> list[Event]:
    """Other events of the same delivery."""
    if event.correlation_id is None:
        return []
    events = Events(session).page(
        EventFilter(
            correlation_id=event.correlation_id,
            since=event.created_at - DELIVERY_SPREAD,
            until=event.created_at + DELIVERY_SPREAD,
        ),
        limit=MAX_RELATED_EVENTS + 1,
    )
    return [each for each in events if each.id != event.id][:MAX_RELATED_EVENTS]
