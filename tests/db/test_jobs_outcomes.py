"""How an attempt can end, and what follows for its row and for the other rows of the batch."""

from datetime import timedelta

import pytest

from core.backoff import RetryPolicy, seconds
from core.jobs.runner import run_jobs
from core.outcomes import Park, Reschedule, Snooze
from platforms.errors import RateLimited, Rejected
from tests.db.jobs_chores import (
    CHORE_JOB_TYPE,
    FakeServices,
    RecordedEffect,
    chore_job,
    executor_raising,
)
from tests.support.job_types import with_changes

MINUTE = timedelta(minutes=1)


def test_success_forgets_earlier_failures(database, chore_tables):
    (id_,) = chore_tables.insert_chores(attempts=7)
    run_jobs(chore_job(record=lambda *_: Reschedule(MINUTE)), database, FakeServices())
    row = chore_tables.load_chore(id_)
    assert (row.attempts, row.leased_until, row.last_error) == (0, None, None)
    assert MINUTE - timedelta(seconds=10) < row.due_at - chore_tables.database_now() <= MINUTE


def test_without_progress_the_attempts_are_still_counted(database, chore_tables):
    (id_,) = chore_tables.insert_chores(attempts=7)
    run_jobs(
        chore_job(record=lambda *_: Reschedule(MINUTE, made_progress=False)),
        database,
        FakeServices(),
    )
    assert chore_tables.load_chore(id_).attempts == 8


