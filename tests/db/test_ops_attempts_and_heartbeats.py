"""Attempts and heartbeats: written by every process, and pruned."""

from datetime import timedelta

from db.ops.attempts import Attempt, AttemptResult, Attempts
from db.ops.heartbeats import Heartbeats
from db.retention import prune_rows
from tests.db.jobs_chores import Chore
from tests.db.schema_catalog import run_sql

DAY = timedelta(days=1)


def test_the_attempts_of_a_batch_are_started_in_one_statement(database, chore_tables):
    chore_tables.insert_chores(3)
    with database.transaction() as session:
        rows = [session.get(Chore, id_) for id_ in (1, 2, 3)]
        attempt_ids = Attempts(session).start("chores", rows)
        assert set(attempt_ids) == {1, 2, 3}
        assert len(set(attempt_ids.values())) == 3
        assert Attempts(session).start("chores", []) == {}


def test_an_attempt_is_finished_once_with_its_outcome(database, chore_tables):
    chore_tables.insert_chores()
    with database.transaction() as session:
        attempt_id = Attempts(session).start("chores", [session.get(Chore, 1)])[1]
        Attempts(session).finish(
            {attempt_id: AttemptResult("retry", "timeout", "x" * 5000, "log-7")}
        )
        Attempts(session).finish({attempt_id: AttemptResult("done")})
    with database.transaction() as session:
        (attempt,) = Attempts(session).list_for_row("chores", 1)
        assert (attempt.outcome, attempt.code, attempt.log_id) == ("retry", "timeout", "log-7")
        assert len(attempt.message) == 500
        assert attempt.started_at <= attempt.ended_at


def test_several_attempts_are_finished_at_once_whatever_their_texts_hold(database, chore_tables):
    chore_tables.insert_chores(2)
    with database.transaction() as session:
        rows = [session.get(Chore, id_) for id_ in (1, 2)]
        attempt_ids = Attempts(session).start("chores", rows)
        failed = AttemptResult("failed", "code", "a\0b\ud800c")
        done = AttemptResult("done")
        Attempts(session).finish({attempt_ids[1]: failed, attempt_ids[2]: done})
    with database.transaction() as session:
        first, second = (Attempts(session).list_for_row("chores", id_)[0] for id_ in (1, 2))
        assert (first.outcome, first.message) == ("failed", "a?b?c")
        assert (second.outcome, second.message) == ("done", None)


def test_old_attempts_are_deleted_in_batches_and_young_ones_stay(database, database_url):
    run_sql(
        database_url,
        "INSERT INTO attempts (kind, row_id, number, started_at)"
        " SELECT 'chores', n, 1, now() - CASE WHEN n % 5 = 0 THEN interval '1 hour'"
        " ELSE interval '31 days' END FROM generate_series(1, 2000) AS n",
    )
    deleted_counts = []
    while not deleted_counts or deleted_counts[-1] > 0:
        with database.transaction() as session:
            batch = prune_rows(session, Attempt.started_at, older_than=30 * DAY)
            deleted_counts.append(batch.count)
    assert deleted_counts == [1000, 600, 0]
    assert run_sql(database_url, "SELECT count(*) AS left FROM attempts")[0].left == 400


def test_the_age_of_a_heartbeat_counts_from_its_last_record(database, database_url):
    with database.transaction() as session:
        assert Heartbeats(session).age("tick") is None
        Heartbeats(session).record("tick")
    run_sql(database_url, "UPDATE beats SET at = at - interval '1 minute'")
    with database.transaction() as session:
        assert Heartbeats(session).age("tick") > timedelta(seconds=59)
        Heartbeats(session).record("tick")
        assert Heartbeats(session).age("tick") < timedelta(seconds=10)


def test_heartbeats_that_stopped_long_ago_are_deleted(database, database_url):
    with database.transaction() as session:
        Heartbeats(session).record("alive:old")
    run_sql(database_url, "UPDATE beats SET at = at - interval '2 days'")
    with database.transaction() as session:
        Heartbeats(session).record("alive:new")
        Heartbeats(session).delete_silent(DAY)
    assert [row.name for row in run_sql(database_url, "SELECT name FROM beats")] == ["alive:new"]
