"""Postgres servers of other kinds than the usual one: with TLS, and as a copy of another."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg2
import pytest

from local.ports import find_free_port
from local.postgres import Postgres
from local.user_and_folders import UnixUser
from tests.flows.brokers import BrokerServer, wait_until
from tests.support.certificate_authority import ServerCertificate

DEBIAN_PROGRAMS = Path("/usr/lib/postgresql")
ACCOUNT = "nobody"  # Postgres refuses to run as root
PASSWORD = "a-password-of-the-tests"
REPLICA_COUNT_SQL = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'"


def find_debian_programs() -> Path:
    """Return the folder of Debian's newest Postgres, which has TLS; the embedded one has none."""
    folders = sorted(DEBIAN_PROGRAMS.glob("*/bin"), key=lambda path: float(path.parent.name))
    if not folders:
        reason = "Postgres with TLS is not installed (apt-get install postgresql)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    return folders[-1]


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that the server's account owns and reaches."""
    folder = Path(tempfile.mkdtemp(prefix="signalpost-postgres-"))
    hand_over(folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def hand_over(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, ACCOUNT)


def server_account() -> str | None:
    return ACCOUNT if os.geteuid() == 0 else None


@contextmanager
def run_tls_postgres(
    folder: Path, certificate: ServerCertificate, **more_settings: object
) -> Iterator[BrokerServer]:
    """Run Debian's Postgres with this certificate and these settings. Its URL names no user and no
    database.
    """
    programs, data = find_debian_programs(), folder / "data"
    if not data.exists():
        password_file = folder / "password"
        password_file.write_text(PASSWORD)
        hand_over(password_file)
        options = ("-A", "scram-sha-256", f"--pwfile={password_file}", "--no-sync", "--locale=C")
        subprocess.run(
            [programs / "initdb", "-D", data, "-U", "app", "--encoding=UTF8", *options],
            check=True,
            capture_output=True,
            cwd="/",
            user=server_account(),
        )
    port = find_free_port()
    settings = {
        "ssl": "on",
        "ssl_cert_file": certificate.certificate_file,
        "ssl_key_file": certificate.key_file,
        "fsync": "off",
        "unix_socket_directories": "",
        **more_settings,
    }
    words = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [str(programs / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port)]
    server = BrokerServer(
        [*command, *words], port, f"127.0.0.1:{port}", folder, user=server_account()
    )
    is_ready = [programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]
    try:
        server.start()
        wait_until(lambda: subprocess.run(is_ready, check=False).returncode == 0)
        yield server
    finally:
        server.kill()


class ReplicaPostgres(Postgres):
    """A copy of another server that follows it, until it is promoted."""

    def __init__(self, folder: Path, primary: Postgres) -> None:
        super().__init__(folder, fast=True)
        self._primary = primary

    @property
    def password(self) -> str:
        """The superuser's, which is copied with all else."""
        return self._primary.password

    def create_cluster(
        self, binaries: Path, folder: str, user: UnixUser | None, descriptor: int
    ) -> None:
        source = self._primary.dsn().replace("/postgres", "/", 1)
        subprocess.run(
            [
                binaries / "pg_basebackup",
                "-D",
                folder,
                "-R",
                "-X",
                "stream",
                "-c",
                "fast",
                "-d",
                source,
            ],
            check=True,
            capture_output=True,
            cwd="/",
            pass_fds=(descriptor,),
            **(user.popen_options if user else {}),
        )


def run_statement(server: Postgres, statement: str, database: str = "postgres") -> list:
    connection = psycopg2.connect(server.dsn(database), connect_timeout=5)
    with closing(connection), connection.cursor() as cur:
        connection.autocommit = True
        cur.execute(statement)
        return cur.fetchall() if cur.description else []


def wait_for_replica(primary: Postgres) -> None:
    wait_until(
        lambda: run_statement(primary, REPLICA_COUNT_SQL) == [(1,)], what="a replica that follows"
    )
