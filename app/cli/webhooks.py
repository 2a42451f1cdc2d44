"""Notices from a terminal: apply what is due beside the workers, or set events due again."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core import webhooks as inbox
from core.errors import Invalid
from db.webhooks.events import EventFilter


@click.group(invoke_without_command=True)
@ONCE_OPTION
@interval_option(60_000)
@click.pass_context
@prints_results
def webhooks(context: click.Context, *, once: bool, interval: int) -> Iterator[CommandResult]:
    """Apply stored notices that are due, or set some due again (`replay`)."""
    if context.invoked_subcommand is None:
        yield from run_repeatedly(process_batch, once=once, interval=interval)


def process_batch() -> CommandResult:
    container = load_container()
    limit = container.services.settings.limits.webhook_batch_size
    report = inbox.process_batch(container.database, container.services, limit=limit)
    applied, failed = report.recorded, report.failed
    return CommandResult(
        f"{applied} applied, {failed} failed", {"processed": applied, "failed": failed}
    )


@webhooks.command("replay")
@click.argument("ids", nargs=-1, type=click.IntRange(min=1))
@click.option("--dead", is_flag=True, help="All dead letters.")
@click.option("--since", type=click.DateTime(), help="All that arrived since then, in UTC.")
@prints_results
def replay(ids: tuple[int, ...], *, dead: bool, since: datetime | None) -> CommandResult:
    """Set events due again; those that are still pending are left alone."""
    if not (ids or dead or since):
        raise Invalid("name ids, --dead or --since")
    selection = EventFilter(
        ids=ids or None,
        status="dead" if dead else None,
        since=since and since.replace(tzinfo=UTC),
    )
    container = load_container()
    event_ids = inbox.replay_events(container.database, selection)
    container.services.wake("webhooks")
    return CommandResult(
        f"{len(event_ids)} replayed", {"replayed": len(event_ids), "ids": event_ids}
    )
