"""Fixtures of tests that call the API with the Python client, over real HTTP."""

import pytest

from signalpost_client import Client


@pytest.fixture
def app(app_factory, tmp_path):
    return app_factory.create_app(MEDIA_URL=(tmp_path / "media").as_uri())


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def pauses():
    """The seconds that the client has waited; it waits for none of them."""
    return []


@pytest.fixture
def open_client(alice, make_api_key, pauses):
    """Opens clients with Alice's key, on any URL."""
    opened = []

    def open_one(url, **options):
        client = Client(url, make_api_key(alice), sleep=pauses.append, **options)
        opened.append(client)
        return client

    yield open_one
    for client in opened:
        client.close()


@pytest.fixture
def alice_client(server_url, open_client):
    return open_client(server_url)
