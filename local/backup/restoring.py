"""Restores a dump into a database and makes it safe before any process may work with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.cli.failures import CommandFailed, CommandFailure
from app.cli.progress import ReportStep
from core.bootstrap import build_services
from core.config.settings import Settings
from core.recovery import RestoredData, prepare_restored_data
from core.removal_list import Removal, read_removals
from db import migrations
from db.backups import TargetState, count_table_rows, drop_all_tables, read_target_state
from db.session import Database
from local.backup.manifest import StoredBackup, check_dump
from local.backup.postgres_programs import connection_settings, find_program, run_program

CLOCK_TOLERANCE = timedelta(hours=1)
"""How much earlier than the backup a removal may seem to be, by another machine's clock."""

FAILED_CODE, IN_USE_CODE = "RESTORE_FAILED", "DATABASE_IN_USE"
STEPS = 4


@dataclass(frozen=True)
class RestoreTarget:
    """Where to restore to. `removals` are those since the backup; `should_hold` queued posts."""

    url: str
    settings: Settings
    removals: tuple[Removal, ...]
    should_hold: bool


def check_target(url: str) -> TargetState:
    """Errors: CommandFailed while anybody is connected: a worker would use what is not held yet."""
    state = read_target_state(url)
    if state.sessions:
        names = ", ".join(f"{name} ({number})" for name, number in state.sessions.items())
        raise CommandFailed(
            CommandFailure(
                IN_USE_CODE,
                f"others are connected to the database: {names}",
                "stop web, worker, uploads, beat and monitor of this installation, and try again",
            )
        )
    return state


def load_removals(settings: Settings, *, snapshot_at: datetime) -> tuple[Removal, ...]:
    """Read the list of erasures since the backup. Errors: CommandFailed if it cannot be read."""
    if settings.erasure_list is None:
        return ()
    try:
        return tuple(read_removals(settings.erasure_list, since=snapshot_at - CLOCK_TOLERANCE))
    except OSError as error:
        message = f"the list of erasures cannot be read: {error}"
        raise CommandFailed(CommandFailure(FAILED_CODE, message, "see ERASURE_LIST")) from error


def restore_dump(
    backup: StoredBackup, target: RestoreTarget, state: TargetState, report_step: ReportStep
) -> RestoredData:
    """Restore, compare the numbers of rows, migrate, make safe, and only then grant access.

    Errors: CommandFailed, DatabaseUnavailable. What is there after an error is no installation.
    """
    report_step("checksum", 0, STEPS)
    check_dump(backup)
    if state.tables:
        drop_all_tables(target.url)
    report_step("rows", 1, STEPS)
    run_restore(backup, target.url, state.server_version)
    compare_counts(backup.manifest.tables, count_table_rows(target.url))
    report_step("migrations", 2, STEPS)
    prepared = make_safe(target, datetime.fromisoformat(backup.manifest.snapshot_at), report_step)
    report_step("done", STEPS, STEPS)
    return prepared


def make_safe(
    target: RestoreTarget, snapshot_at: datetime, report_step: ReportStep
) -> RestoredData:
    """Migrate, do what a restored database needs, and let the application's role work with it."""
    migrations.upgrade_schema(target.url)
    report_step("sessions, keys, erasures, grants and posts", 3, STEPS)
    services = build_services(target.settings, wake=lambda _kind: None)
    database = Database(target.url, pool_size=1, application_name="signalpost restore")
    try:
        with database.transaction() as session:
            prepared = prepare_restored_data(
                session,
                services,
                snapshot_at=snapshot_at,
                removals=target.removals,
                should_hold=target.should_hold,
            )
    finally:
        database.dispose()
    migrations.upgrade_schema(target.url, application_url=target.settings.database_url)
    return prepared


def run_restore(backup: StoredBackup, url: str, server_version: int) -> None:
    """Fill the empty database in one transaction. Owner and rights are those of this role."""
    program = find_program("pg_restore", server_version=server_version)
    with connection_settings(url) as (conninfo, environment):
        run_program(
            [
                *(program.path, "--single-transaction", "--exit-on-error", "--no-owner"),
                *("--no-privileges", "--no-password", f"--dbname={conninfo}", backup.dump),
            ],
            environment,
        )


def compare_counts(expected: Mapping[str, int], present: Mapping[str, int]) -> None:
    """Errors: CommandFailed if a table has another number of rows than at the backup."""
    names = sorted({*expected, *present})
    wrong = [name for name in names if expected.get(name) != present.get(name)]
    if wrong:
        texts = [f"{name}: {present.get(name)} instead of {expected.get(name)}" for name in wrong]
        raise CommandFailed(CommandFailure(FAILED_CODE, "; ".join(texts), "use another backup"))
