"""`signalpost restore`: restore a backup, and make it safe to work with."""

from datetime import UTC, datetime
from pathlib import Path

import click

from app.cli.command import DocumentedCommand
from app.cli.confirmation import YES_OPTION, require_confirmation
from app.cli.output import CommandResult, prints_results
from app.cli.progress import show_progress
from app.cli.runtime import load_command_settings
from core.config.database_url import parse_database_url
from core.config.settings import Settings
from core.recovery import RestoredData
from db.backups import TargetState, add_password, describe_target
from local.backup.backup_commands import FOLDER
from local.backup.manifest import LOGICAL, StoredBackup, find_backup
from local.backup.restoring import (
    RestoreTarget,
    check_target,
    load_removals,
    make_safe,
    restore_dump,
)

TIME_FORMATS = ("%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z")
NO_LIST = (
    "ERASURE_LIST is not set: people erased and keys revoked since the backup are back. "
    "Erase and revoke them again."
)


@click.command(
    "restore",
    cls=DocumentedCommand,
    examples=(
        "signalpost restore /backups --into postgresql://owner@127.0.0.1/signalpost --hold",
        "signalpost restore --recovered-to 2026-11-30T09:30:00Z --hold",
    ),
    failure="the database is not restored: do not start anything with it",
    fields="database snapshotAt rows? sessions removals grants heldPosts unconfirmedPosts warning?",
)
@click.argument("folder", metavar="[DIR]", type=FOLDER, required=False)
@click.option(
    "--into",
    "target_url",
    metavar="URL",
    help="The database; by default that of MIGRATION_DATABASE_URL or DATABASE_URL. Without a"
    " password in it, that of the setting is used.",
)
@click.option(
    "--hold/--no-hold",
    "should_hold",
    default=True,
    help="Hold queued posts until somebody releases them.  [default: hold]",
)
@click.option(
    "--recovered-to",
    type=click.DateTime(TIME_FORMATS),
    metavar="TIME",
    help="Postgres itself has recovered the database to this time: restore nothing, do the rest.",
)
@YES_OPTION
@prints_results
def restore_command(
    folder: Path | None,
    target_url: str | None,
    recovered_to: datetime | None,
    *,
    should_hold: bool,
    is_confirmed: bool,
) -> CommandResult:
    """Restore the newest dump in DIR, or the one that DIR is.

    Then, in one transaction: sessions end, erasures and revocations since the backup are repeated,
    platforms are consulted before a token is used, queued posts are held, and posts that were
    under way are looked for and never sent again. Asks before it replaces tables that are there.
    """
    if (folder is None) == (recovered_to is None):
        raise click.UsageError("name a folder of backups, or give --recovered-to")
    settings = load_command_settings()
    url = choose_target(settings, target_url)
    state = check_target(url)
    if recovered_to is not None:
        snapshot_at = recovered_to.astimezone(UTC)
        target = build_target(url, settings, snapshot_at, should_hold=should_hold)
        with show_progress() as report_step:
            prepared = make_safe(target, snapshot_at, report_step)
        return describe_result(target, snapshot_at.isoformat(), prepared)
    backup = find_backup(Path(str(folder)), kind=LOGICAL)
    confirm_replacement(backup, url, state, is_confirmed=is_confirmed)
    snapshot_text = backup.manifest.snapshot_at
    target = build_target(
        url, settings, datetime.fromisoformat(snapshot_text), should_hold=should_hold
    )
    with show_progress() as report_step:
        prepared = restore_dump(backup, target, state, report_step)
    return describe_result(
        target, snapshot_text, prepared, rows=sum(backup.manifest.tables.values())
    )


def choose_target(settings: Settings, given_url: str | None) -> str:
    if given_url is None:
        return settings.migration_url
    parsed = parse_database_url(given_url, settings.libpq.to_defaults())
    return add_password(parsed, settings.migration_url)


def build_target(
    url: str, settings: Settings, snapshot_at: datetime, *, should_hold: bool
) -> RestoreTarget:
    removals = load_removals(settings, snapshot_at=snapshot_at)
    return RestoreTarget(url, settings, removals, should_hold)


def confirm_replacement(
    backup: StoredBackup, url: str, state: TargetState, *, is_confirmed: bool
) -> None:
    """Errors: CommandFailed unless the target is empty or somebody agrees to lose what it has."""
    if state.tables:
        place, when = describe_target(url), backup.manifest.snapshot_at
        question = f"Delete the {len(state.tables)} tables of {place} and restore those of {when}?"
        require_confirmation(question, is_confirmed=is_confirmed)


def describe_result(
    target: RestoreTarget, snapshot_at: str, prepared: RestoredData, *, rows: int | None = None
) -> CommandResult:
    removals = {
        "keys": prepared.removals.keys,
        "users": prepared.removals.users,
        "disabledUsers": prepared.removals.disabled_users,
        "logins": prepared.removals.logins,
        "people": prepared.removals.people,
    }
    place = describe_target(target.url)
    lines = [
        f"restored {place} to {snapshot_at}",
        f"ended {prepared.sessions} sessions",
        f"repeated removals: {prepared.removals.describe()}",
        f"{prepared.grants} connections are used once their platform has confirmed them",
        f"held {prepared.held_posts} queued posts: `signalpost posts list --state HELD`",
        f"{prepared.unconfirmed_posts} posts that were under way are looked for",
    ]
    data = {
        "database": place,
        "snapshotAt": snapshot_at,
        "sessions": prepared.sessions,
        "removals": removals,
        "grants": prepared.grants,
        "heldPosts": prepared.held_posts,
        "unconfirmedPosts": prepared.unconfirmed_posts,
    }
    data |= {} if rows is None else {"rows": rows}
    if target.settings.erasure_list is None:
        lines.append(f"warning: {NO_LIST}")
        data["warning"] = NO_LIST
    return CommandResult("\n".join(lines), data)
