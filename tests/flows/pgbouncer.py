"""Runs Debian's PgBouncer on loopback in transaction mode, with its own defaults otherwise."""

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from local.ports import find_free_port
from tests.flows.brokers import BrokerServer

PGBOUNCER_COMMAND = Path("/usr/sbin/pgbouncer")
ACCOUNT = "nobody"  # PgBouncer refuses to run as root

CONFIGURATION = """
[databases]
{databases}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
admin_users = {admin}
"""


def require_pgbouncer() -> None:
    if not PGBOUNCER_COMMAND.exists():
        reason = "PgBouncer is not installed (apt-get install pgbouncer)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)


@contextmanager
def run_pgbouncer(
    server_port: int, users: Mapping[str, str], **databases: str
) -> Iterator[BrokerServer]:
    """Run PgBouncer in front of the server; `server.url` has no user and no database.

    Shapes: `users` are names and passwords; `databases` names and those of the server.
    """
    require_pgbouncer()
    folder, port = Path(tempfile.mkdtemp(prefix="signalpost-pgbouncer-")), find_free_port()
    lines = [
        f"{name} = host=127.0.0.1 port={server_port} dbname={target}"
        for name, target in databases.items()
    ]
    configuration = CONFIGURATION.format(
        databases="\n".join(lines), port=port, folder=folder, admin=next(iter(users))
    )
    (folder / "pgbouncer.ini").write_text(configuration)
    passwords = [f'"{name}" "{password}"\n' for name, password in users.items()]
    (folder / "users").write_text("".join(passwords))
    user = ACCOUNT if os.geteuid() == 0 else None
    if user:
        for path in (folder, *folder.iterdir()):
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    server = BrokerServer(
        [str(PGBOUNCER_COMMAND), str(folder / "pgbouncer.ini")],
        port,
        f"127.0.0.1:{port}",
        folder,
        user=user,
    )
    try:
        yield server.start()
    finally:
        server.kill()
        shutil.rmtree(folder, ignore_errors=True)
