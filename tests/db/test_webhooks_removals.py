"""What follows when a platform says that a grant has been taken back."""

import pytest
from sqlalchemy import func, text

from core.accounts import grants
from db.accounts import Account
from tests.db.hearing import Hearing
from tests.tenants import HOUR, a_world
from tests.tiktok_sender import a_removal


@pytest.fixture
def house(database, database_url):
    world = a_world(database_url, "http://127.0.0.1:9")
    return Hearing(database, world.keys, world)


@pytest.fixture
def account(house):
    return house.an_account()


def test_a_removed_grant_revokes_the_account_once(house, account):
    queued = house.a_post(account, due_at=func.now() + HOUR)
    removal = a_removal(user_openid=house.open_id(account), create_time=4_000_000_000)
    events = house.deliver(removal, {**removal, "create_time": 4_000_000_001})
    house.apply()
    row = house.account(account)
    assert row.status == "REVOKED"
    assert row.access_token_encrypted is row.refresh_token_encrypted is row.due_at is None
    assert house.post(queued).due_at is None
    assert house.post(queued).hold_reason == "needs_reconnect"
    assert len(house.notices(row.user_id)) == 1
    assert sorted(house.event(event).status for event in events) == ["done", "ignored"]


def test_a_removal_older_than_the_grant_changes_nothing(house, account):
    (event,) = house.deliver(a_removal(user_openid=house.open_id(account), create_time=1))
    house.apply()
    assert house.account(account).status == "ACTIVE"
    assert house.event(event).status == "ignored"


def test_a_removal_in_the_second_of_the_grant_counts(house):
    """The platform cuts its times to seconds: half a second after the grant looks like before."""
    account = house.an_account(last_refreshed_at=text("to_timestamp(2000000000.4)"))
    house.deliver(a_removal(user_openid=house.open_id(account), create_time=2_000_000_000))
    house.apply()
    assert house.account(account).status == "REVOKED"


@pytest.mark.parametrize(
    ("number", "cause"), [(1, "removed_in_app"), (4, "account_banned"), (0, "removed")]
)
def test_the_owner_is_told_the_plain_cause_and_no_vaguer_one_beside_it(
    house, account, number, cause
):
    house.change(account, status="NEEDS_RECONNECT", status_cause="revoked", due_at=None)
    with house.database.transaction() as session:
        grants.tell(session, session.get_one(Account, account), grants.NEEDS_RECONNECT, why="x")
    house.deliver(
        a_removal(user_openid=house.open_id(account), create_time=4_000_000_000, reason=number)
    )
    house.apply()
    row = house.account(account)
    assert (row.status, row.status_cause) == ("REVOKED", cause)
    unread = [one for one in house.notices(row.user_id) if one.read_at is None]
    assert [(one.kind, one.payload["why"]) for one in unread] == [
        ("disconnected_by_platform", cause)
    ]


def test_the_answer_to_our_own_revoke_does_not_end_a_grant_of_the_same_second(house):
    account = house.an_account(last_refreshed_at=text("to_timestamp(2000000000.4)"))
    house.deliver(
        a_removal(user_openid=house.open_id(account), create_time=2_000_000_000, reason=5)
    )
    house.apply()
    assert house.account(account).status == "ACTIVE"


def test_the_answer_to_our_own_revoke_is_no_news(house):
    account = house.an_account(status="DISCONNECTED", disconnected_at=func.now(), due_at=None)
    removal = a_removal(user_openid=house.open_id(account), create_time=4_000_000_000, reason=5)
    (event,) = house.deliver(removal)
    house.apply()
    row = house.account(account)
    assert row.status == "DISCONNECTED"
    assert house.notices(row.user_id) == []
    assert house.event(event).status == "ignored"


def test_a_removal_for_nobody_of_ours_is_ignored(house):
    (event,) = house.deliver(a_removal(user_openid="somebody"))
    house.apply()
    assert house.event(event).status == "ignored"
