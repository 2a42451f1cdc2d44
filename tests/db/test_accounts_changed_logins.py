"""A changed INSTAGRAM_LOGIN: logins of the other kind are parked, never called, and resumed."""

from datetime import timedelta

import pytest
from sqlalchemy import func

from core import accounts
from core.accounts.changed_logins import check_login_flows
from core.accounts.disconnect import disconnect_account
from core.accounts.inspection import inspect_logins
from core.accounts.refresh import REFRESH_JOB_TYPE
from core.accounts.subscriptions import repair_subscriptions
from core.errors import NeedsReconnect
from core.jobs.runner import run_jobs
from core.outcomes import Park
from platforms.sandbox.instagram.default_people import SYSTEM_USER_CONFIGURATION
from tests.db.instagram_accounts_fixtures import instagram, login_sandbox
from tests.support.instagram_accounts import ADA, BAKERY, STUDIO

__all__ = ["instagram", "login_sandbox"]  # fixtures

DAY = timedelta(days=1)


def check(instagram, login):
    return check_login_flows(instagram.database, instagram.services(login))


def count_calls(instagram):
    return len(instagram.sandbox.raw.control("log")["log"])


def test_logins_of_the_other_kind_are_parked_and_their_owners_notified_once(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    post_id = instagram.create_post(login, BAKERY, due_at=func.now())
    assert [check(instagram, "instagram") for _ in range(2)] == [1, 0]
    account = instagram.login(login)
    assert (account.status, account.status_cause) == ("NEEDS_RECONNECT", "login_changed")
    assert account.access_token_encrypted is not None
    assert instagram.factory.post(post_id).hold_reason == "needs_reconnect"
    (notification,) = instagram.factory.load_notifications(user_id)
    assert (notification.kind, notification.payload["code"]) == ("needs_reconnect", "login_changed")


def test_logins_of_the_kind_in_use_are_left_alone(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    assert check(instagram, "facebook") == 0
    assert instagram.login(login).status == "ACTIVE"


@pytest.mark.parametrize("environ", [{}, {"FACEBOOK_LOGIN_CONFIG_ID": SYSTEM_USER_CONFIGURATION}])
def test_a_login_is_usable_again_when_the_setting_is_changed_back(instagram, environ):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY, environ=environ)
    post_id = instagram.create_post(login, BAKERY, due_at=func.now())
    check(instagram, "instagram")
    assert [check(instagram, "facebook") for _ in range(2)] == [1, 0]
    account, post = instagram.login(login), instagram.factory.post(post_id)
    assert (account.status, account.status_cause) == ("ACTIVE", None)
    assert (post.hold_reason, post.due_at is None) == (None, False)
    assert instagram.posting_token(post_id).decrypt(instagram.services())
    (notification,) = instagram.factory.load_notifications(user_id)
    assert notification.read_at is not None
    instagram.run_refresh(login)
    assert instagram.login(login).status == "ACTIVE"


def test_a_login_whose_tokens_have_ended_meanwhile_stays_parked(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    check(instagram, "instagram")
    instagram.factory.update_account(login, expires_at=func.now())
    assert check(instagram, "facebook") == 0
    assert instagram.login(login).status == "NEEDS_RECONNECT"


def test_a_login_that_waits_for_another_reason_is_not_resumed(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    instagram.factory.update_account(login, status="NEEDS_RECONNECT", status_cause="expired")
    assert check(instagram, "facebook") == 0
    assert instagram.login(login).status_cause == "expired"


def test_no_call_is_made_with_the_other_app_even_before_the_check(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    token = instagram.posting_token(instagram.create_post(login, BAKERY))
    instagram.update_destination(BAKERY, subscription_checked_at=func.now() - 2 * DAY)
    other, before = instagram.services("instagram"), count_calls(instagram)
    for decrypt in (token.decrypt, token.decrypt_fallback, token.login.decrypt):
        with pytest.raises(Park):
            decrypt(other)
    with pytest.raises(NeedsReconnect):
        accounts.get_or_refresh_token(instagram.database, other, login)
    inspect_logins(instagram.database, other)
    repair_subscriptions(instagram.database, other)
    disconnected = disconnect_account(
        instagram.database, other, user_id=user_id, provider="instagram"
    )
    assert not disconnected.is_revoked
    assert count_calls(instagram) == before > 0


def test_a_refresh_with_the_other_app_parks_the_login_without_a_call(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    before = count_calls(instagram)
    instagram.factory.make_account_due(login)
    run_jobs(REFRESH_JOB_TYPE, instagram.database, instagram.services("instagram"), row_id=login)
    account = instagram.login(login)
    assert (account.status, account.status_cause) == ("NEEDS_RECONNECT", "login_changed")
    assert count_calls(instagram) == before


def test_connecting_with_the_new_login_takes_the_account_over(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    check(instagram, "instagram")
    connection = instagram.connect(BAKERY, user_id, login="instagram")
    assert instagram.destination(BAKERY).oauth_account_id == connection.account_id != login
    assert check(instagram, "instagram") == 0
    assert instagram.login(connection.account_id).status == "ACTIVE"
