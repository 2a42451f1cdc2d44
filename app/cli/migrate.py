"""`signalpost migrate`: upgrade, remove or check the database schema. Needs only DATABASE_URL."""

from collections.abc import Callable

import click

from app.cli.output import CommandResult, prints_results
from core.config.settings import load_database_settings
from db import migrations, schema


def migrate_up(url: str) -> CommandResult:
    migrations.upgrade_schema(url)
    return migration_status(url)


def migrate_down(url: str) -> CommandResult:
    migrations.downgrade_schema(url)
    return CommandResult("all migrations are reverted", {"current": None})


def migration_status(url: str) -> CommandResult:
    """Return revision, tables and indexes; not ok if anything is missing."""
    schema_status = schema.read_schema_status(url)
    missing = "\n".join(f"missing: {name}" for name in schema_status.missing)
    revision = f"at {schema_status.current or 'no revision'} of {schema_status.head}"
    tables = "\n".join(schema_status.tables)
    summary = f"{revision}, {len(schema_status.tables)} tables, {schema_status.indexes} indexes"
    data = {
        "current": schema_status.current,
        "head": schema_status.head,
        "tables": schema_status.tables,
        "indexes": schema_status.indexes,
        "missing": schema_status.missing,
    }
    text = "\n".join(part for part in (tables, summary, missing) if part)
    return CommandResult(text, data, ok=schema_status.is_complete)


MIGRATE_ACTIONS: dict[str, Callable[[str], CommandResult]] = {
    "up": migrate_up,
    "down": migrate_down,
    "status": migration_status,
}


@click.command("migrate")
@click.argument("action", type=click.Choice(list(MIGRATE_ACTIONS)), default="up")
@prints_results
def migrate_command(action: str) -> CommandResult:
    """Upgrade the database schema, revert it, or show whether it is complete."""
    return MIGRATE_ACTIONS[action](load_database_settings().migration_url)
