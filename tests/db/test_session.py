"""A connection that stays with one thread: each statement is kept by itself, and faults pass."""

import pytest
from sqlalchemy import text

from db.session import Database, StoreAway

COUNT = text("SELECT count(*) FROM users WHERE email = 'somebody@example.org'")
ADD = text("INSERT INTO users (email) VALUES ('somebody@example.org')")
OTHERS = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :n")
NAME = "the-kept-one"


def counted(database):
    with database.transaction() as session:
        return session.execute(COUNT).scalar_one()


def number(connection):
    return connection.execute(text("SELECT pg_backend_pid()")).scalar_one()


def terminate(database):
    with database.transaction() as session:
        session.execute(OTHERS, {"n": NAME})


@pytest.fixture
def mine(database_url):
    """Another process's way to the same database, by a name of its own."""
    made = Database(database_url, application_name=NAME)
    yield made
    made.dispose()


@pytest.fixture
def kept(mine):
    made = mine.kept()
    yield made
    made.close()


def test_a_statement_is_kept_whatever_follows(database, kept):
    def stumble(connection):
        connection.execute(ADD)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        kept.run(stumble)
    assert counted(database) == 1


def test_it_is_one_connection_and_none_of_the_pool(mine, kept):
    assert kept.run(number) == kept.run(number)
    assert mine.in_use() == 0


def test_a_connection_that_died_meanwhile_costs_a_second_try_and_no_error(database, kept):
    first = kept.run(number)
    terminate(database)
    assert kept.run(number) != first


def test_one_that_dies_each_time_is_away(database, kept):
    tries = []

    def die(connection):
        tries.append(number(connection))
        terminate(database)
        return number(connection)

    kept.run(number)
    with pytest.raises(StoreAway):
        kept.run(die)
    assert len(set(tries)) == len(tries) == 2
    assert kept.run(number) not in tries


def test_a_statement_that_is_wrong_is_tried_once_and_costs_the_connection_nothing(kept):
    tries = []

    def wrong(connection):
        tries.append(1)
        connection.execute(text("SELECT 1 / 0"))

    first = kept.run(number)
    with pytest.raises(Exception, match="division"):
        kept.run(wrong)
    assert tries == [1]
    assert kept.run(number) == first


def test_nobody_there_is_away_at_once():
    tries = []
    nowhere = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    with pytest.raises(StoreAway):
        nowhere.kept().run(tries.append)
    assert tries == []


def test_a_transaction_is_still_whole(database):
    def stumble():
        with database.transaction() as session:
            session.execute(ADD)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stumble()
    assert counted(database) == 0
