"""A dead connection keeps nobody out, a live one stays; unused grants are revoked."""

import pytest
from sqlalchemy import func, select, text

from core import accounts
from core.accounts import grant_lifecycle
from core.errors import Conflict, OperationFailed
from db.accounts.accounts import Account, Accounts
from tests.db.instagram_accounts_fixtures import instagram, login_sandbox
from tests.platforms.hostile_server import hostile_server, set_responses
from tests.platforms.tiktok_responses import flat_response, ok_response
from tests.support.instagram_accounts import ADA, BAKERY, BAKERY_PAGE, GRACE
from tests.support.row_factory import HOUR, RowFactory, make_services

__all__ = ["instagram", "login_sandbox"]  # fixtures

REVOKE_PATH = "/v2/oauth/revoke/"
OPEN_ID = "-000carol"
SPENT = {"expires_at": func.now() - HOUR}
DEAD = {
    "revoked": {"status": "REVOKED", "access_token_encrypted": None},
    "refused": {"status": "NEEDS_RECONNECT", "status_cause": "revoked"},
    "cleared": {"status": "NEEDS_RECONNECT", "access_token_encrypted": None},
    "spent": SPENT | {"refresh_token_encrypted": None},
    "spent refresh token": SPENT | {"refresh_expires_at": func.now() - HOUR},
}
LIVE = {
    "active": {"status": "ACTIVE"},
    "due for refresh": SPENT,
    "without an end": {"expires_at": None, "refresh_token_encrypted": None},
    "switched off by the operator": {
        "status": "NEEDS_RECONNECT",
        "status_cause": "login_changed",
    },
    "without its key": SPENT | {"status": "CRYPTO_ERROR"},
}


@pytest.fixture
def platform_server():
    with hostile_server() as server:
        set_responses(
            server,
            flat_response(
                access_token="act.new",
                expires_in=7200,
                open_id=OPEN_ID,
                refresh_expires_in=15_552_000,
                refresh_token="rft.new",
                scope="user.info.basic,video.upload",
            ),
            ok_response(user={"open_id": OPEN_ID, "display_name": "Carol"}),
            flat_response(),
        )
        yield server


@pytest.fixture
def services(database_url, platform_server):
    return make_services(database_url, platform_server.url)


@pytest.fixture
def factory(database, services):
    return RowFactory(database, services.key_ring)


def connect(database, services, user_id, provider="tiktok"):
    with database.transaction() as session:
        consent = accounts.start_connection(session, services, user_id=user_id, provider=provider)
    return accounts.complete_connection(
        database, services, user_id=user_id, provider=provider, code="c", state=consent.state
    )


def paths(server):
    return [path for path, _ in server.requests]


@pytest.mark.parametrize("state", DEAD.values(), ids=DEAD)
def test_a_dead_connection_of_another_user_gives_way_to_who_signs_in(
    database, services, factory, platform_server, state
):
    carol, bob = factory.create_user(), factory.create_user()
    old = factory.create_account(carol, open_id=OPEN_ID)
    done = factory.create_post(old, state="PUBLISHED", due_at=None)
    waiting = factory.create_post(old, due_at=None, hold_reason="needs_reconnect")
    factory.update_account(old, **state)
    new = connect(database, services, bob).account_id
    assert (factory.account(new).user_id, factory.account(new).status) == (bob, "ACTIVE")
    former = factory.account(old)
    assert (former.status, former.user_id) == ("DISCONNECTED", carol)
    assert former.access_token_encrypted is former.refresh_token_encrypted is None
    assert {factory.post(post).oauth_account_id for post in (done, waiting)} == {old}
    assert {factory.post(post).user_id for post in (done, waiting)} == {carol}
    assert factory.post(waiting).due_at is None  # and no worker sends it through bob's connection
    assert REVOKE_PATH not in paths(platform_server)


@pytest.mark.parametrize("state", LIVE.values(), ids=LIVE)
def test_a_connection_that_works_or_may_work_again_stays_and_its_grant_too(
    database, services, factory, platform_server, state
):
    old = factory.create_account(open_id=OPEN_ID)
    factory.update_account(old, **state)
    before = factory.account(old)
    with pytest.raises(Conflict) as refused:
        connect(database, services, factory.create_user())
    assert refused.value.code == "account_already_connected"
    assert "signalpost accounts disconnect" in str(refused.value)
    after = factory.account(old)
    assert (after.status, after.token_version) == (before.status, before.token_version)
    assert after.access_token_encrypted == before.access_token_encrypted
    # Revoking what bob was granted would end carol's connection: it is one grant of one person.
    assert REVOKE_PATH not in paths(platform_server)
    assert len(all_accounts(database)) == 1


