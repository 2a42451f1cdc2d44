"""`signalpost events`: find stored webhook events, replay and discard them."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from app.api.webhook_admin import serialize_webhook_event
from app.cli.command import CommandGroup
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.failure_causes import explain_slow_search
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.row_options import (
    BEFORE_OPTION,
    LIMIT_OPTION,
    format_moment,
    in_utc,
    next_before,
    parse_batch_time,
)
from app.cli.runtime import load_container
from core import audit, webhooks
from core.errors import Invalid, NotFound
from db.statement_limits import search_limits
from db.webhooks.discards import EventDiscards
from db.webhooks.events import EVENT_STATUSES, Event, EventFilter, Events
from db.webhooks.replays import EventReplays, EventSummary
from db.webhooks.search import EventSearch
from platforms.registry import PLATFORMS

ROW_IDS = click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(min=1))

SINCE_OPTION = click.option("--since", type=click.DateTime(), help="Received since then, in UTC.")
UNTIL_OPTION = click.option(
    "--until", type=click.DateTime(), help="Received before this time, in UTC."
)
PLATFORM_OPTION = click.option(
    "--platform", type=click.Choice(list(PLATFORMS)), help="Only those of this platform."
)
KIND_OPTION = click.option("--type", "kind", help="Only those of this event type.")
CODE_OPTION = click.option("--code", help="Only those with this error code.")
SELECTION_OPTIONS = (
    ROW_IDS,
    click.option("--dead", is_flag=True, help="All dead events."),
    SINCE_OPTION,
    UNTIL_OPTION,
    PLATFORM_OPTION,
    KIND_OPTION,
    CODE_OPTION,
    click.option("--dry-run", is_flag=True, help="Only count them, up to 10,000."),
)
EVENT_FIELDS = (
    "id provider eventType vendorEvent externalId publishId status late verdict secretNo signedAt "
    "retryCount errorMessage correlationId createdAt nextAttemptAt processedAt deadAt replayedAt "
    "replayedBy"
)


@click.group("events", cls=CommandGroup)
def events_group() -> None:
    """Webhook events of the platforms, as stored."""


@events_group.command(
    "list",
    examples=(
        "signalpost events list --status dead",
        "signalpost events list --code unknown_publication --since 2026-11-20 --limit 100",
        "signalpost events list --since 2026-11-20 --json",
    ),
    item_fields=EVENT_FIELDS,
    fields="next",
)
@click.option("--status", type=click.Choice(EVENT_STATUSES), help="Only those with this status.")
@PLATFORM_OPTION
@KIND_OPTION
@CODE_OPTION
@SINCE_OPTION
@UNTIL_OPTION
@LIMIT_OPTION
@BEFORE_OPTION
@prints_results
def list_events(
    *,
    platform: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    before: int | None,
    **filters: Any,
) -> CommandResult:
    """List stored events, newest first."""
    event_filter = EventFilter(
        provider=platform, since=in_utc(since), until=in_utc(until), **filters
    )
    with load_container().database.transaction() as session, explain_slow_search():
        rows = EventSearch(session).page(event_filter, limit=limit + 1, before=before)
    page = rows[:limit]
    return list_result(
        [serialize_webhook_event(event) for event in page],
        [describe_event(event) for event in page],
        empty="no events",
        next=next_before(rows, limit),
    )


def describe_event(event: Event) -> str:
    """Return one line: what it is, and what became of it."""
    error = f", {event.attempts} attempts: {event.last_error}" if event.last_error else ""
    return (
        f"event {event.id}: {event.display_status}, {event.provider} {event.event_type}, "
        f"received {format_moment(event.created_at)}{error}"
    )


@events_group.command(
    "show", examples=("signalpost events show 17",), fields=f"{EVENT_FIELDS} payload"
)
@click.argument("event_id", metavar="ID", type=click.IntRange(min=1))
@prints_results
def show_event(event_id: int) -> CommandResult:
    """Show an event with the payload that the platform sent.

    That it was read is in the audit log.
    """
    with load_container().database.transaction() as session:
        event = Events(session).get(event_id)
        if event is None:
            raise NotFound(f"there is no event {event_id}")
        audit.record_action(session, "webhook_event.read", subject=f"webhook_event:{event_id}")
    data = {**serialize_webhook_event(event), "payload": event.payload_json}
    payload = json.dumps(event.payload_json, indent=2, ensure_ascii=False)
    return CommandResult(f"{describe_event(event)}\n{payload}", data)


def add_selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options by which events are replayed and discarded."""
    for add_option in reversed(SELECTION_OPTIONS):
        command = add_option(command)
    return command


