"""Each condition of the alarm: what opens it, and what is so near to it that it must not."""

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from core.health.alerts import ConditionVerdict, Judge
from core.health.conditions import ALERT_CONDITIONS
from core.health.heartbeat_conditions import UNKNOWN_PATH_HEARTBEAT
from core.health.measurement import Probes
from core.media_store.directory import DirectoryStore
from db.session import Database
from tests.support.built_services import open_services
from tests.support.row_factory import RowFactory

CONDITIONS = {condition.name: condition for condition in ALERT_CONDITIONS}
EVENT = (
    "INSERT INTO webhook_events (provider, event_type, external_id, payload_json, next_attempt_at)"
    " VALUES ('tiktok', 'x', gen_random_uuid()::text, '{{}}', now() - interval '{age}')"
)
ENDPOINTS = (
    "INSERT INTO endpoints (user_id, url, failing_since) SELECT u.id, 'https://h.example/' || n,"
    " CASE WHEN n <= {failing} THEN now() - interval '{age}' END"
    " FROM generate_series(1, {total}) AS n, (SELECT min(id) AS id FROM users) AS u"
)
PAUSED = (
    "INSERT INTO watches (oauth_account_id, paused_until)"
    " SELECT id, now() + interval '1 hour' FROM oauth_accounts"
)
PAUSE = (
    "INSERT INTO pauses (target, kind, reason, paused_at)"
    " VALUES ('tiktok', 'platform', 'x', now() - interval '{age}')"
)
REFRESHES = (
    "INSERT INTO attempts (kind, row_id, number, outcome, started_at)"
    " SELECT 'accounts', n, 1, CASE WHEN n <= {failed} THEN 'retry' ELSE 'done' END,"
    " now() - interval '30 minutes' FROM generate_series(1, {total}) AS n"
)
REMOVALS = (
    "INSERT INTO audit_log (actor, action, subject, details, at)"
    " SELECT 'worker', 'account.revoked', 'account:' || id, '{{\"cause\": \"account_banned\"}}',"
    " now() - interval '{age}' FROM oauth_accounts ORDER BY id LIMIT {count}"
)
OTHER_ACCOUNTS = (
    "INSERT INTO oauth_accounts (user_id, provider, open_id, scope, access_token_encrypted)"
    " SELECT user_id, provider, 'other' || n, scope, 'x' FROM generate_series(1, 400) AS n,"
    " (SELECT * FROM oauth_accounts ORDER BY id LIMIT 1) AS account"
)
POSTS = (
    "INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state,"
    " created_at, finished_at) SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD',"
    " 'SIGNALPOST', CASE WHEN n <= {count} THEN '{state}' ELSE 'PUBLISHED' END,"
    " now() - interval '{age}', CASE WHEN n > {count} OR '{state}' = 'FAILED' THEN now() END"
    " FROM generate_series(1, {total}) AS n,"
    " (SELECT user_id, id FROM oauth_accounts ORDER BY id LIMIT 1) AS account"
)
CONNECTIONS = (
    "INSERT INTO audit_log (actor, action, subject, details)"
    " SELECT 'session', CASE WHEN n <= {refused} THEN 'account.connect_refused'"
    " ELSE 'account.connected' END, 'tiktok', jsonb_build_object('provider', 'tiktok')"
    " FROM generate_series(1, {total}) AS n"
)
HEARTBEAT = "INSERT INTO beats VALUES ('{name}', now() - interval '{age}')"


@pytest.fixture
def services(database_url, redis_url):
    with open_services(database_url, redis_url, SIGNALPOST_ROLE="web") as services:
        yield services


@pytest.fixture
def database(database_url):
    database = Database(database_url, pool_size=4)
    yield database
    database.dispose()


@pytest.fixture
def accounts(database, services):
    """Four live accounts that are read in the background."""
    factory = RowFactory(database, services.key_ring)
    return [factory.create_account(scope="video.list") for _ in range(4)]


@pytest.fixture
def run_sql(database):
    def run(*statements):
        with database.transaction() as session:
            for statement in statements:
                session.execute(text(statement))

    return run


@pytest.fixture
def judge(database, services):
    """Judges one condition; `changes` replace parts of the services."""

    def run(name, **changes):
        probes = Probes(replace(services, **changes))
        return Judge(database, probes).judge(CONDITIONS[name]) == ConditionVerdict.OPENED

    return run


