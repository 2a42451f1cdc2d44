"""Fixtures for logins at an Instagram sandbox of the test."""

import pytest

from tests.platforms.instagram_login_client import run_login_sandbox
from tests.support.instagram_accounts import InstagramAccounts


@pytest.fixture
def login_sandbox():
    with run_login_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def instagram(database, database_url, redis_url, login_sandbox):
    return InstagramAccounts(database, database_url, redis_url, login_sandbox)
