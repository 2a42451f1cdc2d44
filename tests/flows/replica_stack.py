"""A primary with a standby, and the web application that reads its lists from the standby."""

from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psutil

from app.factory import create_app
from app.http.context import CONTAINER_KEY
from app.http.cookies import SESSION_COOKIE
from app.http.replica_reads import READ_SOURCES
from core.config.settings import Settings
from core.encryption_keys import generate_key
from core.identity import api_keys
from core.identity.sign_in import BrowserContext, start_session
from core.observability import metrics
from core.scopes import USER_SCOPES
from db import migrations
from db.identity.users import User
from local.database_roles import APPLICATION_ROLE, OWNER_ROLE
from local.postgres import Postgres
from tests.app.cli_runner import load_celery_settings
from tests.flows.brokers import wait_until
from tests.flows.postgres_servers import ReplicaPostgres, run_statement
from tests.support.row_factory import RowFactory

DATABASE = "signalpost"
READER = "signalpost_reader"
READER_PASSWORD = "a-password-of-the-tests"
READER_DEFAULTS = f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER_ROLE} IN SCHEMA public"
READER_GRANTS = (
    f"CREATE ROLE {READER} LOGIN PASSWORD '{READER_PASSWORD}'",
    f"GRANT USAGE ON SCHEMA public TO {READER}",
    f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {READER}",
    f"{READER_DEFAULTS} GRANT SELECT ON TABLES TO {READER}",
)
"""As docs/operate/postgres.md has them."""

FLUSHED_SQL = "SELECT pg_current_wal_flush_lsn() - '0/0'"
REPLAYED_SQL = "SELECT pg_last_wal_replay_lsn() - '0/0'"


def start_primary(folder: Path) -> Postgres:
    server = Postgres(folder, fast=True).start()
    server.create_roles()
    server.create_owned_database(DATABASE)
    migrations.upgrade_schema(
        server.dsn(DATABASE, role=OWNER_ROLE),
        application_url=server.dsn(DATABASE, role=APPLICATION_ROLE),
    )
    for statement in READER_GRANTS:
        run_statement(server, statement, DATABASE)
    return server


@contextmanager
def run_standby(folder: Path, primary: Postgres):
    server = ReplicaPostgres(folder, primary).start()
    try:
        wait_until_replayed(primary, server)
        yield server
    finally:
        server.stop()


def reader_url(server: Postgres) -> str:
    return f"postgresql://{READER}:{READER_PASSWORD}@127.0.0.1:{server.port}/{DATABASE}"


@dataclass
class ReplicaApp:
    """The application, with one user who is signed in and has an API key."""

    app: object
    primary: Postgres
    user_id: int
    browser: object
    program: object
    rows: RowFactory

    @property
    def container(self):
        return self.app.extensions[CONTAINER_KEY]

    @property
    def replica(self):
        return self.container.services.replica

    def list_titles(self):
        answer = self.browser.get("/api/posts?limit=100")
        assert answer.status_code == 200, answer.text
        return [post["title"] for post in answer.json["data"]]

    def set_title(self, title):
        """Change the title of all posts, as a worker would: it is no write of the user."""
        run_statement(self.primary, f"UPDATE posts SET title = '{title}'", DATABASE)

    def forget_write(self):
        run_statement(self.primary, "UPDATE users SET wrote_at = NULL", DATABASE)

    def wait_until_used(self):
        wait_until(self.is_used, within=30, what="a replica that is up to date")

    def wait_until_left_out(self):
        wait_until(lambda: not self.is_used(), within=30, what="a replica that is left out")
        return self.replica.verdict.fault.words

    def is_used(self):
        verdict = self.replica.verdict
        return verdict is not None and verdict.fault is None

    def close(self):
        self.replica.stop()
        self.container.event_writer.close()
        self.container.refusals.close()
        self.container.database.dispose()


def open_app(primary, replica_url, *, lag="10s", **environ) -> ReplicaApp:
    """Open it with this limit. Nothing listens at its broker, nor at its Redis without another."""
    environ = {
        "DATABASE_URL": primary.dsn(DATABASE, role=APPLICATION_ROLE),
        "DATABASE_REPLICA_URL": replica_url,
        "DATABASE_REPLICA_LAG_SECONDS": lag,
        "BROKER_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
        "SIGNALPOST_ROLE": "web",
        **environ,
    }
    load_celery_settings(environ)  # those of a process that tests share
    app = create_app(Settings.from_env(environ))
    container = app.extensions[CONTAINER_KEY]
    rows = RowFactory(container.database, container.services.key_ring)
    user_id = rows.create_user()
    with container.database.transaction() as session:
        user = session.get(User, user_id)
        user.is_admin = True
        cookie = start_session(session, user, BrowserContext(timedelta(days=1))).cookie
        _, key = api_keys.create_api_key(session, user_id, name="program", scopes=USER_SCOPES)
    rows.create_post(rows.create_account(user_id), title="first")
    browser, program = app.test_client(), app.test_client()
    browser.set_cookie(SESSION_COOKIE, cookie.reveal())
    program.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key.reveal()}"
    container.services.replica.start()
    return ReplicaApp(app, primary, user_id, browser, program, rows)


def read_sources():
    """How many lists each server has answered, in this process."""
    return {source: metrics.LIST_READS.labels(source)._value.get() for source in READ_SOURCES}


@contextmanager
def counted_reads():
    """Yields a dict that holds afterwards what was answered by which server, zeros left out."""
    before, counts = read_sources(), {}
    yield counts
    after = read_sources()
    counts.update({name: after[name] - before[name] for name in READ_SOURCES})
    for name in [name for name, count in counts.items() if not count]:
        del counts[name]


def wait_until_replayed(primary, standby):
    ((position,),) = run_statement(primary, FLUSHED_SQL)
    wait_until(
        lambda: run_statement(standby, REPLAYED_SQL)[0][0] >= position, what="replay of all writes"
    )


def configure(server, name, value):
    """Set a parameter of a running server."""
    run_statement(server, f"ALTER SYSTEM SET {name} = '{value}'")
    run_statement(server, "SELECT pg_reload_conf()")
    wait_until(lambda: run_statement(server, f"SHOW {name}") == [(value,)], what=f"{name} {value}")


def signal_server(server, number):
    """Send a signal to all processes of a server."""
    parent = psutil.Process(server.pid)
    for process in [parent, *parent.children(recursive=True)]:
        process.send_signal(number)
