from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from db.logins import Login, Logins
from db.session import Database
from db.users import User, Users

DAY = timedelta(days=1)


@pytest.fixture
def database(database_url):
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def alice(database):
    with database.transaction() as session:
        return Users(session).add("alice@example.org").id


def a_login(database, user_id, name="cookie", lifetime=DAY):
    with database.transaction() as session:
        return Logins(session).open(user_id, name, lifetime=lifetime, ip="::1", agent=None)


def alive(database, name="cookie"):
    with database.transaction() as session:
        return Logins(session).alive(name) is not None


def test_an_address_belongs_to_one_person_in_whatever_letters(database, alice):
    with database.transaction() as session:
        assert Users(session).add("ALICE@Example.org") is None
        assert Users(session).by_email("Alice@EXAMPLE.org").id == alice


def test_of_many_who_take_an_address_at_once_one_gets_it(database):
    def add(_):
        with database.transaction() as session:
            return Users(session).add("bob@example.org")

    with ThreadPoolExecutor(5) as threads:
        made = list(threads.map(add, range(5)))
    assert sum(user is not None for user in made) == 1


def test_the_same_subject_of_another_issuer_is_somebody_else(database):
    with database.transaction() as session:
        users = Users(session)
        first = users.add("a@example.org", jwt_issuer="one", jwt_subject="7")
        second = users.add("b@example.org", jwt_issuer="two", jwt_subject="7")
        assert users.by_subject("one", "7").id == first.id
        assert users.by_subject("two", "7").id == second.id
        assert users.add("c@example.org", jwt_issuer="one", jwt_subject="7") is None


def test_a_session_is_found_until_it_is_over(database, alice):
    a_login(database, alice)
    a_login(database, alice, "old", lifetime=-DAY)
    assert alive(database)
    assert not alive(database, "old")
    assert not alive(database, "another")


def test_a_revoked_session_is_gone_and_can_be_revoked_once(database, alice):
    a_login(database, alice)
    with database.transaction() as session:
        assert Logins(session).revoke("cookie") == alice
        assert Logins(session).revoke("cookie") is None
    assert not alive(database)


def test_signing_out_everywhere_leaves_others_alone(database, alice):
    a_login(database, alice, "one")
    a_login(database, alice, "two")
    with database.transaction() as session:
        bob = Users(session).add("bob@example.org").id
    a_login(database, bob, "bobs")
    with database.transaction() as session:
        assert Logins(session).revoke_all(alice) == 2
    assert alive(database, "bobs")


def test_a_burst_of_requests_writes_the_session_once(database, alice):
    a_login(database, alice)
    with database.transaction() as session:
        login, _ = Logins(session).alive("cookie")
        before = login.expires_at
        Logins(session).seen(login, lifetime=5 * DAY)
    with database.transaction() as session:
        assert session.scalar(select(Login.expires_at)) == before
        session.execute(update(Login).values(seen_at=func.now() - timedelta(minutes=2)))
    with database.transaction() as session:
        Logins(session).seen(login, lifetime=5 * DAY)
    with database.transaction() as session:
        assert session.scalar(select(Login.expires_at)) > before + 3 * DAY


def test_deleting_a_user_takes_their_sessions_along(database, alice):
    a_login(database, alice)
    with database.transaction() as session:
        session.delete(session.get(User, alice))
    with database.transaction() as session:
        assert session.scalar(select(func.count(Login.id))) == 0
