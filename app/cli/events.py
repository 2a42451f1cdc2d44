"""`signalpost events`: stored webhook events of all users: replay and discard them."""

from datetime import UTC, datetime

import click

from app.cli.command import CommandGroup
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import load_container
from core import webhooks
from core.errors import Invalid
from db.webhooks.events import EventFilter, Events

ROW_IDS = click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(min=1))


@click.group("events", cls=CommandGroup)
def events_group() -> None:
    """Webhook events of the platforms, as stored."""


@events_group.command(
    "replay",
    examples=(
        "signalpost events replay 17 18",
        "signalpost events replay --dead",
        "signalpost events replay --since 2026-11-20T10:00:00",
    ),
    fields="replayed ids",
)
@ROW_IDS
@click.option("--dead", is_flag=True, help="All dead events.")
@click.option("--since", type=click.DateTime(), help="All events received since this time, in UTC.")
@prints_results
def replay_events(ids: tuple[int, ...], *, dead: bool, since: datetime | None) -> CommandResult:
    """Apply stored events again.

    They become due with all their attempts, and a worker applies them. Pending events are left as
    they are. Applying an event twice is harmless.
    """
    if not (ids or dead or since):
        raise Invalid("give event ids, --dead or --since TIME")
    selection = EventFilter(
        ids=ids or None,
        status="dead" if dead else None,
        since=since and since.replace(tzinfo=UTC),
    )
    container = load_container()
    event_ids = webhooks.replay_events(container.database, selection).ids
    container.services.wake("webhooks")
    return CommandResult(
        f"{len(event_ids)} replayed", {"replayed": len(event_ids), "ids": event_ids}
    )


@events_group.command(
    "discard",
    examples=(
        "signalpost events discard 17 18",
        "signalpost events discard --dead --code unknown_publication",
    ),
    fields="discarded ids",
)
@ROW_IDS
@click.option("--dead", is_flag=True, help="All dead events.")
@click.option("--code", help="Only those with this error code; with --dead.")
@YES_OPTION
@prints_results
def discard_events(
    ids: tuple[int, ...], *, dead: bool, code: str | None, is_confirmed: bool
) -> CommandResult:
    """Give dead events up for good.

    Events that are not dead are left as they are.
    """
    if bool(ids) == dead:
        raise Invalid("give event ids or --dead, and not both")
    if code is not None and not dead:
        raise Invalid("--code selects among all dead events: give --dead as well")
    selection = EventFilter(ids=ids or None, code=code)
    database = load_container().database
    if not is_confirmed:
        with database.transaction() as session:
            count = Events(session).count_dead(selection)
        question = f"Discard {count} dead events? They are not applied any more."
        require_confirmation(question, is_confirmed=False)
    event_ids = webhooks.discard_events(database, selection)
    return CommandResult(
        f"{len(event_ids)} discarded", {"discarded": len(event_ids), "ids": event_ids}
    )
