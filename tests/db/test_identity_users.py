"""Users and login sessions as rows: unique e-mails, expiry, revocation, bursts of requests."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.identity.login_sessions import LoginSession, LoginSessions
from db.identity.users import User, Users

DAY = timedelta(days=1)


@pytest.fixture
def alice_id(database):
    with database.transaction() as session:
        return Users(session).add("alice@example.org").id


def open_login(database, user_id, name="cookie", lifetime=DAY):
    with database.transaction() as session:
        return LoginSessions(session).create(
            user_id, name, lifetime=lifetime, ip="::1", user_agent=None
        )


def is_login_alive(database, name="cookie"):
    with database.transaction() as session:
        return LoginSessions(session).get_active(name) is not None


def test_an_email_address_is_unique_whatever_its_case(database, alice_id):
    with database.transaction() as session:
        assert Users(session).add("ALICE@Example.org") is None
        assert Users(session).get_by_email("Alice@EXAMPLE.org").id == alice_id


def test_of_many_users_added_at_once_with_one_email_one_is_created(database):
    def add(_):
        with database.transaction() as session:
            return Users(session).add("bob@example.org")

    with ThreadPoolExecutor(5) as threads:
        users = list(threads.map(add, range(5)))
    assert len([user for user in users if user is not None]) == 1


def test_the_same_subject_of_another_issuer_is_another_user(database):
    with database.transaction() as session:
        users = Users(session)
        first = users.add("a@example.org", jwt_issuer="one", jwt_subject="7")
        second = users.add("b@example.org", jwt_issuer="two", jwt_subject="7")
        assert users.get_by_subject("one", "7").id == first.id
        assert users.get_by_subject("two", "7").id == second.id
        assert users.add("c@example.org", jwt_issuer="one", jwt_subject="7") is None


def test_a_session_is_found_until_it_expires(database, alice_id):
    open_login(database, alice_id)
    open_login(database, alice_id, "old", lifetime=-DAY)
    assert is_login_alive(database)
    assert not is_login_alive(database, "old")
    assert not is_login_alive(database, "another")


def test_a_revoked_session_is_not_found_and_cannot_be_revoked_again(database, alice_id):
    open_login(database, alice_id)
    with database.transaction() as session:
        assert LoginSessions(session).revoke("cookie") == alice_id
        assert LoginSessions(session).revoke("cookie") is None
    assert not is_login_alive(database)


def test_a_burst_of_requests_writes_the_session_once(database, alice_id):
    open_login(database, alice_id)
    with database.transaction() as session:
        login, _, is_extension_due = LoginSessions(session).get_active("cookie")
        assert not is_extension_due
        before = login.expires_at
        LoginSessions(session).extend(login, lifetime=5 * DAY)
    with database.transaction() as session:
        assert session.scalar(select(LoginSession.expires_at)) == before
        session.execute(update(LoginSession).values(seen_at=func.now() - timedelta(minutes=2)))
    with database.transaction() as session:
        login, _, is_extension_due = LoginSessions(session).get_active("cookie")
        assert is_extension_due
        LoginSessions(session).extend(login, lifetime=5 * DAY)
    with database.transaction() as session:
        assert session.scalar(select(LoginSession.expires_at)) > before + 3 * DAY


def test_deleting_a_user_deletes_their_sessions(database, alice_id):
    open_login(database, alice_id)
    with database.transaction() as session:
        session.delete(session.get(User, alice_id))
    with database.transaction() as session:
        assert session.scalar(select(func.count(LoginSession.id))) == 0
