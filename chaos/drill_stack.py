"""The installation in which operators practise: `python -m chaos.drill_stack`, until Ctrl-C.

`signalpost up --sandbox` on two Postgres servers, one of which follows the other. Notices of alerts
are written to `notices.txt`. Everything is in the folder `drills`; `stack.json` there says where.
"""

import json
import shlex
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import psutil

from chaos.drill_causes import return_media_disk
from local.database_roles import APPLICATION_ROLE, OWNER_ROLE
from local.postgres import Postgres, find_binaries
from local.stack import DATABASE_NAME
from local.stack_settings import EXPORTS_FILE, write_private_file
from local.user_and_folders import find_unprivileged_user
from tests.flows.brokers import wait_until
from tests.flows.postgres_servers import ReplicaPostgres, run_statement, wait_for_replica
from tests.flows.stacks import RunningStack, run_stack

DEFAULT_FOLDER = Path("drills")
CHECK_SECONDS = 2
"""Between two judgements of the alert conditions, instead of 60."""

MANY_SIGN_INS = "1000/1m"
"""The limit of sign-ins and connections: one user connects all creators of a drill."""

WAIT_FOR_STANDBY = (
    "ALTER SYSTEM SET synchronous_standby_names = '*'",
    "SELECT pg_reload_conf()",
)
IS_SYNCHRONOUS = "SELECT sync_state FROM pg_stat_replication"


@contextmanager
def run_drill_stack(folder: Path, **settings: str) -> Iterator[Any]:
    """Start everything below `folder` and yield the `RunningStack`; `settings` are further ones."""
    folder = folder.resolve()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as exits:
        primary, standby = exits.enter_context(run_servers(folder))
        notices = exits.enter_context(write_notices(folder / "notices.txt"))
        environment = {
            "DATABASE_URL": two_server_url(primary, standby, APPLICATION_ROLE),
            "MIGRATION_DATABASE_URL": two_server_url(primary, standby, OWNER_ROLE),
            "ALERT_CHECK_INTERVAL": str(CHECK_SECONDS),
            "ALERT_WEBHOOK_URL": notices,
            **dict.fromkeys(("RATE_LIMIT_OAUTH", "RATE_LIMIT_LOGIN"), MANY_SIGN_INS),
        }
        stack = exits.enter_context(run_stack(folder, **environment, **settings))
        stack.info |= {
            "up_pid": stack.process.pid,
            "primary_pid": primary.pid,
            "standby": standby.dsn(),
        }
        write_private_file(folder / "stack.json", json.dumps(stack.info))
        exits.callback(return_media_disk, stack)  # nothing stays mounted
        yield stack


@contextmanager
def run_servers(folder: Path) -> Iterator[tuple[Postgres, Postgres]]:
    """Run a primary, and a standby for which its commits wait."""
    with ExitStack() as exits:
        primary = Postgres(folder / "primary", fast=True).start()
        exits.callback(primary.stop)
        primary.create_roles()
        primary.create_owned_database(DATABASE_NAME)
        standby = ReplicaPostgres(folder / "standby", primary).start()
        exits.callback(standby.stop)
        wait_for_replica(primary)
        for statement in WAIT_FOR_STANDBY:
            run_statement(primary, statement)
        wait_until(
            lambda: run_statement(primary, IS_SYNCHRONOUS) == [("sync",)],
            what="a synchronous standby",
        )
        yield primary, standby


def two_server_url(primary: Postgres, standby: Postgres, role: str) -> str:
    """Return a URL that leads to whichever of the two accepts writes."""
    url = primary.dsn(DATABASE_NAME, role=role)
    both = url.replace(f":{primary.port}/", f":{primary.port},127.0.0.1:{standby.port}/")
    return f"{both}?target_session_attrs=read-write"


class NoticeWriter(BaseHTTPRequestHandler):
    """Writes a line for each notice, as a chat would show it."""

    def __init__(self, path: Path, *arguments: Any) -> None:
        self._path = path
        super().__init__(*arguments)

    def do_POST(self) -> None:
        notice = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{notice['kind']} {notice['alert']['name']}\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_arguments: Any) -> None:
        """Nothing of the server's own: the notices are the log."""


@contextmanager
def write_notices(path: Path) -> Iterator[str]:
    """Receive notices and write them to the file; yield the address to send them to."""
    path.write_text("", encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(NoticeWriter, path))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()


def open_drill_stack(folder: Path) -> Any:
    """Return the installation that runs in the folder. Errors: ClickException if none does."""
    path = folder.resolve() / "stack.json"
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
        process: Any = psutil.Process(info["up_pid"])
    except (FileNotFoundError, psutil.NoSuchProcess):
        raise click.ClickException(
            f"no installation runs in {path.parent}; start one: python -m chaos.drill_stack &"
        ) from None
    return RunningStack(process, path.parent, info)


def list_settings(stack: Any) -> dict[str, str]:
    """What the commands on the page of incidents need in their environment."""
    words = shlex.split((stack.folder / "data" / EXPORTS_FILE).read_text(encoding="utf-8"))
    return {
        **dict(word.split("=", 1) for word in words if word != "export"),
        "MIGRATION_DATABASE_URL": stack.info["database"],
        "DRILLS": str(stack.folder),
        "STANDBY_URL": stack.info["standby"],
        "PSQL": str(find_binaries(find_unprivileged_user()) / "psql"),
    }


def print_exports(settings: dict[str, str]) -> None:
    print("export", *(f"{name}={shlex.quote(value)}" for name, value in settings.items()))


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), default=DEFAULT_FOLDER)
def main(*, folder: Path) -> None:
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with run_drill_stack(folder) as stack:
        print(f"ready: {stack.info['web']}", flush=True)
        stopped.wait()


if __name__ == "__main__":
    main()
