"""Logins that open several accounts: stored, chosen, taken over, disconnected; on the sandbox."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func

from core import accounts
from core.accounts import grant_lifecycle
from core.accounts.key_rotation import rotate_keys
from core.errors import Conflict, Invalid, NotFound, OperationFailed
from db.accounts.accounts import Accounts
from db.records.instagram_tables import IgMedia
from tests.db.instagram_accounts_fixtures import instagram, login_sandbox
from tests.support.instagram_accounts import (
    ADA,
    BAKERY,
    BAKERY_PAGE,
    GARDEN,
    GRACE,
    LINUS,
    STUDIO,
    STUDIO_PAGE,
)

__all__ = ["instagram", "login_sandbox"]  # fixtures


def test_the_only_account_is_chosen_subscribed_and_stored_with_its_own_token(instagram):
    connection = instagram.connect(ADA, pages=[BAKERY_PAGE], accounts=[BAKERY])
    assert connection.needs_choice is False
    login = instagram.login(connection.account_id)
    assert (login.open_id, login.details["display_name"]) == (ADA, "Ada")
    assert login.details["renewal"] == "exchange"
    assert "instagram_content_publish" in login.scope.split(",")
    row = instagram.destination(BAKERY)
    assert (row.oauth_account_id, row.page_id, row.username) == (login.id, BAKERY_PAGE, "ada.bakes")
    assert (row.selected, row.status, row.access_level) == (True, "ACTIVE", "FULL")
    assert (row.subscribed_at is not None, row.subscription_error) == (True, None)
    assert "EAA" not in row.page_access_token_encrypted


def test_nothing_is_posted_to_until_its_owner_has_chosen_among_several_accounts(instagram):
    user_id = instagram.factory.create_user()
    connection = instagram.connect(ADA, user_id)
    assert connection.needs_choice is True
    assert {row.ig_business_id: row.selected for row in instagram.destinations()} == {
        BAKERY: False,
        STUDIO: False,
    }
    instagram.choose(user_id, STUDIO)
    assert instagram.destination(STUDIO).selected
    assert instagram.destination(STUDIO).subscribed_at is not None
    assert "comments" in instagram.subscribed_fields(STUDIO)
    assert not instagram.destination(BAKERY).selected
    assert instagram.destination(BAKERY).subscription_checked_at is None
    instagram.choose(user_id, BAKERY)
    assert not instagram.destination(STUDIO).selected
    assert instagram.subscribed_fields(STUDIO) == ()


def test_an_account_that_cannot_be_used_is_stored_with_its_reason_and_cannot_be_chosen(instagram):
    user_id = instagram.factory.create_user()
    instagram.connect(GRACE, user_id)
    row = instagram.destination(GARDEN)
    assert (row.status, row.status_cause, row.selected) == ("BLOCKED", "page_task_missing", False)
    assert row.access_level == "READ_ONLY"
    with pytest.raises(Invalid) as caught:
        instagram.choose(user_id, GARDEN)
    assert caught.value.details == {"accountIds": [row.id]}


@pytest.mark.parametrize(
    ("who", "choice", "code"),
    [
        (LINUS, {}, "no_business_account"),
        (ADA, {"scopes": ["public_profile", "pages_show_list"]}, "invalid_scope"),
    ],
)
def test_a_login_that_opens_nothing_is_refused_and_not_stored(instagram, who, choice, code):
    with pytest.raises(OperationFailed) as caught:
        instagram.connect(who, **choice)
    assert caught.value.code == code
    assert instagram.logins() == []


def test_a_permission_left_unticked_limits_the_account_and_is_reported(instagram):
    scopes = ["instagram_basic", "pages_show_list", "pages_read_engagement"]
    user_id = instagram.factory.create_user()
    instagram.connect(ADA, user_id, scopes=scopes, pages=[BAKERY_PAGE], accounts=[BAKERY])
    assert instagram.destination(BAKERY).access_level == "LIMITED"
    (notification,) = instagram.factory.load_notifications(user_id)
    assert notification.kind == "permissions_missing"
    assert "instagram_content_publish" in notification.payload["why"]


def test_the_accounts_of_another_user_cannot_be_chosen(instagram):
    instagram.connect_and_choose(ADA, BAKERY)
    other_user = instagram.factory.create_user()
    with pytest.raises(NotFound):
        instagram.choose(other_user, BAKERY)


def test_a_person_is_connected_by_one_user_only(instagram):
    instagram.connect_and_choose(ADA, BAKERY)
    with pytest.raises(Conflict) as caught:
        instagram.connect(ADA)
    assert caught.value.code == "account_already_connected"


def test_an_account_is_connected_by_one_user_only_whichever_login_it_is_reached_by(instagram):
    instagram.connect_and_choose(ADA, BAKERY)
    with pytest.raises(Conflict) as caught:
        instagram.connect(BAKERY, login="instagram")
    assert caught.value.code == "account_already_connected"
    assert len(instagram.logins()) == 1


def test_an_account_that_nobody_has_chosen_goes_to_the_user_who_connects_it(instagram):
    instagram.connect_and_choose(ADA, BAKERY)
    second = instagram.factory.create_user()
    instagram.connect(STUDIO, second, login="instagram")
    row = instagram.destination(STUDIO)
    assert (row.user_id, row.selected, row.login_flavour) == (second, True, "instagram")
    assert row.page_access_token_encrypted is None


def test_an_account_taken_by_another_user_is_listed_as_unavailable_beside_the_free_ones(instagram):
    other = instagram.factory.create_user()
    instagram.connect(STUDIO, other, login="instagram")
    connection = instagram.connect(ADA)
    assert instagram.destination(STUDIO).user_id == other
    assert instagram.destination(BAKERY).selected
    (unavailable,) = instagram.login(connection.account_id).details["unavailable_destinations"]
    assert unavailable["external_id"] == STUDIO
    assert unavailable["reason"] == "account_already_connected"


def test_what_was_stored_for_the_former_owner_is_deleted_when_an_account_changes_hands(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    row = instagram.destination(BAKERY)
    with instagram.database.transaction() as session:
        session.add(IgMedia(instagram_account_id=row.id, ig_id="1789", media_type="IMAGE"))
    accounts.disconnect_account(
        instagram.database, instagram.services(), user_id=user_id, provider="instagram"
    )
    with instagram.database.transaction() as session:
        assert session.query(IgMedia).count() == 1  # kept for the former owner
    second = instagram.factory.create_user()
    instagram.connect(BAKERY, second, login="instagram")
    with instagram.database.transaction() as session:
        assert session.query(IgMedia).count() == 0
    assert instagram.destination(BAKERY).user_id == second
    assert instagram.login(login).status == "DISCONNECTED"


def test_a_reconnect_updates_the_rows_in_place_and_keeps_the_choice(instagram):
    _, user_id = instagram.connect_and_choose(ADA, BAKERY)
    before = instagram.destination(BAKERY)
    instagram.update_destination(BAKERY, status="NEEDS_RECONNECT", token_refused_at=func.now())
    connection = instagram.connect(ADA, user_id)
    after = instagram.destination(BAKERY)
    assert connection.needs_choice is False
    assert (after.id, after.selected, after.status) == (before.id, True, "ACTIVE")
    assert after.token_version == before.token_version + 1
    assert after.token_refused_at is None
    assert not instagram.destination(STUDIO).selected


def test_an_account_that_is_missing_from_a_later_answer_is_kept(instagram):
    _, user_id = instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    instagram.sandbox.change_settings(me_accounts="partial", target_ids=False)
    instagram.connect(ADA, user_id)
    row = instagram.destination(STUDIO)
    assert (row.selected, row.status, row.disconnected_at) == (True, "ACTIVE", None)
    assert row.page_access_token_encrypted is not None


def test_a_disconnect_clears_every_token_ends_the_subscriptions_and_keeps_the_choice(instagram):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    result = accounts.disconnect_account(
        instagram.database, instagram.services(), user_id=user_id, provider="instagram"
    )
    assert result.is_revoked
    assert instagram.login(login).access_token_encrypted is None
    assert [row.page_access_token_encrypted for row in instagram.destinations()] == [None, None]
    assert all(row.disconnected_at is not None for row in instagram.destinations())
    assert instagram.subscribed_fields(BAKERY) == ()
    instagram.connect(ADA, user_id)
    assert instagram.destination(BAKERY).selected
    assert instagram.destination(BAKERY).disconnected_at is None


def test_an_erasure_deletes_the_accounts_with_their_media(instagram):
    _, user_id = instagram.connect_and_choose(ADA, BAKERY)
    accounts.disconnect_account(
        instagram.database, instagram.services(), user_id=user_id, provider="instagram", erase=True
    )
    assert instagram.destinations() == []


def test_a_login_is_found_by_every_id_that_the_platform_uses_for_it(instagram):
    connection = instagram.connect(BAKERY, login="instagram")
    login = instagram.login(connection.account_id)
    assert login.open_id == BAKERY
    (alias,) = login.aliases
    with instagram.database.transaction() as session:
        for external_id in (BAKERY, alias):
            found = Accounts(session).list_by_any_id("instagram", external_id)
            assert [account.id for account in found] == [login.id]
        assert Accounts(session).list_by_any_id("instagram", "1") == []
        assert Accounts(session).list_by_any_id("tiktok", BAKERY) == []


def test_a_taken_over_account_moves_its_unfinished_posts_to_the_new_login_of_the_same_user(
    instagram,
):
    login, user_id = instagram.connect_and_choose(ADA, BAKERY)
    post_id = instagram.create_post(login, BAKERY)
    published = instagram.create_post(login, BAKERY, state="PUBLISHED")
    connection = instagram.connect(BAKERY, user_id, login="instagram")
    assert instagram.factory.post(post_id).oauth_account_id == connection.account_id
    assert instagram.factory.post(published).oauth_account_id == login


def test_a_key_rotation_covers_the_tokens_of_destinations(instagram):
    instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    columns = []
    counts = rotate_keys(
        instagram.database,
        instagram.services(),
        dry_run=True,
        report=lambda column, counts: columns.append((column, counts.values_by_key.total())),
    )
    by_column = dict(columns)
    assert "instagram_accounts.page_access_token_encrypted" in by_column
    assert counts.values_by_key.total() == 3  # the login's and two Pages'


def test_a_page_that_only_the_portfolio_names_is_found_by_what_was_ticked(instagram):
    instagram.sandbox.change_settings(me_accounts="empty")
    instagram.connect(ADA, pages=[STUDIO_PAGE], accounts=[STUDIO])
    assert instagram.destination(STUDIO).selected


def test_of_two_users_who_connect_an_account_at_once_one_gets_it(instagram):
    """Through both logins, so that no other unique id keeps them apart."""
    users = [instagram.factory.create_user() for _ in range(2)]
    instagram.services("instagram")
    barrier = threading.Barrier(2)

    def connect_account(index):
        barrier.wait(30)
        try:
            if index == 0:
                instagram.connect(ADA, users[0], pages=[BAKERY_PAGE], accounts=[BAKERY])
            else:
                instagram.connect(BAKERY, users[1], login="instagram")
        except Conflict as conflict:
            return conflict.code
        return None

    with ThreadPoolExecutor(2) as threads:
        results = list(threads.map(connect_account, range(2)))
    assert sorted(results, key=str) == [None, "account_already_connected"]
    assert instagram.destination(BAKERY).user_id == users[results.index(None)]
    assert len(instagram.logins()) == 1


def test_a_revoked_grant_takes_the_tokens_of_its_accounts_with_it(instagram):
    login, _ = instagram.connect_and_choose(ADA, BAKERY, STUDIO)
    with instagram.database.transaction() as session:
        grant_lifecycle.mark_revoked(session, Accounts(session).lock(login))
    assert [row.page_access_token_encrypted for row in instagram.destinations()] == [None, None]
    assert instagram.destination(BAKERY).selected
