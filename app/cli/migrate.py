"""`signalpost migrate`: upgrade, remove or check the database schema. Needs only DATABASE_URL."""

from functools import partial
from typing import Protocol

import click

from app.cli.command import DocumentedCommand
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.failure_causes import database_failure
from app.cli.failures import CommandFailed
from app.cli.output import CommandResult, prints_results
from app.cli.progress import ReportStep, show_progress
from core.config.database_settings import DatabaseSettings
from core.config.settings import load_database_settings
from core.errors import Invalid
from db import migrations, schema
from db.session import find_database_fault

MIGRATION_SETTING = "MIGRATION_DATABASE_URL"


def migrate_up(
    settings: DatabaseSettings, *, version: str | None, is_confirmed: bool
) -> CommandResult:
    """Upgrade; nothing is destroyed, so nothing is to be confirmed."""
    with show_progress() as report_step:
        migrations.upgrade_schema(
            settings.migration_url,
            application_url=settings.database_url,
            report=partial(report_upgrade, report_step),
        )
    return migration_status(settings, version=version, is_confirmed=is_confirmed)


def migrate_down(
    settings: DatabaseSettings, *, version: str | None, is_confirmed: bool
) -> CommandResult:
    """Remove all tables, or what the migrations after `version` have added.

    An installation without users has nothing to lose: nobody has to confirm it.
    """
    url = settings.migration_url
    if version is not None:
        check_earlier_version(url, version)
    question = (
        "Delete all tables with their rows?"
        if version is None
        else f"Delete the tables and columns that came after migration {version}, with their rows?"
    )
    if schema.has_users(url):
        require_confirmation(question, is_confirmed=is_confirmed)
    with show_progress() as report_step:
        migrations.downgrade_schema(
            url, version or "base", report=partial(report_downgrade, report_step)
        )
    text = "all migrations are reverted" if version is None else f"at {version}"
    return CommandResult(text, {"current": version})


def check_earlier_version(url: str, version: str) -> None:
    """Errors: Invalid unless the schema can go down to this version."""
    current = schema.read_schema_status(url).current
    if version not in schema.list_versions() or current is None or version > current:
        earlier = [each for each in schema.list_versions() if each < (current or "")]
        known = f"{earlier[0]} to {earlier[-1]}" if earlier else "none"
        raise Invalid(f"--to must be an earlier version than {current}: {known}")


def report_upgrade(report_step: ReportStep, version: str) -> None:
    total = schema.count_versions()
    report_step(f"migration {version}", total - schema.count_versions(after=version), total)


def report_downgrade(report_step: ReportStep, version: str) -> None:
    report_step(
        f"undone {version}", schema.count_versions(after=version) + 1, schema.count_versions()
    )


def migration_status(
    settings: DatabaseSettings,
    *,
    version: str | None,  # noqa: ARG001 - the signature of all actions
    is_confirmed: bool,  # noqa: ARG001 - as `version`
) -> CommandResult:
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


class MigrateAction(Protocol):
    """What one argument of `signalpost migrate` does."""

    def __call__(
        self, settings: DatabaseSettings, *, version: str | None, is_confirmed: bool
    ) -> CommandResult: ...


MIGRATE_ACTIONS: dict[str, MigrateAction] = {
    "up": migrate_up,
    "down": migrate_down,
    "status": migration_status,
}


@click.command(
    "migrate",
    cls=DocumentedCommand,
    examples=(
        "signalpost migrate",
        "signalpost migrate status",
        "signalpost migrate down --to 0031",
        "signalpost migrate down",
    ),
    failure="a table, index or constraint is missing, or the database cannot be used",
    fields="current head? tables? indexes? missing?",
)
@click.argument("action", type=click.Choice(list(MIGRATE_ACTIONS)), default="up")
@click.option(
    "--to", "version", metavar="VERSION", help="With `down`: go down to this version only."
)
@YES_OPTION
@prints_results
def migrate_command(action: str, version: str | None, *, is_confirmed: bool) -> CommandResult:
    """Upgrade the database schema, remove it, or check it.

    `up` is safe to repeat, and needs only DATABASE_URL. `down` removes all tables with their rows,
    and asks before if there are users. Before an older release is started, `down --to` takes the
    schema back to the version that it knows.
    """
    if version is not None and action != "down":
        raise click.UsageError("--to is for `migrate down`")
    settings = load_database_settings()
    if settings.migration_database_url is None:
        return MIGRATE_ACTIONS[action](settings, version=version, is_confirmed=is_confirmed)
    try:
        return MIGRATE_ACTIONS[action](settings, version=version, is_confirmed=is_confirmed)
    except Exception as error:
        fault = find_database_fault(error)
        if fault is None:
            raise
        raise CommandFailed(database_failure(fault, setting=MIGRATION_SETTING)) from error
