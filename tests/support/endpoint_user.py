"""A user with an endpoint on a host that is allowed to be private, as fixtures of tests/app."""

import pytest

from app.http.context import CONTAINER_KEY

ENDPOINT_URL = "https://host.example.com/hook"
ALL_SCOPES = ("accounts:read", "accounts:write", "posts:read", "posts:write")


@pytest.fixture
def app(app_factory):
    return app_factory.create_app(ENDPOINT_PRIVATE_HOSTS="on")


@pytest.fixture
def container(app):
    return app.extensions[CONTAINER_KEY]


@pytest.fixture
def alice(make_user):
    return make_user()


@pytest.fixture
def api_client(make_api_client, alice):
    return make_api_client(alice, *ALL_SCOPES)


@pytest.fixture
def endpoint_id(api_client):
    return api_client.post("/api/endpoints", json={"url": ENDPOINT_URL}).json["data"]["id"]
