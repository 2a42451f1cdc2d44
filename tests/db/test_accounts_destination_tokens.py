"""Tokens of logins with several accounts: exchanged, fetched again, inspected; on the sandbox."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from core import accounts
from core.accounts.inspection import inspect_logins
from core.accounts.subscriptions import repair_subscriptions
from core.errors import NotConnected
from core.outcomes import Park, Snooze
from db.accounts.accounts import AccountStatus
from db.outbox.endpoints import Endpoint
from db.outbox.messages import OutboxMessage
from platforms.sandbox.instagram.default_people import SYSTEM_USER_CONFIGURATION
from tests.db.instagram_accounts_fixtures import instagram, login_sandbox
from tests.support.instagram_accounts import ADA, BAKERY, BAKERY_PAGE, STUDIO

__all__ = ["instagram", "login_sandbox"]  # fixtures

DAY = timedelta(days=1)


def refuse_token(instagram, token, **options):
    with instagram.database.transaction() as session:
        with pytest.raises(Snooze) as caught:
            accounts.report_refused_posting_token(session, token, **options)
        return caught.value


def test_a_post_uses_the_token_of_its_account_and_the_logins_as_a_fallback(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    services = instagram.services()
    tokens = [
        instagram.posting_token(instagram.create_post(login, account))
        for account in (BAKERY, STUDIO)
    ]
    assert tokens[0].decrypt(services) != tokens[1].decrypt(services)
    assert tokens[0].decrypt_fallback(services) == tokens[0].login.decrypt(services)
    assert tokens[0].decrypt_fallback(services) != tokens[0].decrypt(services)
    assert tokens[0].destination.external_id == BAKERY


def test_where_the_login_serves_its_account_there_is_no_fallback(instagram):
    connection = instagram.connect(BAKERY, login="instagram")
    token = instagram.posting_token(instagram.create_post(connection.account_id, BAKERY))
    services = instagram.services("instagram")
    assert token.decrypt(services) == token.login.decrypt(services)
    assert token.decrypt_fallback(services) is None


def test_a_post_for_an_account_that_is_not_chosen_waits(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    post_id = instagram.create_post(login, STUDIO)
    with pytest.raises(Park):
        instagram.posting_token(post_id)
    instagram.choose(user_id, BAKERY, STUDIO)
    assert instagram.posting_token(post_id).destination.external_id == STUDIO


def test_a_post_is_never_made_with_the_token_of_another_login(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    other = instagram.factory.create_account()
    post_id = instagram.create_post(login, BAKERY)
    instagram.update_destination(BAKERY, oauth_account_id=other)
    with pytest.raises(NotConnected):
        instagram.posting_token(post_id)


def test_a_refused_token_of_an_account_is_fetched_again_once(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    post_id = instagram.create_post(login, BAKERY, last_error="token refused by the platform")
    first = instagram.posting_token(post_id)
    before = instagram.login(login)
    assert not isinstance(refuse_token(instagram, first), Park)
    with pytest.raises(Snooze):
        instagram.posting_token(post_id)
    instagram.run_refresh(login)
    second = instagram.posting_token(post_id)
    after = instagram.login(login)
    assert second.destination.token_version == first.destination.token_version + 1
    assert after.token_version == before.token_version  # the login itself was not renewed
    assert after.due_at - after.last_refreshed_at > 40 * DAY
    assert isinstance(refuse_token(instagram, second), Park)
    row = instagram.destination(BAKERY)
    assert (row.status, row.status_cause) == ("NEEDS_RECONNECT", "access_token_invalid")
    assert instagram.login(login).status == AccountStatus.ACTIVE
    assert instagram.posting_token(instagram.create_post(login, STUDIO))


def test_an_answer_about_an_older_token_is_no_reason_to_fetch(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    post_id = instagram.create_post(login, BAKERY)
    old = instagram.posting_token(post_id)
    refuse_token(instagram, old)
    instagram.run_refresh(login)
    assert not isinstance(refuse_token(instagram, old), Park)
    assert instagram.destination(BAKERY).token_refused_at is None


def add_endpoint(instagram, user_id):
    with instagram.database.transaction() as session:
        session.add(Endpoint(user_id=user_id, url="https://host.example/hook"))


def test_a_lost_role_parks_only_the_posts_of_that_account(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    lost, kept = (instagram.create_post(login, account) for account in (BAKERY, STUDIO))
    add_endpoint(instagram, user_id)
    refuse_token(instagram, instagram.posting_token(lost))
    instagram.sandbox.raw.control(f"instagram/pages/{BAKERY_PAGE}", tasks={})
    instagram.run_refresh(login)
    row = instagram.destination(BAKERY)
    assert row.status == "NEEDS_RECONNECT"
    assert row.status_cause
    assert instagram.factory.post(lost).hold_reason == "needs_reconnect"
    assert instagram.factory.post(kept).hold_reason is None
    (notification,) = instagram.factory.load_notifications(user_id)
    assert (notification.kind, notification.payload["name"]) == ("needs_reconnect", "Ada.bakes")
    with instagram.database.transaction() as session:
        (message,) = session.scalars(select(OutboxMessage))
        data = json.loads(message.body)["data"]
    assert (message.type, message.subject) == ("account.destination_lost", f"account:{login}")
    assert (data["account_id"], data["status"]) == (login, "ACTIVE")
    assert (data["destination_id"], data["external_id"]) == (row.id, BAKERY)
    assert (data["destination_name"], data["cause"]) == ("Ada.bakes", row.status_cause)


def test_a_login_whose_token_is_dead_too_needs_a_reconnect(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    token = instagram.posting_token(instagram.create_post(login, BAKERY))
    instagram.sandbox.kill_tokens(ADA, subcode=460)
    refuse_token(instagram, token)
    instagram.run_refresh(login)
    account = instagram.login(login)
    assert (account.status, account.status_cause) == ("NEEDS_RECONNECT", "revoked")


def test_a_token_is_exchanged_ten_days_before_its_end_and_not_in_its_first_day(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    account = instagram.login(login)
    assert 48 * DAY < account.due_at - account.last_refreshed_at < 52 * DAY
    instagram.run_refresh(login)
    young = instagram.login(login)
    assert young.token_version == account.token_version
    assert 22 * DAY / 24 < young.due_at - account.last_refreshed_at < 26 * DAY / 24
    instagram.factory.update_account(login, last_refreshed_at=func.now() - 51 * DAY)
    instagram.run_refresh(login)
    renewed = instagram.login(login)
    assert renewed.token_version == account.token_version + 1
    assert renewed.expires_at - renewed.last_refreshed_at > 59 * DAY
    assert (renewed.status, renewed.refresh_started_at) == ("ACTIVE", None)


def test_an_expired_token_cannot_be_exchanged(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    instagram.factory.update_account(login, expires_at=func.now() - DAY)
    calls = len(instagram.log("fb_exchange_token"))
    instagram.run_refresh(login)
    account = instagram.login(login)
    assert (account.status, account.status_cause) == ("NEEDS_RECONNECT", "expired")
    assert len(instagram.log("fb_exchange_token")) == calls


def test_a_token_without_an_end_is_usable_and_never_due(instagram):
    environ = {"FACEBOOK_LOGIN_CONFIG_ID": SYSTEM_USER_CONFIGURATION}
    connection = instagram.connect(ADA, environ=environ, pages=[BAKERY_PAGE], accounts=[BAKERY])
    login = instagram.login(connection.account_id)
    assert (login.expires_at, login.due_at) == (None, None)
    assert login.details["renewal"] == "nothing"
    assert instagram.posting_token(instagram.create_post(login.id, BAKERY))
    with instagram.database.transaction() as session:
        (view,) = accounts.list_account_views(
            session, instagram.services(), user_id=login.user_id, provider="instagram"
        )
    assert (view.health, view.ends_at) == ("good", None)


def test_a_daily_inspection_notifies_the_owner_when_the_access_to_data_ends_soon(instagram):
    instagram.sandbox.change_settings(data_access_seconds=10 * 86_400.0)
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    assert inspect_logins(instagram.database, instagram.services()) == 1
    assert inspect_logins(instagram.database, instagram.services()) == 0
    account = instagram.login(login)
    assert account.data_access_until - account.inspected_at < 11 * DAY
    (notification,) = instagram.factory.load_notifications(user_id)
    assert notification.kind == "connection_ends_soon"


def test_a_dead_token_found_by_an_inspection_ends_in_a_needed_reconnect(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    instagram.sandbox.kill_tokens(ADA, subcode=460)
    assert inspect_logins(instagram.database, instagram.services()) == 1
    instagram.run_refresh(login)
    assert instagram.login(login).status == "NEEDS_RECONNECT"


@pytest.mark.parametrize("is_valid", [True, False])
def test_an_inspection_of_another_login_says_nothing_of_this_one(instagram, capsys, is_valid):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    before = instagram.login(login)
    fields = {"user_id": "10150000000000099", "is_valid": is_valid, "expires_at": 1_900_000_000}
    instagram.sandbox.raw.control(
        "faults", endpoint="debug_token", kind="other_values", fields=fields
    )
    assert inspect_logins(instagram.database, instagram.services()) == 1
    after = instagram.login(login)
    assert "inspection.other_account" in capsys.readouterr().out
    assert (after.status, after.expires_at) == ("ACTIVE", before.expires_at)
    assert after.due_at == before.due_at


def test_an_inspection_without_an_answer_changes_nothing(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY)
    instagram.sandbox.inject_fault("debug_token", "http_500", times=10)
    assert inspect_logins(instagram.database, instagram.services()) == 0
    assert instagram.login(login).inspected_at is None
    assert instagram.login(login).status == "ACTIVE"


def test_a_refused_subscription_is_stored_and_repaired(instagram):
    instagram.fail_next("subscribed_apps_ig", 200)
    instagram.connect_and_choose(ADA, BAKERY)
    row = instagram.destination(BAKERY)
    assert row.subscribed_at is None
    assert row.subscription_error is not None
    assert repair_subscriptions(instagram.database, instagram.services()) == 0  # checked today
    instagram.update_destination(BAKERY, subscription_checked_at=func.now() - 2 * DAY)
    assert repair_subscriptions(instagram.database, instagram.services()) == 1
    row = instagram.destination(BAKERY)
    assert (row.subscribed_at is not None, row.subscription_error) == (True, None)


def test_a_subscription_that_disappeared_is_made_again(instagram):
    instagram.connect_and_choose(ADA, BAKERY)
    instagram.sandbox.state.accounts[BAKERY].subscribed_fields.clear()
    instagram.update_destination(BAKERY, subscription_checked_at=None)
    assert repair_subscriptions(instagram.database, instagram.services()) == 1
    assert "comments" in instagram.subscribed_fields(BAKERY)
