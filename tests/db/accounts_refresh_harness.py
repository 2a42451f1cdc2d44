"""Fixtures for token refresh: a platform that answers by script, and accounts to refresh."""

import pytest

from core.accounts.refresh import REFRESH_JOB_TYPE
from core.jobs.runner import run_jobs
from tests.platforms.hostile_server import hostile_server, http_response, set_responses
from tests.platforms.tiktok_responses import flat_response
from tests.support.row_factory import RowFactory, make_services

REVOKED_GRANT_RESPONSE = flat_response(
    error="invalid_grant", error_description="Refresh token is invalid or expired."
)
UNAVAILABLE_RESPONSE = http_response(503, b"")
REFRESHED_OPEN_ID = "-000refreshed"


class RefreshedAccountFactory(RowFactory):
    """Its accounts have the id that `refresh_response` names; a test with several gives others."""

    def create_account(self, *args, open_id=REFRESHED_OPEN_ID, **options):
        return super().create_account(*args, open_id=open_id, **options)


def refresh_response(**fields):
    defaults = {
        "access_token": "act.new",
        "expires_in": 7200,
        "open_id": REFRESHED_OPEN_ID,
        "refresh_expires_in": 15_552_000,
        "refresh_token": "rft.new",
        "scope": "user.info.basic,video.upload",
    }
    return flat_response(**{**defaults, **fields})


def drop_responses(server):
    """From now on the platform reads the request and closes the connection without a response."""
    server.behaviours["/v2/oauth/token/"] = server.reset_connection


def script_responses(server, *script):
    server.behaviours.pop("/v2/oauth/token/", None)
    set_responses(server, *script)


def encryption_key(services):
    return dict(services.settings.encryption_keys)["1"].reveal()


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        yield server


@pytest.fixture
def services(database_url, redis_url, platform_server):
    return make_services(database_url, platform_server.url, REDIS_URL=redis_url)


@pytest.fixture
def factory(database, services):
    return RefreshedAccountFactory(database, services.key_ring)


@pytest.fixture
def refresh_account(database, services, factory):
    """A function that makes an account due and runs one refresh attempt for it."""

    def refresh(account):
        factory.make_account_due(account)
        return run_jobs(REFRESH_JOB_TYPE, database, services, row_id=account)

    return refresh
