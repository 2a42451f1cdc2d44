"""A base backup and the archived WAL bring back what was deleted, up to any moment."""

import json
import shutil
import time
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from db import migrations
from local.commands import cli
from local.postgres import Postgres
from tests.app.cli_runner import in_process_cli
from tests.flows.brokers import wait_until
from tests.flows.postgres_servers import hand_over, temporary_folder
from tests.support.row_factory import make_environ

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(300)]

ROWS = 100
INSERT_SQL = (
    "INSERT INTO users (email) SELECT 'person' || n || '@example.org' FROM generate_series(1, %s) n"
)


class ArchivingPostgres(Postgres):
    """A server that copies each finished file of its WAL into a folder."""

    def __init__(self, folder: Path, archive: Path) -> None:
        super().__init__(folder)
        self._settings |= {
            "archive_mode": "on",
            "archive_command": f"test ! -f {archive}/%f && cp %p {archive}/%f",
        }


class RecoveringPostgres(Postgres):
    """A server whose folder is a base backup; its passwords are those of the copied server."""

    def __init__(self, folder: Path, source: Postgres) -> None:
        super().__init__(folder)
        self._source = source

    @property
    def password(self) -> str:
        return self._source.password


@pytest.fixture
def archive():
    with temporary_folder() as folder:
        (folder / "wal").mkdir()
        hand_over(folder / "wal")
        yield folder


@pytest.fixture
def primary(archive, tmp_path):
    server = ArchivingPostgres(tmp_path / "primary", archive / "wal").start()
    migrations.upgrade_schema(server.dsn())
    yield server
    server.stop()


def query(server, statement, *parameters):
    with closing(psycopg2.connect(server.dsn())) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []


def is_archived(server, name):
    ((last,),) = query(server, "SELECT last_archived_wal FROM pg_stat_archiver")
    return last is not None and last >= name


def recover(source, base, archive, at, folder):
    """Start a server on a copy of the base backup, as docs/operations.md describes it."""
    shutil.copytree(base, folder)
    with (folder / "postgresql.auto.conf").open("a") as file:
        file.write(
            f"restore_command = 'cp {archive}/wal/%f %p'\n"
            f"recovery_target_time = '{at}'\n"
            "recovery_target_action = 'promote'\n"
        )
    (folder / "recovery.signal").touch()
    return RecoveringPostgres(folder, source).start()


def test_deleted_rows_are_back_and_the_rest_of_a_restore_follows(primary, archive, tmp_path):
    assert cli  # its import adds the commands of `local`
    signalpost = in_process_cli(make_environ(primary.dsn(), "http://127.0.0.1:1"), tmp_path)
    made = json.loads(signalpost("backup", tmp_path / "backups", "--base", "--json").stdout)
    assert (made["ok"], made["kind"]) == (True, "base")
    assert signalpost("backup", "verify", tmp_path / "backups").returncode == 0
    query(primary, INSERT_SQL, ROWS)
    time.sleep(0.1)  # the moment to return to is apart from both commits
    ((at,),) = query(primary, "SELECT clock_timestamp()")
    time.sleep(0.1)
    query(primary, "DELETE FROM users")
    ((name,),) = query(primary, "SELECT pg_walfile_name(pg_current_wal_lsn())")
    query(primary, "SELECT pg_switch_wal()")
    wait_until(lambda: is_archived(primary, name), what="the archived WAL")
    primary.stop()

    recovered = recover(primary, Path(made["folder"]) / "base", archive, at, tmp_path / "recovered")
    try:
        wait_until(
            lambda: query(recovered, "SELECT pg_is_in_recovery()") == [(False,)],
            what="the end of the recovery",
        )
        assert query(recovered, "SELECT count(*) FROM users") == [(ROWS,)]
        result = signalpost(
            *("restore", "--recovered-to", at.isoformat(), "--hold", "--json"),
            DATABASE_URL=recovered.dsn(),
        )
        assert json.loads(result.stdout)["ok"], result
        assert query(recovered, "SELECT action FROM audit_log") == [("database.restored",)]
    finally:
        recovered.stop()
