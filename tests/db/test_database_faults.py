"""Which errors make a connection useless: it is dropped with its pool, and a new one follows."""

from contextlib import suppress

import psycopg2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.connection_faults import describe_fault
from db.session import Database, DatabaseUnavailable
from tests.db.schema_catalog import run_sql
from tests.flows.brokers import wait_until

USELESS = (
    *("25006", "25P03", "57P01", "57P02", "57P03", "57P04", "57P05", "58030"),
    *("08000", "08003", "08006", "08P01", "XX001"),
)
UNAVAILABLE = ("53100", "53200", "53300", "40001", "40P01")
"""The work may succeed later, on the same connection."""

OWN_FAULTS = ("23505", "22P02", "42501", "57014", "55P03", "XX000")


def raise_sqlstate(session, code):
    session.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$"))


def backend_of(database):
    with database.transaction() as session:
        return session.scalar(text("SELECT pg_backend_pid()"))


def backend_of_dedicated(connection):
    return connection.run(lambda raw: raw.scalar(text("SELECT pg_backend_pid()")))


@pytest.mark.parametrize("code", USELESS)
def test_a_useless_connection_is_replaced(database, code):
    before = backend_of(database)
    with pytest.raises(DatabaseUnavailable), database.transaction() as session:
        raise_sqlstate(session, code)
    assert backend_of(database) != before


@pytest.mark.parametrize("code", USELESS)
def test_the_dedicated_connection_is_replaced_too(database, code):
    dedicated = database.dedicated_connection()
    before = backend_of_dedicated(dedicated)
    with pytest.raises(DatabaseUnavailable):
        dedicated.run(lambda raw: raise_sqlstate(raw, code))
    assert backend_of_dedicated(dedicated) != before
    dedicated.close()


@pytest.mark.parametrize("code", UNAVAILABLE)
def test_a_server_that_is_overloaded_is_unavailable_and_its_connection_kept(database, code):
    before = backend_of(database)
    with pytest.raises(DatabaseUnavailable), database.transaction() as session:
        raise_sqlstate(session, code)
    assert backend_of(database) == before


@pytest.mark.parametrize("code", OWN_FAULTS)
def test_an_error_of_the_statement_is_raised_and_the_connection_kept(database, code):
    before = backend_of(database)
    with pytest.raises(DBAPIError), database.transaction() as session:
        raise_sqlstate(session, code)
    assert backend_of(database) == before


def test_the_whole_pool_is_replaced_when_one_connection_is_useless(database):
    with database.transaction() as first, database.transaction() as second:
        before = {each.scalar(text("SELECT pg_backend_pid()")) for each in (first, second)}
    with suppress(DatabaseUnavailable), database.transaction() as session:
        raise_sqlstate(session, "25006")
    with database.transaction() as first, database.transaction() as second:
        after = {each.scalar(text("SELECT pg_backend_pid()")) for each in (first, second)}
    assert len(before) == len(after) == 2
    assert not before & after


def test_a_connection_that_was_idle_for_too_long_is_replaced_unnoticed(database_url):
    name = database_url.rpartition("/")[2]
    run_sql(database_url, f"ALTER DATABASE {name} SET idle_session_timeout = '50ms'")
    database = Database(database_url)
    dedicated = database.dedicated_connection()
    pids = backend_of(database), backend_of_dedicated(dedicated)
    wait_until(
        lambda: run_sql(database_url, f"SELECT FROM pg_stat_activity WHERE pid IN {pids}") == [],
        what="the end of both sessions",
    )
    assert backend_of(database) != pids[0]
    assert backend_of_dedicated(dedicated) != pids[1]
    dedicated.close()
    database.dispose()


@pytest.mark.parametrize(
    ("text_of_libpq", "words"),
    [
        ("Connection refused", "nothing listens on that host and port"),
        ("FATAL:  sorry, too many clients already", "the server has no connection left"),
        ("nothing that is known", "the server cannot be used"),
    ],
)
def test_reasons_are_put_into_words(text_of_libpq, words):
    assert describe_fault(psycopg2.OperationalError(text_of_libpq)).startswith(words)
