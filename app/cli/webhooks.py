"""`signalpost webhooks`: apply webhook events that are due, beside the workers."""

from collections.abc import Iterator

import click

from app.cli.command import CommandGroup
from app.cli.events import discard_events, replay_events
from app.cli.output import CommandResult, prints_results
from app.cli.runtime import ONCE_OPTION, interval_option, load_container, run_repeatedly
from core import webhooks


@click.group(
    "webhooks",
    cls=CommandGroup,
    invoke_without_command=True,
    subcommand_metavar="",
    examples=("signalpost webhooks --once", "signalpost webhooks --interval 5000"),
    fields="processed failed",
)
@ONCE_OPTION
@interval_option(60_000)
@click.pass_context
@prints_results
def webhooks_group(context: click.Context, *, once: bool, interval: int) -> Iterator[CommandResult]:
    """Apply the webhook events that are due.

    A worker of its own, beside those of Celery; it runs until SIGTERM or Ctrl-C. Stored events
    are listed, replayed and discarded with `signalpost events`.
    """
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


webhooks_group.older_commands.update(replay=replay_events, discard=discard_events)
