"""`signalpost webhooks`: process webhook events that are due, replay or discard stored ones."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core import webhooks
from core.errors import Invalid
from db.webhooks.events import EventFilter, Events


@click.group("webhooks", invoke_without_command=True)
@ONCE_OPTION
@interval_option(60_000)
@click.pass_context
@prints_results
def webhooks_group(context: click.Context, *, once: bool, interval: int) -> Iterator[CommandResult]:
    """Process webhook events that are due, or replay stored ones (`replay`)."""
    if context.invoked_subcommand is None:
        yield from run_repeatedly(process_batch, once=once, interval=interval)


def process_batch() -> CommandResult:
    container = load_container()
    limit = container.services.settings.limits.webhook_batch_size
    report = webhooks.process_batch(container.database, container.services, limit=limit)
    applied, failed = report.recorded, report.failed
    return CommandResult(
        f"{applied} applied, {failed} failed", {"processed": applied, "failed": failed}
    )


@webhooks_group.command("replay")
@click.argument("ids", nargs=-1, type=click.IntRange(min=1))
@click.option("--dead", is_flag=True, help="All dead events.")
@click.option("--since", type=click.DateTime(), help="All events received since this time, in UTC.")
@prints_results
def replay_events(ids: tuple[int, ...], *, dead: bool, since: datetime | None) -> CommandResult:
    """Make stored events due again; pending events are left as they are."""
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


@webhooks_group.command("discard")
@click.argument("ids", nargs=-1, type=click.IntRange(min=1))
@click.option("--dead", is_flag=True, help="All dead events.")
@click.option("--code", help="Only those with this error code; with --dead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@prints_results
def discard_events(
    ids: tuple[int, ...], *, dead: bool, code: str | None, yes: bool
) -> CommandResult:
    """Give dead events up for good; events that are not dead are left as they are."""
    if bool(ids) == dead:
        raise Invalid("give event ids or --dead, and not both")
    if code is not None and not dead:
        raise Invalid("--code selects among all dead events: give --dead as well")
    selection = EventFilter(ids=ids or None, code=code)
    database = load_container().database
    if not yes:
        with database.transaction() as session:
            count = Events(session).count_dead(selection)
        click.confirm(f"Discard {count} dead events? They are not applied any more.", abort=True)
    event_ids = webhooks.discard_events(database, selection)
    return CommandResult(
        f"{len(event_ids)} discarded", {"discarded": len(event_ids), "ids": event_ids}
    )
