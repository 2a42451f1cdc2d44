"""A race: an account is reconnected while a worker is about to park one of its posts."""

from core.jobs.recorder import record_results
from core.jobs.runner import claim_batch
from core.outcomes import Park
from core.publishing.job_types import PUBLISH_JOB_TYPE
from db.posts.parked import ParkedPosts
from tests.db.jobs_chores import FakeServices
from tests.db.schema_catalog import insert_user_and_post, run_sql


def claim_stale_parked_post(database, url):
    """A claimed post whose account needed a reconnect at the time of the claim."""
    insert_user_and_post(url)
    run_sql(url, "UPDATE oauth_accounts SET status = 'NEEDS_RECONNECT'")
    run_sql(url, "UPDATE posts SET due_at = now(), state = 'PROCESSING', publish_id = 'p'")
    (claim,) = claim_batch(PUBLISH_JOB_TYPE, database, limit=1, expired=False, row_id=None)
    assert isinstance(claim.job, Park)
    return claim


def test_a_post_being_parked_is_due_again_after_a_reconnect(database, database_url):
    claim = claim_stale_parked_post(database, database_url)
    with database.transaction() as session:
        ParkedPosts(session).resume(1)
    record_results(PUBLISH_JOB_TYPE, database, FakeServices(), [(claim, claim.job)])
    assert run_sql(database_url, "SELECT due_at <= now() AS due FROM posts")[0].due


def test_control_without_a_reconnect_it_stays_parked(database, database_url):
    claim = claim_stale_parked_post(database, database_url)
    record_results(PUBLISH_JOB_TYPE, database, FakeServices(), [(claim, claim.job)])
    assert run_sql(database_url, "SELECT due_at FROM posts")[0].due_at is None
