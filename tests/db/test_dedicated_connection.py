"""A connection that stays with one thread: each statement is kept by itself, and faults pass."""

import pytest
from sqlalchemy import text

from db.session import Database, DatabaseUnavailable

COUNT_ADDED_USERS = text("SELECT count(*) FROM users WHERE email = 'somebody@example.org'")
ADD_USER = text("INSERT INTO users (email) VALUES ('somebody@example.org')")
TERMINATE_BACKENDS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :n"
)
APPLICATION_NAME = "the-kept-one"


def count_added_users(database):
    with database.transaction() as session:
        return session.execute(COUNT_ADDED_USERS).scalar_one()


def backend_pid(connection):
    return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def terminate_backends(database):
    with database.transaction() as session:
        session.execute(TERMINATE_BACKENDS, {"n": APPLICATION_NAME})


@pytest.fixture
def named_database(database_url):
    """Another process's way to the same database, by a name of its own."""
    database = Database(database_url, application_name=APPLICATION_NAME)
    yield database
    database.dispose()


@pytest.fixture
def dedicated(named_database):
    connection = named_database.dedicated_connection()
    yield connection
    connection.close()


def test_a_statement_is_kept_whatever_follows(database, dedicated):
    def stumble(connection):
        connection.execute(ADD_USER)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        dedicated.run(stumble)
    assert count_added_users(database) == 1


def test_it_is_one_connection_and_none_of_the_pool(named_database, dedicated):
    assert dedicated.run(backend_pid) == dedicated.run(backend_pid)
    assert named_database.connections_in_use() == 0


def test_a_connection_that_died_meanwhile_costs_a_second_try_and_no_error(database, dedicated):
    first = dedicated.run(backend_pid)
    terminate_backends(database)
    assert dedicated.run(backend_pid) != first


def test_one_that_dies_each_time_is_away(database, dedicated):
    tries = []

    def die(connection):
        tries.append(backend_pid(connection))
        terminate_backends(database)
        return backend_pid(connection)

    dedicated.run(backend_pid)
    with pytest.raises(DatabaseUnavailable):
        dedicated.run(die)
    assert len(set(tries)) == len(tries) == 2
    assert dedicated.run(backend_pid) not in tries


def test_a_statement_that_is_wrong_is_tried_once_and_costs_the_connection_nothing(dedicated):
    tries = []

    def wrong(connection):
        tries.append(1)
        connection.execute(text("SELECT 1 / 0"))

    first = dedicated.run(backend_pid)
    with pytest.raises(Exception, match="division"):
        dedicated.run(wrong)
    assert tries == [1]
    assert dedicated.run(backend_pid) == first


def test_nobody_there_is_away_at_once():
    tries = []
    nowhere = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable):
        nowhere.dedicated_connection().run(tries.append)
    assert tries == []


def test_a_transaction_is_still_whole(database):
    def stumble():
        with database.transaction() as session:
            session.execute(ADD_USER)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    assert count_added_users(database) == 0
