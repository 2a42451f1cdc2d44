"""Options that all lists share: how many rows, and where to begin."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol

import click

from core.errors import Invalid

MAX_ROWS = 1000
LIMIT_OPTION = click.option(
    "--limit",
    type=click.IntRange(1, MAX_ROWS),
    default=25,
    show_default=True,
    help="How many at most.",
)
BEFORE_OPTION = click.option(
    "--before",
    metavar="ID",
    type=click.IntRange(min=1),
    help="Only those with smaller ids: `next` of the page before.",
)


class NumberedRow(Protocol):
    """A row with an id."""

    @property
    def id(self) -> int: ...


def next_before(rows: Sequence[NumberedRow], limit: int) -> int | None:
    """Return `--before` of the next page, where one row more than the limit was read."""
    return rows[limit - 1].id if len(rows) > limit else None


def in_utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


def format_moment(moment: datetime | None) -> str:
    """Return a time as commands print it, to the minute."""
    return "-" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def parse_batch_time(text: str) -> datetime:
    """Return the time that marks a discard, as `discard` printed it. Errors: Invalid."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Invalid("TIME has to be the time that `discard` printed") from error
