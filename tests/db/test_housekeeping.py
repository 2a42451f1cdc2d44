"""What is old enough goes, what waits for somebody stays, a batch at a time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import postgresql
from structlog.testing import capture_logs

from core.health import housekeeping
from core.store import Media
from db import retention
from db.alerts import Alert
from db.webhooks import Event
from tests.tenants import Tenants, a_world


@pytest.fixture
def world(database_url, tmp_path):
    return a_world(database_url, "http://127.0.0.1:9", MEDIA_URL=tmp_path.as_uri())


@pytest.fixture
def sql(database):
    def execute(statement, **values):
        with database.transaction() as session:
            found = session.execute(text(statement), values)
            return list(found) if found.returns_rows else []

    return execute


MINE = {"user_id": "(SELECT id FROM users)"}
ROWS = {
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
    "oauth_states": ("expires_at", {**MINE, "state": "{n}", "provider": "'tiktok'"}, (0.9, 1.1)),
    "attempts": ("started_at", {"kind": "'posts'", "row_id": "1", "number": "1"}, (89, 91)),
    "sessions": ("expires_at", {**MINE, "hash": "{n}", "seen_at": "now()"}, (89, 91)),
    "notifications": ("created_at", {**MINE, "kind": "'x'", "cause": "{n}"}, (89, 91)),
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
"""Table → the time its age counts from, what else a row needs, days before and after its end."""


def a_row(table, at, name="only"):
    moment, columns, _ = ROWS[table]
    names, values = ", ".join(columns), ", ".join(columns.values()).format(n=f"'{name}'")
    return f"INSERT INTO {table} ({moment}, {names}) VALUES ({at}, {values})"


@pytest.mark.parametrize("table", ROWS)
def test_rows_stay_until_they_are_old_enough(database, world, sql, table):
    Tenants(database, world.keys).a_user()
    for name, days in zip(("young", "old"), ROWS[table][2], strict=True):
        sql(a_row(table, f"now() - interval '{days} days'", name))
    assert housekeeping.tidy(database, world)[table] == 1
    assert len(sql(f"SELECT FROM {table}")) == 1


def test_dead_letters_and_pending_events_are_never_old(database, world, sql):
    sql(a_row("webhook_events", "NULL", "pending"))
    sql(a_row("webhook_events", "NULL", "dead"))
    sql("UPDATE webhook_events SET created_at = now() - interval '5 years'")
    sql("UPDATE webhook_events SET dead_at = created_at WHERE external_id = 'dead'")
    housekeeping.tidy(database, world)
    assert len(sql("SELECT FROM webhook_events")) == 2


def test_an_open_alert_is_never_old(database, world, sql):
    sql("INSERT INTO alerts (name, severity, opened_at) VALUES ('a', 'error', '2001-01-01')")
    housekeeping.tidy(database, world)
    assert len(sql("SELECT FROM alerts")) == 1


def test_more_than_a_batch_goes_in_batches(database, world, sql):
    count = retention.BATCH * 2 + 1
    sql(
        "INSERT INTO attempts (kind, row_id, number, started_at)"
        f" SELECT 'posts', n, 1, now() - interval '100 days' FROM generate_series(1, {count}) AS n"
    )
    assert housekeeping.tidy(database, world)["attempts"] == count
    assert sql("SELECT FROM attempts") == []


def test_a_table_with_much_to_delete_leaves_time_to_the_others(database, world, sql):
    """The time is over after the first round: each table has lost a batch, none all of it."""
    for table in ("attempts", "audit_log"):
        row = a_row(table, "now() - interval '2 years'").replace("VALUES (", "SELECT ")
        sql(f"{row.removesuffix(')')} FROM generate_series(1, {retention.BATCH * 2})")
    with capture_logs() as logs:
        gone = housekeeping.empty(database, housekeeping.ages(world), until=0.0)
    assert (gone["attempts"], gone["audit_log"]) == (retention.BATCH, retention.BATCH)
    (behind,) = [line for line in logs if line["event"] == "housekeeping.behind"]
    assert sorted(behind["tables"]) == ["attempts", "audit_log"]


def test_operators_decide_how_long_notices_are_kept(database, world, sql):
    limits = replace(world.settings.limits, webhook_kept=timedelta(days=60))
    patient = replace(world, settings=replace(world.settings, limits=limits))
    sql(a_row("webhook_events", "now() - interval '31 days'"))
    assert housekeeping.tidy(database, patient)["webhook_events"] == 0
    assert housekeeping.tidy(database, world)["webhook_events"] == 1


@pytest.mark.parametrize("since", [None, datetime.now(UTC) - timedelta(days=50)])
@pytest.mark.parametrize(
    "moment",
    [Event.processed_at, *(each for each in housekeeping.KEPT if each is not Alert.resolved_at)],
    ids=str,
)
def test_the_oldest_rows_are_found_in_the_order_of_an_index(sql, moment, since):
    """Of alerts there are never many. Without an index in that order there would be a sort."""
    wanted = [moment < datetime.now(UTC), *([] if since is None else [moment >= since])]
    query = retention.oldest(moment, wanted, limit=retention.BATCH).compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    sql("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off")
    plan = "\n".join(line for (line,) in sql(f"EXPLAIN {query}"))
    assert "Index Scan using" in plan
    assert "Sort" not in plan


def test_files_go_with_their_rows_and_not_while_they_are_wanted(database, world, sql):
    tenants = Tenants(database, world.keys)
    account = tenants.an_account()
    user = tenants.account(account).user_id
    paths = {}
    for name in ("over", "wanted", "young"):
        paths[name] = world.media.new_path()
        sql(
            "INSERT INTO media (user_id, filename, content_type, size, path, expires_at)"
            " VALUES (:user, :name, 'video/mp4', 1, :path, now() + :days * interval '1 day')",
            user=user, name=name, path=paths[name], days=1 if name == "young" else -1,
        )  # fmt: skip
    ((wanted,),) = sql("SELECT id FROM media WHERE filename = 'wanted'")
    tenants.a_post(account, media_id=wanted)
    assert housekeeping.tidy(database, world)["media"] == 1
    assert {name: world.media.file(path).exists() for name, path in paths.items()} == {
        "over": False,
        "wanted": True,
        "young": True,
    }
    assert isinstance(world.store, Media)


def test_without_a_place_for_files_the_rows_go_all_the_same(database, world, sql):
    sql(a_row("attempts", "now() - interval '1 year'"))
    gone = housekeeping.tidy(database, replace(world, store=None))
    assert gone["attempts"] == 1
    assert "media" not in gone


def test_an_account_that_fell_out_of_the_schedule_comes_back_into_it(database, world):
    tenants = Tenants(database, world.keys)
    stray = tenants.an_account(due_at=None)
    waits = tenants.an_account()
    gone = tenants.an_account(due_at=None, status="NEEDS_RECONNECT")
    alone = tenants.an_account(due_at=None, refresh=None)
    before = tenants.account(waits).due_at
    with capture_logs() as logs:
        housekeeping.tidy(database, world)
    assert tenants.account(stray).due_at is not None
    assert tenants.account(waits).due_at == before
    assert tenants.account(gone).due_at is tenants.account(alone).due_at is None
    assert {"event": "housekeeping.rescheduled", "log_level": "warning", "accounts": 1} in logs


def test_processes_long_gone_are_forgotten(database, world, sql):
    sql("INSERT INTO beats VALUES ('alive:old', now() - interval '8 days'), ('tick', now())")
    housekeeping.tidy(database, world)
    assert sql("SELECT name FROM beats") == [("tick",)]
