"""`signalpost backup`: make, list and verify backups of the database."""

from pathlib import Path

import click

from app.cli.command import CommandGroup, DocumentedCommand
from app.cli.output import CommandResult, list_result, prints_results
from app.cli.progress import show_progress
from core.config.settings import load_database_settings
from local.backup.dumps import MAKERS, verify_backup
from local.backup.manifest import BASE, LOGICAL, find_backup, list_backups

DEFAULT_COMMAND = "make"
HELP_OPTIONS = ("-h", "--help")
BACKUP_FIELDS = "folder kind snapshotAt finishedAt version schema server bytes rows tables"
FOLDER = click.Path(path_type=Path, file_okay=False)
FOLDER_ARGUMENT = click.argument("folder", metavar="DIR", type=FOLDER)


class BackupGroup(CommandGroup):
    """`signalpost backup DIR` is short for `signalpost backup make DIR`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_named = args[:1] and (args[0] in self.commands or args[0] in HELP_OPTIONS)
        return super().parse_args(ctx, args if is_named or not args else [DEFAULT_COMMAND, *args])


@click.group("backup", cls=BackupGroup)
def backup_group() -> None:
    """Backups of the database, made with Postgres' own programs.

    `signalpost backup DIR` is short for `signalpost backup make DIR`.
    """


@backup_group.command(
    "make",
    cls=DocumentedCommand,
    examples=("signalpost backup make /backups", "signalpost backup make /backups --base"),
    failure="there is no backup: the database, the folder or a program cannot be used",
    fields=BACKUP_FIELDS,
)
@FOLDER_ARGUMENT
@click.option(
    "is_base", "--base", is_flag=True, help="Copy the whole server, for any later moment with WAL."
)
@click.option(
    "--from",
    "source_url",
    metavar="URL",
    help="The database, if it is not that of MIGRATION_DATABASE_URL or DATABASE_URL.",
)
@prints_results
def make_backup(folder: Path, source_url: str | None, *, is_base: bool) -> CommandResult:
    """Back up the database into a new folder in DIR.

    The folder appears when all is in it. Tokens in it are encrypted; the keys are not in it.
    """
    url = choose_url(source_url)
    with show_progress() as report_step:
        backup = MAKERS[BASE if is_base else LOGICAL](url, folder, report_step)
    return CommandResult(backup.describe(), backup.to_fields())


@backup_group.command(
    "list",
    cls=DocumentedCommand,
    examples=("signalpost backup list /backups",),
    item_fields=BACKUP_FIELDS,
)
@FOLDER_ARGUMENT
@prints_results
def list_command(folder: Path) -> CommandResult:
    """List the backups in a folder, newest first."""
    backups = list_backups(folder)
    items, lines = [each.to_fields() for each in backups], [each.describe() for each in backups]
    return list_result(items, lines, empty="no backups")


@backup_group.command(
    "verify",
    cls=DocumentedCommand,
    examples=("signalpost backup verify /backups",),
    failure="something is missing or was changed",
    fields=BACKUP_FIELDS,
)
@FOLDER_ARGUMENT
@prints_results
def verify_command(folder: Path) -> CommandResult:
    """Check a backup: its checksums and its contents.

    It is the newest in DIR, or the one that DIR is.
    """
    backup = find_backup(folder)
    verify_backup(backup)
    return CommandResult(f"complete: {backup.describe()}", backup.to_fields())


def choose_url(given_url: str | None) -> str:
    """Return the URL that was given, or that of the tables' owner in the settings."""
    return given_url or load_database_settings().migration_url
