"""Fixtures: an HTTP client, a hostile server, the TikTok adapter, and a running sandbox."""

import pytest

from platforms.base import PlatformApp
from platforms.http import HttpClient
from platforms.registry import PLATFORMS
from platforms.secret import Secret
from tests.platforms.callback_server import run_callback_server
from tests.platforms.hostile_server import hostile_server
from tests.platforms.instagram_login_client import reset_login_sandbox, run_login_sandbox
from tests.platforms.instagram_media_host import run_media_host
from tests.platforms.instagram_publishing_client import (
    FAST_SETTINGS,
    add_account,
    run_instagram_server,
)
from tests.platforms.instagram_reading import (
    ALL_FACEBOOK_SCOPES,
    ALL_INSTAGRAM_SCOPES,
    ReadingAdapter,
)
from tests.platforms.raw_instagram_client import run_instagram_sandbox
from tests.platforms.raw_sandbox_client import run_raw_sandbox
from tests.platforms.sandbox_runners import SANDBOX_RUNNERS


@pytest.fixture
def server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def sleeps():
    return []


@pytest.fixture
def http(sleeps):
    client = HttpClient(sleep=sleeps.append, jitter=lambda: 0.5, clock=lambda: 1_000_000_000.0)
    yield client
    client.close()


@pytest.fixture
def tiktok(server):
    app = PlatformApp(
        client_key="sbaw_demo",
        client_secret=Secret("secret&canary"),
        redirect_uri="https://example.com/callback",
        scopes=("user.info.basic",),
        webhook_secrets=(),
        base_urls={"auth": server.url, "api": server.url},
    )
    http = HttpClient(sleep=lambda _: None)
    yield PLATFORMS["tiktok"].build_adapter(app, http)
    http.close()


@pytest.fixture(scope="module")
def running_sandbox():
    with run_raw_sandbox() as client:
        yield client


@pytest.fixture
def sandbox(running_sandbox):
    """The sandbox with default settings but without delays and without inspecting videos."""
    fast_settings = {"processing_seconds": 0.0, "moderation_seconds": 0.0, "download_seconds": 0.0}
    running_sandbox.control("settings", method="DELETE")
    running_sandbox.control("settings", strict_media=False, **fast_settings)
    yield running_sandbox
    running_sandbox.control("faults", method="DELETE")


@pytest.fixture(scope="module")
def media_host():
    with run_media_host() as host:
        yield host


@pytest.fixture(scope="module")
def instagram_server():
    with run_instagram_server() as server:
        yield server


@pytest.fixture
def publishing_client(instagram_server):
    """A new account in a sandbox without delays, which does not inspect videos."""
    raw, state = instagram_server
    state.settings = FAST_SETTINGS
    yield add_account(raw, state)
    state.sandbox.faults.clear()


@pytest.fixture(scope="module")
def running_instagram_sandbox():
    with run_instagram_sandbox() as client:
        yield client


@pytest.fixture
def instagram_sandbox(running_instagram_sandbox):
    """The sandbox with Meta's apps and default settings."""
    running_instagram_sandbox.control("settings", method="DELETE")
    yield running_instagram_sandbox
    running_instagram_sandbox.control("/faults", method="DELETE")


@pytest.fixture(scope="module")
def running_login_sandbox():
    with run_login_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def login_sandbox(running_login_sandbox):
    """Meta's hosts with the sandbox's default people; the app requires proofs of its secret."""
    reset_login_sandbox(running_login_sandbox)
    return running_login_sandbox


@pytest.fixture
def facebook_reader(publishing_client, http):
    """The adapter that reads comments and metrics of a new account, with Facebook Login."""
    publishing_client.grant_scopes(*ALL_FACEBOOK_SCOPES)
    return ReadingAdapter(publishing_client, "facebook", http)


@pytest.fixture
def instagram_reader(publishing_client, http):
    """The same account with Instagram Login."""
    publishing_client.grant_scopes(*ALL_INSTAGRAM_SCOPES, login="instagram")
    return ReadingAdapter(publishing_client, "instagram", http)


@pytest.fixture
def meta_receiver(instagram_sandbox):
    """A callback server; the webhook URL of the other tests is restored afterwards."""
    original = instagram_sandbox.control("settings")["webhook_url"]
    with run_callback_server() as server:
        yield server
    instagram_sandbox.control(
        "settings",
        webhook_url=original,
        instagram_webhook_url="",
        deauthorize_url="",
        data_deletion_url="",
    )


@pytest.fixture(scope="session", params=sorted(SANDBOX_RUNNERS))
def running_contract_sandbox(request):
    with SANDBOX_RUNNERS[request.param]() as sandbox:
        yield sandbox


@pytest.fixture
def contract_sandbox(running_contract_sandbox):
    """Each platform's sandbox with the adapter and profile of each of its logins."""
    running_contract_sandbox.control("log", method="DELETE")
    yield running_contract_sandbox
    running_contract_sandbox.control("faults", method="DELETE")


@pytest.fixture
def contract_account(contract_sandbox):
    """A new account, connected."""
    return contract_sandbox.connect_account()
