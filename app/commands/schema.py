"""Migrations from a terminal. The only setting they need is the database's address."""

from collections.abc import Callable

import click

from app.commands.spoken import Said, spoken
from core.config.settings import database_alone
from db import schema, upgrades


def up(url: str) -> Said:
    upgrades.up(url)
    return status(url)


def down(url: str) -> Said:
    upgrades.down(url)
    return Said("everything is taken down", {"current": None})


def status(url: str) -> Said:
    """A gap of any kind is a fault."""
    found = schema.status(url)
    missing = "\n".join(f"missing: {name}" for name in found.missing)
    at = f"at {found.current or 'nothing'} of {found.head}"
    tables = "\n".join(found.tables)
    counted = f"{at}, {len(found.tables)} tables, {found.indexes} indexes"
    data = {
        "current": found.current,
        "head": found.head,
        "tables": found.tables,
        "indexes": found.indexes,
        "missing": found.missing,
    }
    text = "\n".join(part for part in (tables, counted, missing) if part)
    return Said(text, data, ok=found.complete)


ACTIONS: dict[str, Callable[[str], Said]] = {"up": up, "down": down, "status": status}


@click.command
@click.argument("action", type=click.Choice(list(ACTIONS)), default="up")
@spoken
def migrate(action: str) -> Said:
    """Bring the database's schema up or down, or say whether all of it is there."""
    return ACTIONS[action](database_alone())
