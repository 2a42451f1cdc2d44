"""The house as a browser or a program meets it: on a migrated database and a Redis of its own."""

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from flask.testing import FlaskClient

from app import create_app
from app.context import HOUSE
from core import audit
from core.config.settings import Settings
from core.crypto import generate_key
from core.people import keys, passwords, users
from core.people.callers import OF_PEOPLE
from core.webhooks.inbox import Inbox
from platforms.secret import Secret
from tasks.bell import ring
from tasks.celery import app as celery
from tests.app.terminal import around

PATIENCE = timedelta(seconds=20)  # of the inbox: a busy machine is not what these tests are about
RINGING = 5.0  # seconds a bell may take
PASSWORD = "correct horse battery"
BASE = {
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
class Person:
    id: int
    email: str
    password: str = PASSWORD


@dataclass
class Stage:
    """Builds the house and the people in it."""

    environ: dict[str, str]
    built: list = field(default_factory=list)

    def house(self, **environ):
        """A Flask application; `environ` adds to the settings of the tests."""
        settings = Settings.from_env({**self.environ, **environ})
        app = create_app(settings)
        furnished = app.extensions[HOUSE]
        patient = Inbox(furnished.database, ring, patience=PATIENCE)
        app.extensions[HOUSE] = replace(furnished, inbox=patient)
        self.built.append(app)
        return app

    def close(self):
        for app in self.built:
            app.extensions[HOUSE].inbox.close()
            app.extensions[HOUSE].database.dispose()
        end = time.monotonic() + RINGING
        while is_ringing() and time.monotonic() < end:  # what it logs belongs to this test
            time.sleep(0.002)


def is_ringing():
    """Listed before it has begun, when nobody could join it yet."""
    return any(thread.name == "bell" for thread in threading.enumerate())


@pytest.fixture(scope="session", autouse=True)
def bells(tmp_path_factory):
    """This process rings as any of ours, and is refused at once: Celery asks for settings once."""
    around_it = {
        **BASE,
        "DATABASE_URL": "postgresql:///none",
        "TOKEN_ENCRYPTION_KEY": generate_key(),
    }
    with around(around_it, tmp_path_factory.mktemp("bells")):
        assert celery.conf.broker_url == BASE["BROKER_URL"]


@pytest.fixture(autouse=True)
def cheap_passwords(monkeypatch):
    """Hashed as always, with less work: a full hash is a tenth of a second, twice a test."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    monkeypatch.setattr(passwords, "HASHER", cheap)


@pytest.fixture
def stage(database_url, redis_url):
    with_stores = {
        **BASE,
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TOKEN_ENCRYPTION_KEY": generate_key(),
    }
    audit.at_work(audit.NOBODY)  # not whoever asked last in this thread
    stage = Stage(with_stores)
    yield stage
    stage.close()


@pytest.fixture
def app(stage):
    return stage.house()


@pytest.fixture
def house(app):
    return app.extensions[HOUSE]


@pytest.fixture
def client(app) -> FlaskClient:
    """A stranger."""
    return app.test_client()


@pytest.fixture
def a_user(house):
    """Makes a person with a password."""

    def make(email="alice@example.org", *, is_admin=False, password=PASSWORD):
        with house.database.transaction() as session:
            known = Secret(password) if password else None
            row = users.add(session, email, password=known, is_admin=is_admin)
        return Person(row.id, email, password)

    return make


@pytest.fixture
def an_api_key(house):
    """Makes a key of a person: what goes behind `Bearer`."""

    def make(person, *scopes, **fields):
        with house.database.transaction() as session:
            _, key = keys.make(
                session, person.id, name="a program", scopes=scopes or OF_PEOPLE, **fields
            )
        return key.reveal()

    return make


@pytest.fixture
def a_program(app, an_api_key):
    """Makes a client that shows a person's API key with every request."""

    def make(person, *scopes, **fields):
        client = app.test_client()
        key = an_api_key(person, *scopes, **fields)
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        return client

    return make


class Browser(FlaskClient):
    """Sends the CSRF token of its last login with every request, as our pages do."""

    token: str | None = None

    def sign_in(self, person):
        answer = self.post(
            "/api/auth/login", json={"email": person.email, "password": person.password}
        )
        assert answer.status_code == 200, answer.text
        self.token = answer.json["csrfToken"]
        self.environ_base["HTTP_X_CSRF_TOKEN"] = self.token
        return self

    def without_token(self):
        self.environ_base.pop("HTTP_X_CSRF_TOKEN")
        return self


@pytest.fixture
def browser(app):
    """Makes a browser with nobody signed in."""
    return lambda: Browser(app, app.response_class, use_cookies=True)


@pytest.fixture
def signed_in(browser, a_user):
    """Makes a browser in which this person, or a new one, is signed in."""
    return lambda person=None: browser().sign_in(person or a_user())


@pytest.fixture
def signed_in_client(signed_in):
    """Alice's browser."""
    return signed_in()
