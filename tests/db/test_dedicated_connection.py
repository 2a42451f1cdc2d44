"""The dedicated connection: autocommit, reconnect after a lost connection, errors translated.

The same for statements through SQLAlchemy and for those through the driver alone.
"""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DataError

from db.compiled_statements import fetch_rows
from db.session import Database, DatabaseUnavailable

COUNT_ADDED_USERS = text("SELECT count(*) FROM users WHERE email = 'alice@example.org'")
ADD_USER = "INSERT INTO users (email) VALUES ('alice@example.org') RETURNING id"
TERMINATE_BACKENDS = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :n"
)
APPLICATION_NAME = "dedicated_connection-connection-test"


def count_added_users(database):
    with database.transaction() as session:
        return session.execute(COUNT_ADDED_USERS).scalar_one()


def execute_text(connection, statement):
    return connection.execute(text(statement)).all()


def execute_by_driver(connection, statement):
    return fetch_rows(connection, statement, {})


def terminate_backends(database):
    with database.transaction() as session:
        session.execute(TERMINATE_BACKENDS, {"n": APPLICATION_NAME})


@pytest.fixture(params=[execute_text, execute_by_driver])
def execute(request):
    return request.param


@pytest.fixture
def backend_pid(execute):
    def read_pid(connection):
        ((pid,),) = execute(connection, "SELECT pg_backend_pid()")
        return pid

    return read_pid


@pytest.fixture
def named_database(database_url):
    """The same database as another process would open it, under its own application name."""
    database = Database(database_url, application_name=APPLICATION_NAME)
    yield database
    database.dispose()


@pytest.fixture
def dedicated_connection(named_database):
    connection = named_database.dedicated_connection()
    yield connection
    connection.close()


def test_a_statement_is_committed_even_if_the_operation_fails_later(
    database, dedicated_connection, execute
):
    def insert_and_fail(connection):
        execute(connection, ADD_USER)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        dedicated_connection.run(insert_and_fail)
    assert count_added_users(database) == 1


def test_it_is_one_connection_outside_the_pool(named_database, dedicated_connection, backend_pid):
    assert dedicated_connection.run(backend_pid) == dedicated_connection.run(backend_pid)
    assert named_database.connections_in_use() == 0


def test_an_operation_is_repeated_if_its_connection_died_meanwhile(
    database, dedicated_connection, backend_pid
):
    first = dedicated_connection.run(backend_pid)
    terminate_backends(database)
    assert dedicated_connection.run(backend_pid) != first


def test_a_connection_that_dies_twice_is_database_unavailable(
    database, dedicated_connection, backend_pid
):
    backend_pids = []

    def terminate_own_backend(connection):
        backend_pids.append(backend_pid(connection))
        terminate_backends(database)
        return backend_pid(connection)

    dedicated_connection.run(backend_pid)
    with pytest.raises(DatabaseUnavailable):
        dedicated_connection.run(terminate_own_backend)
    assert len(set(backend_pids)) == len(backend_pids) == 2
    assert dedicated_connection.run(backend_pid) not in backend_pids


def test_a_failing_statement_is_not_repeated_and_keeps_the_connection(
    dedicated_connection, execute, backend_pid
):
    calls = []

    def divide_by_zero(connection):
        calls.append(1)
        execute(connection, "SELECT 1 / 0")

    first = dedicated_connection.run(backend_pid)
    with pytest.raises(DataError, match="division"):
        dedicated_connection.run(divide_by_zero)
    assert calls == [1]
    assert dedicated_connection.run(backend_pid) == first


def test_without_a_server_it_is_database_unavailable_at_once():
    calls = []
    unreachable = Database("postgresql+psycopg2://nobody@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable):
        unreachable.dedicated_connection().run(calls.append)
    assert calls == []


def test_a_pooled_transaction_is_rolled_back_as_a_whole(database):
    def insert_and_fail():
        with database.transaction() as session:
            session.execute(text(ADD_USER))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        insert_and_fail()
    assert count_added_users(database) == 0