def all_accounts(database):
    with database.transaction() as session:
        return session.scalars(select(Account)).all()


def test_a_dead_connection_is_moved_with_an_entry_in_the_audit_log(database, services, factory):
    old = factory.create_account(open_id=OPEN_ID)
    with database.transaction() as session:
        grant_lifecycle.mark_revoked(session, Accounts(session).lock(old))
    connect(database, services, factory.create_user())
    with database.transaction() as session:
        entries = session.scalars(
            text("SELECT action FROM audit_log WHERE subject = :subject ORDER BY id"),
            {"subject": f"account:{old}"},
        ).all()
    assert entries == ["account.revoked", "account.disconnected"]


def test_the_former_user_is_refused_in_turn_and_may_connect_when_the_new_one_is_dead(
    database, services, factory, platform_server
):
    carol, bob = factory.create_user(), factory.create_user()
    old = factory.create_account(carol, open_id=OPEN_ID)
    factory.update_account(old, **DEAD["revoked"])
    answers = list(platform_server.responses)
    connect(database, services, bob)
    set_responses(platform_server, *answers)
    with pytest.raises(Conflict):
        connect(database, services, carol)
    with database.transaction() as session:
        grant_lifecycle.mark_revoked(session, Accounts(session).lock_connected("tiktok", OPEN_ID))
    set_responses(platform_server, *answers)
    assert connect(database, services, carol).account_id == old  # with all its history


def revocations(instagram):
    return len(instagram.sandbox.calls("me_permissions"))


def test_an_account_behind_a_dead_login_gives_way_too(instagram):
    """Another person who manages the same Page: another login, the same account."""
    login, carol = instagram.connect_and_choose(ADA, BAKERY)
    post = instagram.create_post(login, BAKERY, state="PUBLISHED", due_at=None)
    bob = instagram.factory.create_user()
    with pytest.raises(Conflict):
        instagram.connect(BAKERY, bob, login="instagram")
    assert instagram.destination(BAKERY).user_id == carol
    with instagram.database.transaction() as session:
        grant_lifecycle.mark_revoked(session, Accounts(session).lock(login))
    instagram.connect(BAKERY, bob, login="instagram")
    row = instagram.destination(BAKERY)
    assert (row.user_id, row.selected, row.disconnected_at) == (bob, True, None)
    kept = instagram.factory.post(post)
    assert (kept.user_id, kept.oauth_account_id, kept.state) == (carol, login, "PUBLISHED")


@pytest.mark.parametrize("status", ["BLOCKED", "NEEDS_RECONNECT"])
def test_an_account_that_its_user_cannot_use_gives_way(instagram, status):
    _, carol = instagram.connect_and_choose(ADA, BAKERY)
    instagram.update_destination(BAKERY, status=status)
    bob = instagram.factory.create_user()
    instagram.connect(BAKERY, bob, login="instagram")
    assert instagram.destination(BAKERY).user_id == bob != carol


def test_a_grant_that_opens_nothing_free_is_revoked_and_the_live_one_is_not(instagram):
    instagram.connect_and_choose(ADA, BAKERY)
    before = revocations(instagram)
    choice = {"pages": [BAKERY_PAGE], "accounts": [BAKERY]}
    with pytest.raises((Conflict, OperationFailed)):
        instagram.connect(GRACE, **choice)
    assert revocations(instagram) > before
    live = instagram.login(instagram.destination(BAKERY).oauth_account_id)
    assert live.status == "ACTIVE"


def test_a_grant_without_a_needed_permission_is_revoked_only_if_no_connection_uses_it(instagram):
    def connect_without_permission(user_id=None):
        with pytest.raises(OperationFailed) as refused:
            instagram.connect(ADA, user_id, scopes=["public_profile"])
        assert refused.value.code == "invalid_scope"

    before = revocations(instagram)
    connect_without_permission()
    assert revocations(instagram) > before
