"""`signalpost migrate`: upgrade, remove or check the database schema. Needs only DATABASE_URL."""

from collections.abc import Callable

import click

from app.cli.command import DocumentedCommand
from app.cli.failures import CommandFailed, database_failure
from app.cli.output import CommandResult, prints_results
from core.config.database_settings import DatabaseSettings
from core.config.settings import load_database_settings
from db import migrations, schema
from db.session import find_database_fault

MIGRATION_SETTING = "MIGRATION_DATABASE_URL"


def migrate_up(settings: DatabaseSettings) -> CommandResult:
    migrations.upgrade_schema(settings.migration_url, application_url=settings.database_url)
    return migration_status(settings)


def migrate_down(settings: DatabaseSettings) -> CommandResult:
    migrations.downgrade_schema(settings.migration_url)
    return CommandResult("all migrations are reverted", {"current": None})


def migration_status(settings: DatabaseSettings) -> CommandResult:
    """Return revision, tables and indexes; not ok if anything is missing."""
    schema_status = schema.read_schema_status(settings.migration_url)
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


MIGRATE_ACTIONS: dict[str, Callable[[DatabaseSettings], CommandResult]] = {
    "up": migrate_up,
    "down": migrate_down,
    "status": migration_status,
}


@click.command(
    "migrate",
    cls=DocumentedCommand,
    examples=("signalpost migrate", "signalpost migrate status", "signalpost migrate down"),
    failure="a table, index or constraint is missing, or the database cannot be used",
    fields="current head? tables? indexes? missing?",
)
@click.argument("action", type=click.Choice(list(MIGRATE_ACTIONS)), default="up")
@prints_results
def migrate_command(action: str) -> CommandResult:
    """Upgrade the database schema, remove it, or check it.

    `up` is safe to repeat, and needs only DATABASE_URL. `down` removes all tables with their rows.
    """
    settings = load_database_settings()
    if settings.migration_database_url is None:
        return MIGRATE_ACTIONS[action](settings)
    try:
        return MIGRATE_ACTIONS[action](settings)
    except Exception as error:
        fault = find_database_fault(error)
        if fault is None:
            raise
        raise CommandFailed(database_failure(fault, setting=MIGRATION_SETTING)) from error
