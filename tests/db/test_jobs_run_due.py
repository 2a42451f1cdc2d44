"""A run of the due rows of one job type, which reports how each of them ended."""

from core.backoff import RetryPolicy
from core.jobs.run_due import run_due_rows
from core.outcomes import Failure
from tests.db.jobs_chores import CHORE_JOB_TYPE, FakeServices, chore_job


def run_and_report(database, job_type, *, limit=10):
    """Run the due chores; return (id, result) in the order of the reports."""
    reports = []
    run_due_rows(
        job_type,
        database,
        FakeServices(jitter=lambda: 0.999),
        count_remaining=lambda: limit - len(reports),
        on_result=lambda row, result: reports.append((row.id, result)),
    )
    return reports


def test_every_due_row_is_run_and_reported(database, chore_tables):
    ids = chore_tables.insert_chores(10)
    reports = run_and_report(database, chore_job(), limit=20)
    assert sorted(id_ for id_, _ in reports) == ids
    assert chore_tables.effect_counts() == dict.fromkeys(ids, 1)


def test_no_more_rows_are_run_than_remain(database, chore_tables):
    chore_tables.insert_chores(10)
    assert len(run_and_report(database, chore_job(), limit=9)) == 9
    assert chore_tables.count_open() == 1


def test_a_row_that_is_recorded_again_after_a_failed_batch_is_reported_once(database, chore_tables):
    first, bad, last = chore_tables.insert_chores(3)

    def record(session, row, outcome):
        if row.id == bad:
            raise ValueError("bad")
        return CHORE_JOB_TYPE.record(session, row, outcome)

    job_type = chore_job(record=record, retry_policy=RetryPolicy(()))
    reports = run_and_report(database, job_type)
    assert sorted(id_ for id_, _ in reports) == [first, bad, last]
    failures = [result for _, result in reports if isinstance(result, Failure)]
    assert [failure.code for failure in failures] == ["ValueError"]
