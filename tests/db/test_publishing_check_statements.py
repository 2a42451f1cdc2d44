"""What a batch of status checks costs in statements: a few for each group, none for each post."""

from collections import Counter

import pytest
from sqlalchemy import event

from core import publishing
from core.jobs.runner import run_jobs
from tests.support.publishing_harness import STATUS_PATH, status_body

POSTS_PER_ACCOUNT = 4  # five drafts may wait at TikTok at once
CLAIM_STATEMENTS, GROUP_STATEMENTS = 9, 9
"""At most, of one claim and of one group of results. BEGIN and COMMIT are not counted."""


@pytest.fixture
def checked_statements(publisher):
    """The statements of one batch in which 20 posts are checked."""
    publisher.accept_starts()
    publisher.set_responses(STATUS_PATH, status_body(downloaded_bytes=5))
    accounts = [publisher.factory.account(publisher.factory.create_account()) for _ in range(5)]
    for account in accounts:
        for _ in range(POSTS_PER_ACCOUNT):
            publisher.request_upload(account.user_id)
    publisher.run_workers(3)
    publisher.set_responses(STATUS_PATH, status_body(downloaded_bytes=6))
    publisher.make_due()
    return record_batch(publisher, POSTS_PER_ACCOUNT * len(accounts))


def record_batch(publisher, count):
    """Run one batch of so many posts; return its statements."""
    statements = []

    def record_statement(_connection, _cursor, statement, *_):
        statements.append(" ".join(statement.split()))

    engine = publisher.database._engine
    event.listen(engine, "before_cursor_execute", record_statement)
    report = run_jobs(
        publishing.PUBLISH_JOB_TYPE,
        publisher.database,
        publisher.services,
        include_expired=False,
    )
    event.remove(engine, "before_cursor_execute", record_statement)
    assert report.recorded == count
    return statements


def count_groups(statements):
    """How many groups of results were recorded: posts that are answered late form another one."""
    return sum(statement.startswith("UPDATE attempts") for statement in statements)


def test_the_statements_of_a_batch_are_few(checked_statements):
    groups = count_groups(checked_statements)
    assert 0 < groups < 20
    assert len(checked_statements) <= CLAIM_STATEMENTS + groups * GROUP_STATEMENTS


def test_each_post_its_record_and_its_calls_are_written_once(checked_statements):
    groups = count_groups(checked_statements)
    updated = Counter(text.split()[1] for text in checked_statements if text.startswith("UPDATE"))
    assert updated["posts"] == updated["tiktok_posts"] == groups
    inserts = [text for text in checked_statements if text.startswith("INSERT INTO exchanges")]
    assert len(inserts) == groups
    assert len(set(inserts)) == 1  # one text for any number of calls, so it is compiled once
