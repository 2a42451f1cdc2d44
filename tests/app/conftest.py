"""Fixtures for tests over HTTP: an application on a migrated database, users, keys, browsers."""

import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient
from werkzeug.serving import make_server

from app.factory import build_container
from app.http.context import CONTAINER_KEY
from core import audit
from core.config.settings import Settings
from core.encryption_keys import generate_key
from core.identity import api_keys, passwords, users
from core.scopes import USER_SCOPES
from core.webhooks.writer import EventWriter
from platforms.secret import Secret
from tasks.wake import wake
from tests.app.cli_runner import in_process_cli, load_celery_settings
from tests.db import schema_catalog
from tests.support.app_pool import AppPool, build_app
from tests.support.row_factory import RowFactory
from tests.support.statement_cache import compiled_statements

__all__ = ["compiled_statements"]
WRITE_TIMEOUT = timedelta(seconds=20)  # long, so that a busy machine does not fail these tests
WAKE_UP_TIMEOUT = 30.0  # seconds until the thread that sends a wake-up has ended
PASSWORD = "correct horse battery"
APP_POOL = AppPool()
BASE_SETTINGS = {
    "BROKER_URL": "redis://127.0.0.1:1/0",  # nothing listens there: a lost wake-up must not matter
    "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
    "SIGNALPOST_ROLE": "web",
    "WORKER_SECRET": "the-workers-secret-word-0123456789",
    "TIKTOK_CLIENT_KEY": "key",
    "TIKTOK_CLIENT_SECRET": "client-secret",
    "TIKTOK_REDIRECT_URI": "http://127.0.0.1/api/auth/tiktok/callback",
}


@dataclass(frozen=True)
class UserCredentials:
    id: int
    email: str
    password: str = PASSWORD


@dataclass
class AppFactory:
    """Creates applications with the settings of the tests, and closes them."""

    environ: dict[str, str]
    apps: list = field(default_factory=list)

    def create_app(self, **environ):
        """Return an application with a new container; `environ` adds to the tests' settings.

        Its Flask application may have served earlier tests: see `AppPool`.
        """
        merged = {**self.environ, **environ}
        return self._add_container(APP_POOL.take(merged), merged)

    def create_extensible_app(self, **environ):
        """Return an application that has served nothing yet, so that routes can be added to it."""
        merged = {**self.environ, **environ}
        return self._add_container(build_app(merged), merged)

    def _add_container(self, app, environ):
        container = build_container(Settings.from_env(environ))
        writer = EventWriter(container.database, wake, timeout=WRITE_TIMEOUT)
        app.extensions[CONTAINER_KEY] = replace(container, event_writer=writer)
        self.apps.append(app)
        return app

    def close(self):
        for app in self.apps:
            app.extensions[CONTAINER_KEY].event_writer.close()
            app.extensions[CONTAINER_KEY].refusals.close()
            app.extensions[CONTAINER_KEY].database.dispose()
            APP_POOL.give_back(app)
        end = time.monotonic() + WAKE_UP_TIMEOUT
        # The log lines of a wake-up that is still being sent belong to this test.
        while is_wake_up_being_sent() and time.monotonic() < end:
            time.sleep(0.002)


def is_wake_up_being_sent():
    """Whether the thread that sends a wake-up runs; it is listed before it can be joined."""
    return any(thread.name == "wake-up-sender" for thread in threading.enumerate())


@pytest.fixture(scope="session", autouse=True)
def unreachable_broker():
    """Give Celery a broker that refuses connections at once."""
    load_celery_settings(
        {
            **BASE_SETTINGS,
            "DATABASE_URL": "postgresql:///none",
            "TOKEN_ENCRYPTION_KEY": generate_key(),
        }
    )


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    """Hash passwords with little work: a full hash takes 0.1 s, and a test needs two."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)


@pytest.fixture
def app_factory(database_url, redis_url):
    environ = {
        **BASE_SETTINGS,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TOKEN_ENCRYPTION_KEY": generate_key(),
    }
    audit.set_origin(audit.DEFAULT_ORIGIN)  # drop the origin of the previous test
    app_factory = AppFactory(environ)
    yield app_factory
    app_factory.close()


@pytest.fixture
def run_cli(app_factory, tmp_path):
    """Runs commands with the settings of the application."""
    return in_process_cli({**app_factory.environ, "SIGNALPOST_ROLE": "cli"}, tmp_path)


@pytest.fixture
def app(app_factory):
    return app_factory.create_app()


@pytest.fixture
def container(app):
    return app.extensions[CONTAINER_KEY]


@pytest.fixture
def factory(container):
    """Adds rows to the database of the application."""
    return RowFactory(container.database, container.services.key_ring)


@pytest.fixture
def client(app) -> FlaskClient:
    """An anonymous client."""
    return app.test_client()


@pytest.fixture
def serve_app():
    """Serves WSGI applications over real HTTP and returns their URLs."""
    with ExitStack() as servers:

        def serve(wsgi_app):
            server = make_server("127.0.0.1", 0, wsgi_app, threaded=True)
            thread = threading.Thread(target=server.serve_forever, args=(0.02,))
            thread.start()
            for end in (server.server_close, thread.join, server.shutdown):
                servers.callback(end)
            return f"http://127.0.0.1:{server.server_port}"

        yield serve


@pytest.fixture
def server_url(serve_app, app):
    return serve_app(app)


@pytest.fixture
def make_user(container):
    """Creates users with a password."""

    def make(email="alice@example.org", *, is_admin=False, password=PASSWORD):
        with container.database.transaction() as session:
            secret = Secret(password) if password else None
            row = users.create_user(session, email, password=secret, is_admin=is_admin)
        return UserCredentials(row.id, email, password)

    return make


@pytest.fixture
def make_api_key(container):
    """Creates API keys of a user, as the Bearer token."""

    def make(user, *scopes, **fields):
        with container.database.transaction() as session:
            _, key = api_keys.create_api_key(
                session, user.id, name="a program", scopes=scopes or USER_SCOPES, **fields
            )
        return key.reveal()

    return make


@pytest.fixture
def make_api_client(app, make_api_key):
    """Creates clients that send an API key of a user with every request."""

    def make(user, *scopes, **fields):
        client = app.test_client()
        key = make_api_key(user, *scopes, **fields)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    return make


class BrowserClient(FlaskClient):
    """Sends the CSRF token of its last login with every request, as our pages do."""

    csrf_token: str | None = None

    def sign_in(self, user):
        response = self.post(
            "/api/auth/login", json={"email": user.email, "password": user.password}
        )
        assert response.status_code == 200, response.text
        self.csrf_token = response.json["csrfToken"]
        self.environ_base["HTTP_X_CSRF_TOKEN"] = self.csrf_token
        return self

    def without_csrf_token(self):
        self.environ_base.pop("HTTP_X_CSRF_TOKEN")
        return self


@pytest.fixture
def make_browser(app):
    """Creates anonymous browsers."""
    return lambda: BrowserClient(app, app.response_class, use_cookies=True)


@pytest.fixture
def sign_in(make_browser, make_user):
    """Creates browsers in which the given user, or a new one, is signed in."""
    return lambda user=None: make_browser().sign_in(user or make_user())


@pytest.fixture
def signed_in_client(sign_in):
    """Alice's browser."""
    return sign_in()


@pytest.fixture
def run_sql(database_url):
    """Runs statements as the owner of the tables."""
    return lambda statement: schema_catalog.run_sql(database_url, statement)


@pytest.fixture
def admin_client(make_user, make_api_client):
    return make_api_client(make_user("root@example.org", is_admin=True), "admin")
