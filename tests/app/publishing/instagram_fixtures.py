"""Fixtures: the app with an Instagram sandbox, and an API client of a user with one account."""

import pytest
from sqlalchemy import update

from app.http.context import CONTAINER_KEY
from db.accounts.accounts import Account
from tests.app.conftest import UserCredentials
from tests.platforms.instagram_publishing_client import FAST_SETTINGS, add_account
from tests.support.instagram_harness import (
    InstagramHarness,
    instagram_environ,
    run_instagram_sandbox,
)
from tests.support.row_factory import RowFactory

SCOPES = "instagram_basic,instagram_content_publish,pages_read_engagement"


@pytest.fixture(scope="module")
def instagram_sandbox():
    yield from run_instagram_sandbox()


@pytest.fixture
def instagram_app(app_factory, instagram_sandbox, tmp_path):
    return build_instagram_app(app_factory, instagram_sandbox, tmp_path)


def build_instagram_app(app_factory, instagram_sandbox, folder, **environ):
    """An application whose Instagram is the sandbox, without the faults of earlier tests."""
    raw, state = instagram_sandbox
    state.settings = FAST_SETTINGS
    state.sandbox.faults.clear()
    return app_factory.create_app(
        MEDIA_URL=f"file://{folder}/media",
        INLINE_BUDGET_SECONDS="30",
        **instagram_environ(raw.url, "facebook"),
        **environ,
    )


@pytest.fixture
def app(instagram_app):
    return instagram_app


@pytest.fixture
def instagram(app, instagram_sandbox):
    """The account of a user: what it published, its posts, its workers."""
    container, (raw, state) = app.extensions[CONTAINER_KEY], instagram_sandbox
    harness = InstagramHarness(
        container.database,
        container.services,
        RowFactory(container.database, container.services.key_ring),
        None,
    )
    harness.client = add_account(raw, state)
    harness.connect()
    grant_scopes(harness, SCOPES)
    return harness


def grant_scopes(harness, scopes):
    with harness.database.transaction() as session:
        session.execute(update(Account).values(scope=scopes))


@pytest.fixture
def instagram_client(instagram, make_api_client):
    """A client with an API key of the account's user."""
    return make_api_client(UserCredentials(instagram.account.user_id, "ada@example.org"))