@events_group.command(
    "replay",
    examples=(
        "signalpost events replay 17 18",
        "signalpost events replay --dead --code unknown_publication",
        "signalpost events replay --since 2026-11-20T10:00:00 --dry-run",
    ),
    fields="replayed? ids? matches? capped? oldest? newest? by_type?",
)
@add_selection_options
@prints_results
def replay_events(
    ids: tuple[int, ...],
    *,
    dead: bool,
    since: datetime | None,
    dry_run: bool,
    **filters: Any,
) -> CommandResult:
    """Apply stored events again.

    They become due with all their attempts, and a worker applies them. Pending events are left as
    they are. Applying an event twice is harmless.
    """
    if not (ids or dead or since):
        raise Invalid("give event ids, --dead or --since TIME")
    status = "dead" if dead else None
    selection = build_filter(ids, status=status, since=since, **filters)
    container = load_container()
    if dry_run:
        with (
            container.database.transaction() as session,
            explain_slow_search(),
            search_limits(session),
        ):
            return summary_result(EventReplays(session).summarize(selection), "replayed")
    event_ids = webhooks.replay_events(container.database, selection).ids
    container.services.wake("webhooks")
    return CommandResult(
        f"{len(event_ids)} replayed", {"replayed": len(event_ids), "ids": event_ids}
    )


def summary_result(summary: EventSummary, verb: str) -> CommandResult:
    """Say what would be replayed or discarded."""
    count = f"{'more than ' if summary.capped else ''}{summary.matches}"
    lines = [f"{count} would be {verb}, received"]
    lines[0] += f" {format_moment(summary.oldest)} to {format_moment(summary.newest)}"
    lines += [f"  {number}  {kind}" for kind, number in summary.by_type.items()]
    return CommandResult("\n".join(lines), summary._asdict())


@events_group.command(
    "discard",
    examples=(
        "signalpost events discard 17 18",
        "signalpost events discard --dead --code unknown_publication",
        "signalpost events discard --dead --until 2026-11-20 --dry-run",
    ),
    fields="discarded? ids? discardedAt? matches? capped? oldest? newest? by_type?",
)
@add_selection_options
@YES_OPTION
@prints_results
def discard_events(
    ids: tuple[int, ...], *, dead: bool, dry_run: bool, is_confirmed: bool, **filters: Any
) -> CommandResult:
    """Give dead events up, the oldest 10,000 at most.

    Events that are not dead are left as they are. The other options select among all dead events.
    `restore` takes it back.
    """
    if bool(ids) == dead:
        raise Invalid("give event ids or --dead, and not both")
    if any(filters.values()) and not dead:
        raise Invalid("the filters select among all dead events: give --dead as well")
    selection = build_filter(ids, **filters)
    database = load_container().database
    if dry_run or not is_confirmed:
        with explain_slow_search(), database.transaction() as session, search_limits(session):
            summary = EventDiscards(session).summarize(selection)
        if dry_run:
            return summary_result(summary, "discarded")
        count = f"{'more than ' if summary.capped else ''}{summary.matches}"
        question = f"Discard {count} dead events? They are not applied any more."
        require_confirmation(question, is_confirmed=False)
    discarded = webhooks.discard_events(database, selection)
    return CommandResult(
        f"{len(discarded.ids)} discarded; take it back with"
        f" `signalpost events restore {discarded.at.isoformat()}`",
        {"discarded": len(discarded.ids), "ids": discarded.ids, "discardedAt": discarded.at},
    )


def build_filter(
    ids: tuple[int, ...],
    *,
    since: datetime | None,
    until: datetime | None,
    platform: str | None,
    **filters: Any,
) -> EventFilter:
    return EventFilter(
        ids=ids or None, provider=platform, since=in_utc(since), until=in_utc(until), **filters
    )


@events_group.command(
    "restore",
    examples=("signalpost events restore 2026-11-30T09:30:00.123456+00:00",),
    fields="restored ids",
)
@click.argument("discarded_at", metavar="TIME")
@prints_results
def restore_events(discarded_at: str) -> CommandResult:
    """Make discarded events dead letters again.

    TIME is what `discard` printed. Events that were replayed since are left as they are.
    """
    at = parse_batch_time(discarded_at)
    ids = webhooks.restore_events(load_container().database, at)
    return CommandResult(f"{len(ids)} restored", {"restored": len(ids), "ids": ids})
