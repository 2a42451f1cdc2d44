"""Notices from a terminal: apply what is due beside the workers, or set events due again."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from app.commands.around import ONCE, every, house, repeated
from app.commands.spoken import Said, spoken
from core import webhooks as inbox
from core.errors import Invalid
from db.webhooks import Wanted


@click.group(invoke_without_command=True)
@ONCE
@every(60_000)
@click.pass_context
@spoken
def webhooks(context: click.Context, *, once: bool, interval: int) -> Iterator[Said]:
    """Apply stored notices that are due, or set some due again (`replay`)."""
    if context.invoked_subcommand is None:
        yield from repeated(batch, once=once, interval=interval)


def batch() -> Said:
    around = house()
    limit = around.world.settings.limits.webhook_batch
    report = inbox.process(around.database, around.world, limit=limit)
    done, failed = report.recorded, report.failed
    return Said(f"{done} applied, {failed} failed", {"processed": done, "failed": failed})


@webhooks.command("replay")
@click.argument("ids", nargs=-1, type=click.IntRange(min=1))
@click.option("--dead", is_flag=True, help="All dead letters.")
@click.option("--since", type=click.DateTime(), help="All that arrived since then, in UTC.")
@spoken
def replay(ids: tuple[int, ...], *, dead: bool, since: datetime | None) -> Said:
    """Set events due again; those that are still pending are left alone."""
    if not (ids or dead or since):
        raise Invalid("name ids, --dead or --since")
    wanted = Wanted(
        ids=ids or None,
        status="dead" if dead else None,
        since=since and since.replace(tzinfo=UTC),
    )
    around = house()
    replayed = inbox.replay(around.database, wanted)
    around.world.ring("webhooks")
    return Said(f"{len(replayed)} replayed", {"replayed": len(replayed), "ids": replayed})
