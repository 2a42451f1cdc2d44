"""The house as a browser or a program meets it: on a migrated database and a Redis of its own."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from app import create_app
from app.http.context import CONTAINER_KEY
from core import audit
from core.config.settings import Settings
from core.crypto import generate_key
from core.identity import api_keys, passwords, users
from core.identity.principals import USER_SCOPES
from core.webhooks.writer import EventWriter
from platforms.secret import Secret
from tasks.celery import app as celery
from tasks.notifier import wake
from tests.app.cli_runner import isolated_settings

WRITE_TIMEOUT = timedelta(
    seconds=20
)  # of the inbox: a busy machine is not what these tests are about
NOTIFIER_TIMEOUT = 5.0  # seconds a bell may take
PASSWORD = "correct horse battery"
BASE_SETTINGS = {
    "BROKER_URL": "redis://127.0.0.1:1/0",  # nobody: a lost bell must not matter here
    "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
    "SIGNALPOST_ROLE": "web",
    "WORKER_SECRET": "the-workers-secret-word-0123456789",
    "TIKTOK_CLIENT_KEY": "key",
    "TIKTOK_CLIENT_SECRET": "client-secret",
    "TIKTOK_REDIRECT_URI": "http://127.0.0.1/api/auth/tiktok/callback",
    "RATE_LIMIT_USER": "10000/1m",
    "RATE_LIMIT_ANONYMOUS": "10000/1m",
    "RATE_LIMIT_LOGIN": "10000/1m",
    "RATE_LIMIT_OAUTH": "10000/1m",
}


@dataclass(frozen=True)
class UserCredentials:
    id: int
    email: str
    password: str = PASSWORD


@dataclass
class AppFactory:
    """Builds the house and the people in it."""

    environ: dict[str, str]
    apps: list = field(default_factory=list)

    def create_app(self, **environ):
        """A Flask application; `environ` adds to the settings of the tests."""
        settings = Settings.from_env({**self.environ, **environ})
        app = create_app(settings)
        container = app.extensions[CONTAINER_KEY]
        writer = EventWriter(container.database, wake, timeout=WRITE_TIMEOUT)
        app.extensions[CONTAINER_KEY] = replace(container, event_writer=writer)
        self.apps.append(app)
        return app

    def close(self):
        for app in self.apps:
            app.extensions[CONTAINER_KEY].event_writer.close()
            app.extensions[CONTAINER_KEY].database.dispose()
        end = time.monotonic() + NOTIFIER_TIMEOUT
        while is_notifier_running() and time.monotonic() < end:  # what it logs belongs to this test
            time.sleep(0.002)


def is_notifier_running():
    """Listed before it has begun, when nobody could join it yet."""
    return any(thread.name == "notifier" for thread in threading.enumerate())


@pytest.fixture(scope="session", autouse=True)
def unreachable_broker(tmp_path_factory):
    """This process rings as any of ours, and is refused at once: Celery asks for settings once."""
    around_it = {
        **BASE_SETTINGS,
        "DATABASE_URL": "postgresql:///none",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
    }
    with isolated_settings(around_it, tmp_path_factory.mktemp("bells")):
        assert celery.conf.broker_url == BASE_SETTINGS["BROKER_URL"]


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    """Hashed as always, with less work: a full hash is a tenth of a second, twice a test."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)


@pytest.fixture
def app_factory(database_url, redis_url):
    with_stores = {
        **BASE_SETTINGS,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TOKEN_ENCRYPTION_KEY": generate_key(),
    }
    audit.set_origin(audit.DEFAULT_ORIGIN)  # not whoever asked last in this thread
    app_factory = AppFactory(with_stores)
    yield app_factory
    app_factory.close()


@pytest.fixture
def app(app_factory):
    return app_factory.create_app()


@pytest.fixture
def container(app):
    return app.extensions[CONTAINER_KEY]


@pytest.fixture
def client(app) -> FlaskClient:
    """A stranger."""
    return app.test_client()


@pytest.fixture
def make_user(container):
    """Makes a person with a password."""

    def make(email="alice@example.org", *, is_admin=False, password=PASSWORD):
        with container.database.transaction() as session:
            known = Secret(password) if password else None
            row = users.create_user(session, email, password=known, is_admin=is_admin)
        return UserCredentials(row.id, email, password)

    return make


@pytest.fixture
def make_api_key(container):
    """Makes a key of a person: what goes behind `Bearer`."""

    def make(person, *scopes, **fields):
        with container.database.transaction() as session:
            _, key = api_keys.create_api_key(
                session, person.id, name="a program", scopes=scopes or USER_SCOPES, **fields
            )
        return key.reveal()

    return make


@pytest.fixture
def make_api_client(app, make_api_key):
    """Makes a client that shows a person's API key with every request."""

    def make(person, *scopes, **fields):
        client = app.test_client()
        key = make_api_key(person, *scopes, **fields)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    return make


class BrowserClient(FlaskClient):
    """Sends the CSRF token of its last login with every request, as our pages do."""

    csrf_token: str | None = None

    def sign_in(self, person):
        response = self.post(
            "/api/auth/login", json={"email": person.email, "password": person.password}
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
    """Makes a browser with nobody signed in."""
    return lambda: BrowserClient(app, app.response_class, use_cookies=True)


@pytest.fixture
def sign_in(make_browser, make_user):
    """Makes a browser in which this person, or a new one, is signed in."""
    return lambda person=None: make_browser().sign_in(person or make_user())


@pytest.fixture
def signed_in_client(sign_in):
    """Alice's browser."""
    return sign_in()
