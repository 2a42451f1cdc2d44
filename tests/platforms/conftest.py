"""The door, the server with bad manners, and the adapter that speaks through one to the other."""

import pytest

from platforms import registry
from platforms.base import App
from platforms.http import Http
from platforms.secret import Secret
from tests.platforms.hostile import hostile_server
from tests.platforms.visitor import a_visit


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def naps():
    return []


@pytest.fixture
def http(naps):
    door = Http(sleep=naps.append, dice=lambda: 0.5, clock=lambda: 1_000_000_000.0)
    yield door
    door.close()


@pytest.fixture
def tiktok(server):
    app = App(
        client_key="sbaw_demo",
        client_secret=Secret("secret&canary"),
        redirect_uri="https://example.com/callback",
        scopes=("user.info.basic",),
        webhook_secrets=(),
        bases={"auth": server.url, "api": server.url},
    )
    http = Http(sleep=lambda _: None)
    yield registry.build({"tiktok": app}, http)["tiktok"]
    http.close()


@pytest.fixture(scope="module")
def running_sandbox():
    with a_visit() as visitor:
        yield visitor


@pytest.fixture
def sandbox(running_sandbox):
    """The sandbox as it starts, and quick; bytes that only begin like a film will do."""
    quick = {"processing_seconds": 0.0, "moderation_seconds": 0.0, "download_seconds": 0.0}
    running_sandbox.control("settings", method="DELETE")
    running_sandbox.control("settings", strict_media=False, **quick)
    yield running_sandbox
    running_sandbox.control("faults", method="DELETE")
