"""All commands of `signalpost`: those of `app.cli`, plus those that start programs."""

from app.cli.command_sources import CommandSource
from app.cli.main import cli

__all__ = ["cli"]

LOCAL_COMMANDS = {
    "up": CommandSource("local.up:up", "Start everything on this machine, and keep it running."),
    "backup": CommandSource(
        "local.backup.backup_commands:backup_group",
        "Backups of the database, made with Postgres' own programs.",
    ),
    "restore": CommandSource(
        "local.backup.restore_command:restore_command",
        "Restore the newest dump in DIR, or the one that DIR is.",
    ),
    "demo": CommandSource("local.demo:demo", "Publish on every platform's sandbox, and verify."),
}

cli.add_sources(LOCAL_COMMANDS)
