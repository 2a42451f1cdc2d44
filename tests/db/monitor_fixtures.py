"""Fixtures of the tests of the alarm: what judges conditions, and what sends notices."""

from contextlib import contextmanager

import pytest
from sqlalchemy import text

from core.health.alerts import Judge
from core.health.conditions import ALERT_CONDITIONS
from core.health.measurement import Probes
from core.health.notice_sender import NoticeSender
from core.health.notice_sinks import HttpSink
from core.health.notices import load_rules
from core.health.outage import OutageNotices
from db.session import Database
from platforms.secret import Secret
from tests.servers import owner_url
from tests.support.built_services import open_services
from tests.support.notice_receiver import run_notice_receiver

CONDITIONS = {condition.name: condition for condition in ALERT_CONDITIONS}
DEAD_EVENT = (
    "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, status, dead_at,"
    " error_message) VALUES ('tiktok', 'x', gen_random_uuid()::text, '{{}}', 'dead', now(),"
    " '{code}: no post has it')"
)
REFRESHES = (
    "INSERT INTO attempts (kind, row_id, number, outcome, code)"
    " SELECT 'accounts', n, 1, CASE WHEN n <= {failed} THEN 'retry' ELSE 'done' END, 'timeout'"
    " FROM generate_series(1, {total}) AS n"
)


@pytest.fixture
def services(database_url, redis_url):
    with open_services(database_url, redis_url) as services:
        yield services


@pytest.fixture
def database(database_url):
    database = Database(database_url, pool_size=8)
    yield database
    database.dispose()


@pytest.fixture
def run_sql(database):
    def run(*statements):
        with database.transaction() as session:
            for statement in statements:
                result = session.execute(text(statement))
            return result.all() if result.returns_rows else []

    return run


@pytest.fixture
def rename_table(database_url):
    """Renames a table, which only the owner of the schema may do."""
    owner = Database(owner_url(database_url), pool_size=1)

    def rename(name, new_name):
        with owner.transaction() as session:
            session.execute(text(f"ALTER TABLE {name} RENAME TO {new_name}"))

    yield rename
    owner.dispose()


@pytest.fixture
def receiver():
    with run_notice_receiver() as receiver:
        yield receiver


@pytest.fixture
def judge(database, services):
    """Judges these conditions, or all, and returns the verdicts by name."""
    judge = Judge(database, Probes(services))
    return lambda *names: {name: judge.judge(CONDITIONS[name]) for name in (names or CONDITIONS)}


@pytest.fixture
def make_sender(database, services, receiver):
    """Creates the senders of several processes, which share the receiver."""

    def make(path="/", **changes):
        sink = HttpSink(Secret(receiver.url + path), None, services.now)
        sink.name = changes.get("name", sink.name)
        outage = OutageNotices(services.redis, load_rules(services.settings), services.now)
        return NoticeSender(database, sink, outage)

    return make


@contextmanager
def locked_table(database, name):
    with database.transaction() as session:
        session.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
        yield


def list_notices(run_sql, name="dead_letters"):
    return [
        kind
        for (kind,) in run_sql(
            "SELECT kind FROM alert_notices JOIN alerts ON alerts.id = alert_id"
            f" WHERE name = '{name}' ORDER BY alert_notices.id"
        )
    ]


def age_everything(run_sql, interval):
    run_sql(
        f"UPDATE alert_notices SET due_at = due_at - interval '{interval}'",
        f"UPDATE alert_deliveries SET due_at = due_at - interval '{interval}'",
        f"UPDATE alerts SET notified_at = notified_at - interval '{interval}'",
        f"UPDATE alert_conditions SET exceeded_since = exceeded_since - interval '{interval}'",
    )
