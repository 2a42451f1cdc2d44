"""Fixtures: the app with a scripted TikTok server, and an API client of Alice with her account."""

import pytest

from app.http.context import CONTAINER_KEY
from tests.platforms.hostile_server import hostile_server
from tests.support.publishing_harness import PublishingHarness
from tests.support.row_factory import RowFactory


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def extra_settings():
    """Settings of the app in addition to the usual ones."""
    return {}


@pytest.fixture
def app(app_factory, platform_server, tmp_path, extra_settings):
    return app_factory.create_app(
        TIKTOK_API_BASE_URL=platform_server.url,
        TIKTOK_AUTH_BASE_URL=platform_server.url,
        MEDIA_URL=f"file://{tmp_path}/media",
        INLINE_BUDGET_SECONDS="30",
        **extra_settings,
    )


@pytest.fixture
def publisher(app, platform_server):
    container = app.extensions[CONTAINER_KEY]
    harness = PublishingHarness(
        container.database,
        container.services,
        RowFactory(container.database, container.services.key_ring),
        platform_server,
    )
    harness.accept_starts()
    return harness


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def account(publisher, alice):
    """Alice's TikTok account."""
    return publisher.factory.account(publisher.factory.create_account(alice.id))


@pytest.fixture
def api_client(make_api_client, alice):
    """A client with an API key of Alice."""
    return make_api_client(alice)


@pytest.fixture
def mallory_client(make_api_client, make_user):
    """A client of another user."""
    return make_api_client(make_user("mallory@example.org"))