@pytest.mark.parametrize(
    ("name", "near", "beyond"),
    [
        ("work_overdue", EVENT.format(age="4 minutes"), EVENT.format(age="6 minutes")),
        (
            "webhook_unknown_path",
            HEARTBEAT.format(name=f"{UNKNOWN_PATH_HEARTBEAT}web", age="2 hours"),
            HEARTBEAT.format(name=f"{UNKNOWN_PATH_HEARTBEAT}web", age="1 minute"),
        ),
        (
            "endpoints_failing",
            ENDPOINTS.format(failing=3, total=20, age="2 hours"),
            ENDPOINTS.format(failing=5, total=20, age="2 hours"),
        ),
        (
            "endpoints_failing",
            ENDPOINTS.format(failing=5, total=20, age="50 minutes"),
            ENDPOINTS.format(failing=5, total=20, age="2 hours"),
        ),
        (
            "tokens_expired",
            "UPDATE oauth_accounts SET expires_at = now() - interval '5 minutes'",
            "UPDATE oauth_accounts SET expires_at = now() - interval '15 minutes'",
        ),
        (
            "tokens_expired",
            "UPDATE oauth_accounts SET status = 'NEEDS_RECONNECT', expires_at = '2026-01-01'",
            "UPDATE oauth_accounts SET expires_at = '2026-01-01'",
        ),
        (
            "reading_paused",
            f"{PAUSED} ORDER BY id LIMIT 3",
            PAUSED,
        ),
        ("paused_for_long", PAUSE.format(age="59 minutes"), PAUSE.format(age="61 minutes")),
        (
            "oauth_failures",
            CONNECTIONS.format(refused=6, total=30),
            CONNECTIONS.format(refused=6, total=6),
        ),
        (
            "token_refresh_failing",
            REFRESHES.format(failed=11, total=60),
            REFRESHES.format(failed=11, total=40),
        ),
        (
            "grants_removed",
            REMOVALS.format(count=3, age="1 minute"),
            REMOVALS.format(count=4, age="1 minute"),
        ),
        (
            "grants_removed",
            REMOVALS.format(count=4, age="61 minutes"),
            REMOVALS.format(count=4, age="59 minutes"),
        ),
        (
            "grants_removed",
            f"{OTHER_ACCOUNTS}; {REMOVALS.format(count=4, age='1 minute')}",
            "DELETE FROM oauth_accounts WHERE open_id LIKE 'other%'",
        ),
        (
            "upload_failure_rate",
            POSTS.format(state="FAILED", count=2, total=40, age="1 hour"),
            POSTS.format(state="FAILED", count=2, total=30, age="1 hour"),
        ),
        (
            "unconfirmed_posts",
            POSTS.format(state="UNCONFIRMED", count=1, total=1, age="50 minutes"),
            POSTS.format(state="UNCONFIRMED", count=1, total=1, age="2 hours"),
        ),
        (
            "crypto_error",
            "UPDATE oauth_accounts SET status = 'NEEDS_RECONNECT'",
            "UPDATE oauth_accounts SET status = 'CRYPTO_ERROR'",
        ),
    ],
)
@pytest.mark.alert(
    *("work_overdue", "webhook_unknown_path", "endpoints_failing", "tokens_expired"),
    *("reading_paused", "paused_for_long", "token_refresh_failing", "upload_failure_rate"),
    *("unconfirmed_posts", "crypto_error", "grants_removed", "oauth_failures"),
)
def test_a_condition_opens_beyond_its_limit_and_not_near_it(
    judge, run_sql, accounts, name, near, beyond
):
    tables = ("webhook_events", "beats", "endpoints", "watches", "pauses", "attempts", "posts")
    clean = [f"DELETE FROM {table}" for table in tables]
    clean.append("UPDATE oauth_accounts SET status = 'ACTIVE'")
    run_sql(*clean, near)
    assert not judge(name)
    run_sql(*clean, beyond)
    assert judge(name)


@pytest.mark.alert("clock_skew")
def test_clocks_that_differ_are_an_alert_when_they_differ_twice(judge, services, run_sql):
    assert not judge("clock_skew")
    wrong = {"now": lambda: services.now() + timedelta(seconds=30)}
    assert not judge("clock_skew", **wrong)
    run_sql("UPDATE alert_conditions SET exceeded_since = exceeded_since - interval '10 seconds'")
    assert judge("clock_skew", **wrong)


@pytest.mark.alert("media_store_full")
def test_a_media_store_without_room_and_one_that_takes_no_file_are_alerts(judge, tmp_path):
    usage = shutil.disk_usage(tmp_path)
    if usage.free > 40 * 10**9:  # otherwise this machine's own disk is nearly full
        assert not judge("media_store_full", media_store=DirectoryStore(tmp_path.as_uri()))
    (tmp_path / "file").touch()
    no_folder = DirectoryStore((tmp_path / "file").as_uri())
    assert judge("media_store_full", media_store=no_folder)


@pytest.mark.alert("redis_unreachable")
def test_a_redis_that_is_the_broker_is_one_alert_and_not_two(database, services):
    judge = Judge(database, Probes(services, lambda: False))
    assert judge.judge(CONDITIONS["redis_unreachable"]) == ConditionVerdict.CLEAR
    assert judge.judge(CONDITIONS["broker_unreachable"]) == ConditionVerdict.PENDING
