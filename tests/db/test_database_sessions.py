"""Every transaction sets what it relies on, whatever the role, the database or a pooler has set."""

from contextlib import closing
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest
from psycopg2.extensions import TRANSACTION_STATUS_IDLE, TRANSACTION_STATUS_INTRANS
from sqlalchemy import select, text

from db import migrations
from db.identity.users import User
from db.session import Database, DatabaseUnavailable
from db.webhooks.insert import NewEvent, insert_events
from tests.servers import owner_url

FOREIGN_DEFAULTS = (
    "timezone = 'Asia/Tokyo'",
    "datestyle = 'SQL, DMY'",
    "intervalstyle = 'sql_standard'",
    "search_path = 'nowhere'",
    "default_transaction_isolation = 'serializable'",
    "default_transaction_deferrable = 'on'",
    "statement_timeout = '100ms'",
    "lock_timeout = '100ms'",
    "idle_in_transaction_session_timeout = '100ms'",
    "bytea_output = 'escape'",
    "standard_conforming_strings = 'off'",
)
OBSERVED_SQL = text(
    "SELECT current_setting('transaction_isolation') AS isolation, interval '90 minutes' AS length,"
    " timestamptz '2026-02-01 12:00+00' AS at, current_setting('timezone') AS zone, pg_sleep(0.2)"
)
EVENT = NewEvent(
    provider="tiktok", dedupe_key="one", event_type="x", payload_json={"text": "a'\\b"}
)


def execute(url, *statements):
    """Execute them in one session, whose settings stay as they were when it began."""
    with closing(psycopg2.connect(url.replace("+psycopg2", ""))) as connection:
        connection.autocommit = True
        with connection.cursor() as cur:
            for statement in statements:
                cur.execute(statement)
            return cur.fetchall() if cur.description else []


def set_defaults(url, target, *defaults):
    """Change them as the role that may: its own, or those of a database as the owner."""
    role_url = owner_url(url) if target.startswith("DATABASE") else url
    execute(role_url, *(f"ALTER {target} SET {default}" for default in defaults))


def name_of(url):
    return url.rpartition("/")[2]


@pytest.mark.parametrize("target", ["DATABASE {name}", "ROLE CURRENT_USER IN DATABASE {name}"])
def test_defaults_of_a_role_or_database_change_nothing(database_url, target):
    set_defaults(database_url, target.format(name=name_of(database_url)), *FOREIGN_DEFAULTS)
    database = Database(database_url)
    with database.transaction() as session:
        assert tuple(session.execute(OBSERVED_SQL).one())[:4] == (
            "read committed",
            timedelta(minutes=90),
            datetime(2026, 2, 1, 12, tzinfo=UTC),
            "UTC",
        )
        session.add(User(email="alice@example.org"))
    dedicated = database.dedicated_connection()
    [result] = dedicated.run(lambda connection: insert_events(connection, [EVENT]))
    assert not result.duplicate
    observed = dedicated.run(lambda connection: connection.execute(OBSERVED_SQL).one())
    assert (observed.isolation, observed.zone) == ("read committed", "UTC")
    dedicated.close()
    with database.transaction() as session:
        assert session.scalars(select(User.email)).all() == ["alice@example.org"]
        payload = session.scalar(text("SELECT payload_json ->> 'text' FROM webhook_events"))
        assert payload == EVENT.payload_json["text"]
    database.dispose()


def test_migrations_ignore_the_defaults_too(empty_database_url):
    name = name_of(empty_database_url)
    set_defaults(empty_database_url, f"DATABASE {name}", *FOREIGN_DEFAULTS)
    migrations.upgrade_schema(empty_database_url)
    assert execute(empty_database_url, "SELECT to_regclass('public.posts') IS NULL") == [(False,)]


def test_a_role_that_is_read_only_by_default_still_writes(database_url):
    name = name_of(database_url)
    target = f"ROLE CURRENT_USER IN DATABASE {name}"
    set_defaults(database_url, target, "default_transaction_read_only = 'on'")
    database = Database(database_url)
    with database.transaction() as session:
        session.add(User(email="alice@example.org"))
    dedicated = database.dedicated_connection()
    dedicated.run(lambda connection: insert_events(connection, [EVENT]))
    dedicated.close()
    database.dispose()


def test_a_database_that_was_made_read_only_is_left_so_and_heals_at_once(database_url):
    name = name_of(database_url)
    set_defaults(database_url, f"DATABASE {name}", "default_transaction_read_only = 'on'")
    database = Database(database_url)
    dedicated = database.dedicated_connection()

    def write_both():
        dedicated.run(lambda connection: insert_events(connection, []))
        with database.transaction() as session:
            insert_events(session, [])

    with pytest.raises(DatabaseUnavailable, match="read-only"):
        write_both()
    with (
        pytest.raises(DatabaseUnavailable, match="read-only"),
        database.transaction() as session,
    ):
        insert_events(session, [])
    execute(
        owner_url(database_url),
        "SET default_transaction_read_only = 'off'",
        f"ALTER DATABASE {name} RESET default_transaction_read_only",
    )
    write_both()
    dedicated.close()
    database.dispose()


def test_variables_of_libpq_lead_no_connection_elsewhere(database_url, monkeypatch):
    variables = {
        "PGHOST": "10.255.255.1",
        "PGHOSTADDR": "10.255.255.1",
        "PGPORT": "1",
        "PGOPTIONS": "-c statement_timeout=1",
        "PGTARGETSESSIONATTRS": "standby",
        "PGGSSENCMODE": "require",
        "PGCLIENTENCODING": "LATIN1",
        "PGTZ": "Asia/Tokyo",
        "PGDATESTYLE": "SQL, DMY",
        "PGCONNECT_TIMEOUT": "60",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    database = Database(database_url)
    with database.transaction() as session:
        observed = session.execute(OBSERVED_SQL).one()
        assert (observed.zone, observed.length) == ("UTC", timedelta(minutes=90))
        assert session.scalar(text("SHOW client_encoding")) == "UTF8"
    database.dispose()


def read_transaction_time(raw):
    with raw.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cursor.fetchone()[0]


def test_a_connection_of_the_pool_is_tried_by_beginning_its_transaction(database):
    with database.transaction() as session:
        dialect, engine = session.connection().dialect, session.get_bind()
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        raw.rollback()
        dialect.do_ping(raw)
        tried_at = read_transaction_time(raw)
        raw.begin()
        assert read_transaction_time(raw) == tried_at
        raw.rollback()
        raw.begin()
        assert read_transaction_time(raw) > tried_at


def test_a_connection_that_was_tried_and_not_used_has_no_open_transaction(database):
    with database.transaction() as session:
        session.connection()
        engine = session.get_bind()
    with engine.connect() as connection:
        raw = connection.connection.dbapi_connection
        assert raw.info.transaction_status == TRANSACTION_STATUS_INTRANS
    assert raw.info.transaction_status == TRANSACTION_STATUS_IDLE