def test_retry_after_is_a_floor(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    error = RateLimited("slow down", retry_after=timedelta(minutes=5))
    run_jobs(chore_job(execute=executor_raising(error)), database, FakeServices(jitter=lambda: 0))
    delay = chore_tables.load_chore(id_).due_at - chore_tables.database_now()
    assert 5 * MINUTE - timedelta(seconds=10) < delay <= 5 * MINUTE


def test_a_refusal_ends_the_row_at_once(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    report = run_jobs(
        chore_job(execute=executor_raising(Rejected("no", code="spam"))), database, FakeServices()
    )
    row = chore_tables.load_chore(id_)
    assert (report.failed, row.due_at, row.note) == (1, None, "gave up: spam")
    assert row.last_error == "spam: no"


def test_an_unknown_error_is_retried_until_attempts_run_out(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    job = chore_job(
        execute=executor_raising(ZeroDivisionError("secret")),
        retry_policy=RetryPolicy(seconds(0, 0)),
    )
    for _ in range(3):
        run_jobs(job, database, FakeServices())
    row = chore_tables.load_chore(id_)
    assert (row.attempts, row.due_at, row.note) == (3, None, "gave up: ZeroDivisionError")
    assert "secret" not in row.last_error


def test_a_row_without_attempts_left_is_not_executed_again(database, chore_tables):
    (id_,) = chore_tables.insert_chores(attempts=3)
    services = FakeServices()
    run_jobs(chore_job(retry_policy=RetryPolicy(seconds(0, 0))), database, services)
    assert services.executed == []
    assert chore_tables.load_chore(id_).note == "gave up: out_of_attempts"


def test_a_snooze_costs_no_attempt(database, chore_tables):
    (id_,) = chore_tables.insert_chores(attempts=2)
    run_jobs(chore_job(execute=executor_raising(Snooze(MINUTE, "limit"))), database, FakeServices())
    row = chore_tables.load_chore(id_)
    assert (row.attempts, row.last_error) == (2, "limit")
    assert row.due_at > chore_tables.database_now()


def test_a_parked_row_waits_for_a_person(database, chore_tables):
    (id_,) = chore_tables.insert_chores()
    run_jobs(chore_job(execute=executor_raising(Park("needs_reconnect"))), database, FakeServices())
    row = chore_tables.load_chore(id_)
    assert (row.attempts, row.due_at, row.leased_until) == (0, None, None)


def test_a_snooze_keeps_what_prepare_wrote_before(database, chore_tables):
    def prepare(_session, row):
        row.note = "seen"
        raise Snooze(MINUTE, "not yet")

    (id_,) = chore_tables.insert_chores()
    run_jobs(chore_job(prepare=prepare), database, FakeServices())
    assert chore_tables.load_chore(id_).note == "seen"


def test_a_snooze_keeps_what_record_wrote_before(database, chore_tables):
    def record(session, row, outcome):
        session.add(RecordedEffect(chore_id=row.id, attempt=outcome.attempt))
        raise Snooze(MINUTE, "not yet")

    (id_,) = chore_tables.insert_chores()
    run_jobs(chore_job(record=record), database, FakeServices())
    assert chore_tables.effect_counts() == {id_: 1}


def test_a_due_time_that_is_set_during_execution_is_kept(database, chore_tables):
    (id_,) = chore_tables.insert_chores()

    def execute(job, services):
        chore_tables.update_chores(id_, due_at=chore_tables.database_now())
        return CHORE_JOB_TYPE.execute(job, services)

    run_jobs(
        chore_job(execute=execute, record=lambda *_: Reschedule(MINUTE)), database, FakeServices()
    )
    assert chore_tables.load_chore(id_).due_at <= chore_tables.database_now()


def test_a_due_time_that_is_set_before_a_row_is_parked_is_kept(database, chore_tables):
    (id_,) = chore_tables.insert_chores()

    def execute(_job, _services):
        chore_tables.update_chores(id_, due_at=chore_tables.database_now())
        raise Park("needs_reconnect")

    run_jobs(chore_job(execute=execute), database, FakeServices())
    assert chore_tables.load_chore(id_).due_at <= chore_tables.database_now()


def test_a_finished_row_is_not_due_again_even_if_a_due_time_was_set(database, chore_tables):
    (id_,) = chore_tables.insert_chores()

    def execute(job, services):
        chore_tables.update_chores(id_, due_at=chore_tables.database_now())
        return CHORE_JOB_TYPE.execute(job, services)

    run_jobs(chore_job(execute=execute), database, FakeServices())
    assert chore_tables.load_chore(id_).due_at is None


def record_each(record):
    """A `record_many` that records one row after the other."""
    return lambda session, batch: [record(session, row, outcome) for row, outcome in batch]


@pytest.mark.parametrize("has_record_many", [False, True])
@pytest.mark.parametrize("part", ["prepare", "execute", "record"])
def test_a_row_with_an_error_fails_alone_in_its_batch(
    database, chore_tables, part, has_record_many
):
    ids = chore_tables.insert_chores(5)
    bad = ids[2]

    def fail_for_bad_row(*arguments):
        """In place of `prepare(session, row)`, `execute(job, services)` or `record(session, …)`."""
        session, row = (None, arguments[0]) if part == "execute" else arguments[:2]
        if row.id == bad:
            if session is not None:
                session.add(RecordedEffect(chore_id=-1, attempt=0))  # violates the foreign key
                session.flush()
            raise ValueError("bad")
        return getattr(CHORE_JOB_TYPE, part)(*arguments)

    job = chore_job(**{part: fail_for_bad_row})
    if has_record_many:
        job = with_changes(job, record_many=record_each(job.record))
    report = run_jobs(job, database, FakeServices(jitter=lambda: 0.999))
    assert (report.recorded, report.failed) == (4, 1)
    assert chore_tables.effect_counts() == dict.fromkeys(set(ids) - {bad}, 1)


def test_a_row_whose_on_exhausted_fails_is_due_again_and_affects_no_other(database, chore_tables):
    first, second = chore_tables.insert_chores(2)

    def execute(job, services):
        if job.id == first:
            raise Rejected("no", code="spam")
        return CHORE_JOB_TYPE.execute(job, services)

    def on_exhausted(session, _row, _failure):
        session.add(RecordedEffect(chore_id=-1, attempt=0))
        session.flush()

    run_jobs(chore_job(execute=execute, on_exhausted=on_exhausted), database, FakeServices())
    row = chore_tables.load_chore(first)
    assert chore_tables.effect_counts() == {second: 1}
    assert (row.leased_until, row.last_error) == (None, "hook failed: IntegrityError")
    assert row.due_at > chore_tables.database_now() + timedelta(minutes=50)
