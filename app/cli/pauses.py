"""`signalpost pause`, `resume` and `pauses`: stop the work of a platform or a queue for a while."""

from typing import Any

import click

from app.api.pauses import serialize_pause
from app.cli.command import DocumentedCommand
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.runtime import load_container
from core.jobs import pauses
from core.jobs.pauses import MAX_REASON_CHARS, PAUSE_TARGETS

PAUSE_FIELDS = "target kind reason pausedAt"
TARGET_ARGUMENT = click.argument(
    "target", metavar="PLATFORM|QUEUE", type=click.Choice(PAUSE_TARGETS)
)


@click.command(
    "pause",
    cls=DocumentedCommand,
    examples=(
        f'signalpost pause {PAUSE_TARGETS[0]} --reason "their API answers 500"',
        'signalpost pause outbox --reason "host application moves" --yes --json',
    ),
    fields=PAUSE_FIELDS,
)
@TARGET_ARGUMENT
@click.option("--reason", required=True, metavar="TEXT", help="For whoever finds it paused.")
@YES_OPTION
@prints_results
def pause_command(target: str, *, reason: str, is_confirmed: bool) -> CommandResult:
    """Let workers take nothing of a platform or a queue.

    No process is restarted. Requests are accepted and webhooks stored; what a worker has in hand is
    finished.
    """
    reason = reason.strip()[:MAX_REASON_CHARS]
    if not reason:
        raise click.BadParameter("say why, for whoever finds it paused", param_hint="--reason")
    require_confirmation(f"Stop all work of {target}?", is_confirmed=is_confirmed)
    with load_container().database.transaction() as session:
        data = serialize_pause(pauses.pause_work(session, target, reason))
    return CommandResult(f"{target} is paused: {reason}", data)


@click.command(
    "resume",
    cls=DocumentedCommand,
    examples=(f"signalpost resume {PAUSE_TARGETS[0]}", "signalpost resume outbox --json"),
    fields=PAUSE_FIELDS,
)
@TARGET_ARGUMENT
@prints_results
def resume_command(target: str) -> CommandResult:
    """Let workers take the work of a platform or a queue again."""
    with load_container().database.transaction() as session:
        data = serialize_pause(pauses.resume_work(session, target))
    return CommandResult(f"{target} is resumed", data)


@click.command(
    "pauses",
    cls=DocumentedCommand,
    examples=("signalpost pauses", "signalpost pauses --json"),
    item_fields=PAUSE_FIELDS,
)
@prints_results
def pauses_command() -> CommandResult:
    """List what is paused, since when and why."""
    with load_container().database.transaction() as session:
        rows = [serialize_pause(each) for each in pauses.list_pauses(session)]
    return list_result(rows, [describe_pause(row) for row in rows], empty="nothing is paused")


def describe_pause(row: dict[str, Any]) -> str:
    since = f"{row['pausedAt']:%Y-%m-%d %H:%M} UTC"
    return f"{row['kind']} {row['target']} since {since}: {row['reason']}"
