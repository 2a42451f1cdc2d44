"""Housekeeping deletes rows whose retention period is over, in batches, and nothing else."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from structlog.testing import capture_logs

from core.health import housekeeping
from core.media import leftovers
from core.media_store.directory import DirectoryStore
from core.media_store.store import FOLDERS
from db import retention
from db.ops.alerts import Alert
from db.ops.audit import AuditEntry
from db.ops.data_deletions import DataDeletion
from db.webhooks.events import Event
from local.ports import find_free_port
from tests.support.row_factory import RowFactory, make_services


@pytest.fixture
def services(database_url, tmp_path):
    return make_services(database_url, "http://127.0.0.1:9", MEDIA_URL=tmp_path.as_uri())


@pytest.fixture
def run_sql(database):
    def execute(statement, **values):
        with database.transaction() as session:
            result = session.execute(text(statement), values)
            return list(result) if result.returns_rows else []

    return execute


WITHOUT_QUERY = frozenset({Alert.resolved_at, DataDeletion.completed_at, AuditEntry.at})
USER_COLUMNS = {"user_id": "(SELECT id FROM users)"}
RETENTION_CASES = {
    "webhook_events": (
        "processed_at",
        {
            "provider": "'tiktok'",
            "external_id": "{n}",
            "event_type": "'x'",
            "payload_json": "'{{}}'",
        },
        (29, 31),
    ),
    "oauth_states": (
        "expires_at",
        {**USER_COLUMNS, "state": "{n}", "provider": "'tiktok'"},
        (0.9, 1.1),
    ),
    "exchanges": (
        "created_at",
        {
            "post_id": "(SELECT id FROM posts)",
            "attempt": "1",
            "endpoint": "'status'",
            "method": "'POST'",
            "host": "'x'",
            "path": "'/'",
            "milliseconds": "1",
            "request": "'{{}}'",
            "answer": "'{{}}'",
            "digest": "{n}",
        },
        (29, 31),
    ),
    "attempts": ("started_at", {"kind": "'posts'", "row_id": "1", "number": "1"}, (89, 91)),
    "sessions": ("expires_at", {**USER_COLUMNS, "hash": "{n}", "seen_at": "now()"}, (89, 91)),
    "notifications": ("created_at", {**USER_COLUMNS, "kind": "'x'", "cause": "{n}"}, (89, 91)),
    "metric_snapshots": (
        "taken_at",
        {
            "provider": "'tiktok'",
            "subject_type": "'x'",
            "subject_id": "1",
            "metric": "'x'",
            "value": "1",
        },
        (399, 401),
    ),
    "audit_log": ("at", {"actor": "'cli'", "action": "'x'"}, (399, 401)),
    "alerts": ("resolved_at", {"name": "{n}", "severity": "'error'"}, (399, 401)),
}
"""Table → the column that the period counts from, the other columns of a row, and the ages in days
of a row that stays and of one that is deleted.
"""


def insert_row_sql(table, at, unique_value="only"):
    time_column, columns, _ = RETENTION_CASES[table]
    names = ", ".join(columns)
    values = ", ".join(columns.values()).format(n=f"'{unique_value}'")
    return f"INSERT INTO {table} ({time_column}, {names}) VALUES ({at}, {values})"


@pytest.mark.parametrize("table", RETENTION_CASES)
def test_rows_stay_until_their_period_is_over(database, services, run_sql, table):
    factory = RowFactory(database, services.key_ring)
    factory.create_post(factory.create_account())
    for name, days in zip(("young", "old"), RETENTION_CASES[table][2], strict=True):
        run_sql(insert_row_sql(table, f"now() - interval '{days} days'", name))
    assert housekeeping.run_housekeeping(database, services)[table] == 1
    assert len(run_sql(f"SELECT FROM {table}")) == 1


def test_dead_and_pending_events_are_never_deleted(database, services, run_sql):
    run_sql(insert_row_sql("webhook_events", "NULL", "pending"))
    run_sql(insert_row_sql("webhook_events", "NULL", "dead"))
    run_sql("UPDATE webhook_events SET created_at = now() - interval '5 years'")
    run_sql("UPDATE webhook_events SET dead_at = created_at WHERE external_id = 'dead'")
    housekeeping.run_housekeeping(database, services)
    assert len(run_sql("SELECT FROM webhook_events")) == 2


def test_an_open_alert_is_never_deleted(database, services, run_sql):
    run_sql("INSERT INTO alerts (name, severity, opened_at) VALUES ('a', 'error', '2001-01-01')")
    housekeeping.run_housekeeping(database, services)
    assert len(run_sql("SELECT FROM alerts")) == 1


def test_more_rows_than_a_batch_are_deleted_in_batches(database, services, run_sql):
    count = retention.MAX_BATCH_ROWS * 2 + 1
    run_sql(
        "INSERT INTO attempts (kind, row_id, number, started_at)"
        f" SELECT 'posts', n, 1, now() - interval '100 days' FROM generate_series(1, {count}) AS n"
    )
    assert housekeeping.run_housekeeping(database, services)["attempts"] == count
    assert run_sql("SELECT FROM attempts") == []


def test_a_table_with_much_to_delete_leaves_time_to_the_others(database, services, run_sql):
    """The deadline passes after the first round: each table has lost one batch."""
    for table in ("attempts", "audit_log"):
        row = insert_row_sql(table, "now() - interval '2 years'").replace("VALUES (", "SELECT ")
        run_sql(f"{row.removesuffix(')')} FROM generate_series(1, {retention.MAX_BATCH_ROWS * 2})")
    with capture_logs() as logs:
        deleted = housekeeping.prune_tables(
            database, housekeeping.retention_periods(services), deadline=0.0
        )
    assert (deleted["attempts"], deleted["audit_log"]) == (
        retention.MAX_BATCH_ROWS,
        retention.MAX_BATCH_ROWS,
    )
    (behind,) = [line for line in logs if line["event"] == "housekeeping.behind"]
    assert sorted(behind["tables"]) == ["attempts", "audit_log"]


def test_operators_decide_how_long_events_are_kept(database, services, run_sql):
    limits = services.settings.limits.model_copy(update={"webhook_retention": timedelta(days=60)})
    settings = services.settings.model_copy(update={"limits": limits})
    services_with_60_days = replace(services, settings=settings)
    run_sql(insert_row_sql("webhook_events", "now() - interval '31 days'"))
    assert housekeeping.run_housekeeping(database, services_with_60_days)["webhook_events"] == 0
    assert housekeeping.run_housekeeping(database, services)["webhook_events"] == 1


@pytest.mark.parametrize("since", [None, datetime.now(UTC) - timedelta(days=50)])
@pytest.mark.parametrize(
    "time_column",
    [
        Event.processed_at,
        *(column for column in housekeeping.RETENTION_PERIODS if column not in WITHOUT_QUERY),
    ],
    ids=str,
)
def test_the_oldest_rows_are_found_in_the_order_of_an_index(run_sql, time_column, since):
    """Without an index in that order Postgres would sort.

    Some tables have too few rows to need one, or are emptied by a function.
    """
    conditions = [time_column < datetime.now(UTC)]
    if since is not None:
        conditions.append(time_column >= since)
    query = retention.oldest_rows(time_column, conditions, limit=retention.MAX_BATCH_ROWS).compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    run_sql("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
    plan = "\n".join(line for (line,) in run_sql(f"EXPLAIN {query}"))
    assert "Index Scan using" in plan
    assert "Sort" not in plan


def test_expired_files_are_deleted_with_their_rows_unless_a_post_needs_them(
    database, services, run_sql
):
    factory = RowFactory(database, services.key_ring)
    account = factory.create_account()
    user = factory.account(account).user_id
    paths = {}
    for name in ("expired", "needed", "young"):
        paths[name] = services.media.create_file()
        run_sql(
            "INSERT INTO media (user_id, filename, content_type, size, path, expires_at)"
            " VALUES (:user, :name, 'video/mp4', 1, :path, now() + :days * interval '1 day')",
            user=user, name=name, path=paths[name], days=1 if name == "young" else -1,
        )  # fmt: skip
    ((needed,),) = run_sql("SELECT id FROM media WHERE filename = 'needed'")
    factory.create_post(account, media_id=needed)
    assert housekeeping.run_housekeeping(database, services)["media"] == 1
    assert {name: services.media.local_path(path).exists() for name, path in paths.items()} == {
        "expired": False,
        "needed": True,
        "young": True,
    }
    assert isinstance(services.media_store, DirectoryStore)


def test_bytes_without_a_row_are_deleted_after_a_day(database, services, run_sql):
    """A process that ends between the deletion of a row and that of its bytes leaves them."""
    factory = RowFactory(database, services.key_ring)
    user = factory.account(factory.create_account()).user_id
    paths = {name: services.media.create_file() for name in ("known", "young", "old")}
    run_sql(
        "INSERT INTO media (user_id, filename, content_type, size, path, expires_at)"
        " VALUES (:user, 'a', 'video/mp4', 1, :path, now() + interval '1 day')",
        user=user, path=paths["known"],
    )  # fmt: skip
    for name in ("known", "old"):
        os.utime(services.media.local_path(paths[name]), (0, 0))
    assert leftovers.delete_leftovers(database, services, folders=FOLDERS) == 1
    assert {name: services.media.local_path(path).exists() for name, path in paths.items()} == {
        "known": True,
        "young": True,
        "old": False,
    }


def test_files_that_are_not_ours_stay(database, services):
    folder = services.media.local_path(services.media.create_file()).parent
    other = folder / "notes.txt"
    other.write_text("not from here")
    os.utime(other, (0, 0))
    assert leftovers.delete_leftovers(database, services, folders=FOLDERS) == 0
    assert other.exists()


def test_a_store_of_another_database_is_left_alone(database, services):
    file = services.media.local_path(services.media.create_file())
    os.utime(file, (0, 0))
    owner = file.parents[1] / "owner"
    owner.write_text("7400000000000000000/signalpost")
    assert leftovers.delete_leftovers(database, services, folders=FOLDERS) == 0
    assert file.exists()
    owner.unlink()
    assert leftovers.delete_leftovers(database, services, folders=FOLDERS) == 1
    assert owner.exists()


def test_housekeeping_goes_on_while_a_bucket_is_away(database, database_url, run_sql):
    """The rows are deleted all the same: what they named is found without a row later."""
    away = make_services(
        database_url,
        "http://127.0.0.1:9",
        MEDIA_URL="s3://bucket",
        MEDIA_BUCKET_ENDPOINT_URL=f"http://127.0.0.1:{find_free_port()}",
        MEDIA_BUCKET_ACCESS_KEY_ID="id",
        MEDIA_BUCKET_SECRET_ACCESS_KEY="key",
    )
    factory = RowFactory(database, away.key_ring)
    run_sql(
        "INSERT INTO media (user_id, filename, content_type, size, path, expires_at)"
        " VALUES (:user, 'a', 'video/mp4', 1, :path, now() - interval '1 day')",
        user=factory.account(factory.create_account()).user_id, path=f"ab/{'0' * 32}",
    )  # fmt: skip
    with capture_logs() as logs:
        assert housekeeping.run_housekeeping(database, away)["media"] == 0
    assert run_sql("SELECT id FROM media") == []
    assert {line["event"] for line in logs} >= {"media.bytes_left", "housekeeping.media_postponed"}


def test_each_folder_of_the_store_has_its_turn():
    chosen = {
        name
        for number in range(len(FOLDERS))
        for name in leftovers.choose_folders(number / len(FOLDERS))
    }
    assert chosen == set(FOLDERS)


def test_without_a_media_store_other_rows_are_still_deleted(database, services, run_sql):
    run_sql(insert_row_sql("attempts", "now() - interval '1 year'"))
    deleted = housekeeping.run_housekeeping(database, replace(services, media_store=None))
    assert deleted["attempts"] == 1
    assert "media" not in deleted


def test_an_account_without_a_refresh_time_gets_one_again(database, services):
    factory = RowFactory(database, services.key_ring)
    unscheduled = factory.create_account(due_at=None)
    scheduled = factory.create_account()
    disconnected = factory.create_account(due_at=None, status="NEEDS_RECONNECT")
    without_refresh = factory.create_account(due_at=None, refresh=None)
    before = factory.account(scheduled).due_at
    with capture_logs() as logs:
        housekeeping.run_housekeeping(database, services)
    assert factory.account(unscheduled).due_at is not None
    assert factory.account(scheduled).due_at == before
    assert factory.account(disconnected).due_at is factory.account(without_refresh).due_at is None
    assert {"event": "housekeeping.rescheduled", "log_level": "warning", "accounts": 1} in logs


def test_old_heartbeats_are_deleted(database, services, run_sql):
    run_sql("INSERT INTO beats VALUES ('alive:old', now() - interval '8 days'), ('tick', now())")
    housekeeping.run_housekeeping(database, services)
    assert run_sql("SELECT name FROM beats") == [("tick",)]
