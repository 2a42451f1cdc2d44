"""Refresh responses in odd shapes, and of another account: no tokens are lost or mixed up."""

from datetime import timedelta

import pytest

from core.health.alerts import check_alerts
from db.ops.alerts import Alerts
from platforms.base import ASSUMED_LIFETIME
from tests.db.accounts_refresh_harness import (
    REFRESHED_OPEN_ID,
    REVOKED_GRANT_RESPONSE,
    factory,
    platform_server,
    refresh_account,
    refresh_response,
    script_responses,
    services,
)
from tests.platforms.tiktok_responses import flat_response
from tests.support.row_factory import HOUR

__all__ = ["factory", "platform_server", "refresh_account", "services"]  # fixtures


def test_new_tokens_without_a_lifetime_are_stored_and_refreshed_again_soon(
    platform_server, factory, refresh_account
):
    """Thrown away, they would leave a spent refresh token, and the account would be lost."""
    account = factory.create_account(lasts=-HOUR)
    response = {
        "access_token": "act.N2",
        "refresh_token": "rft.N2",
        "open_id": REFRESHED_OPEN_ID,
        "scope": "user.info.basic",
        "token_type": "Bearer",
        "refresh_expires_in": 31_536_000,
    }
    script_responses(platform_server, flat_response(**response))
    refresh_account(account)
    after = factory.account(account)
    assert factory.decrypted_tokens(account) == ("act.N2", "rft.N2")
    assert (after.status, after.attempts, after.refresh_started_at) == ("ACTIVE", 0, None)
    assert after.expires_at - after.last_refreshed_at == ASSUMED_LIFETIME
    assert timedelta(minutes=1) < after.due_at - after.last_refreshed_at < ASSUMED_LIFETIME


def test_scopes_with_blanks_are_no_loss_of_permissions(platform_server, factory, refresh_account):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, refresh_response(scope="user.info.basic video.upload"))
    refresh_account(account)
    after = factory.account(account)
    assert after.scope == "user.info.basic,video.upload"
    assert factory.load_notifications(after.user_id) == []


def test_a_response_that_names_no_account_is_taken_as_that_of_this_one(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=-HOUR)
    script_responses(platform_server, refresh_response(open_id=None))
    refresh_account(account)
    assert factory.decrypted_tokens(account) == ("act.new", "rft.new")


@pytest.mark.alert("token_refresh_other_account")
def test_the_tokens_of_another_account_are_refused_and_the_old_ones_kept(
    platform_server, database, services, factory, refresh_account, capsys
):
    account = factory.create_account(lasts=-HOUR)
    before = factory.account(account)
    script_responses(platform_server, refresh_response(open_id="-000eve"))
    refresh_account(account)
    after = factory.account(account)
    assert factory.decrypted_tokens(account) == ("act.old", "rft.old")
    assert (after.status, after.scope, after.attempts) == ("ACTIVE", before.scope, 1)
    assert after.expires_at == before.expires_at
    assert after.due_at is not None
    assert after.last_error.startswith("other_account")
    assert "token_refresh.other_account" in capsys.readouterr().out
    check_alerts(database, services)
    with database.transaction() as session:
        assert "token_refresh_other_account" in {
            alert.name for alert in Alerts(session).list_open()
        }
    script_responses(platform_server, refresh_response())
    refresh_account(account)
    assert factory.decrypted_tokens(account) == ("act.new", "rft.new")


def test_a_refresh_token_spent_by_such_a_response_is_not_blamed_on_the_creator(
    platform_server, factory, refresh_account
):
    account = factory.create_account(lasts=HOUR)
    script_responses(platform_server, refresh_response(open_id="-000eve"))
    refresh_account(account)
    script_responses(platform_server, REVOKED_GRANT_RESPONSE)
    refresh_account(account)
    after = factory.account(account)
    assert (after.status, after.status_cause) == ("ACTIVE", "rotation_lost")
    assert factory.decrypted_tokens(account)[0] == "act.old"
