"""A small batch of events reads the posts it is about, not the table."""

import pytest

from db.bulk import ROWS_PARAMETER
from db.publishing.batches import LOCK_STATEMENT, UPDATES, LockedPost
from tests.db.kept_plans import explain_kept_plan
from tests.db.schema_catalog import run_sql

ADD_POSTS = """
INSERT INTO posts (user_id, oauth_account_id, provider, kind, source, sent_by, state, publish_id)
SELECT user_id, id, 'tiktok', 'INBOX_VIDEO', 'FILE_UPLOAD', 'SIGNALPOST', 'PROCESSING',
       'pub' || number
  FROM oauth_accounts, generate_series(1, 3000) AS number
"""


@pytest.fixture
def posts_url(webhook_harness, database_url):
    webhook_harness.create_account()
    run_sql(database_url, ADD_POSTS)
    run_sql(database_url, "ANALYZE posts")
    return database_url


def explain(database, statement, rows, *, rows_expected=None):
    """The plan; `rows_expected`: what Postgres is made to expect instead of the number of rows."""
    values = statement.convert_values({ROWS_PARAMETER: rows})
    if rows_expected is not None:
        values["row_count"] = rows_expected
    with database.transaction() as session:
        lines = session.connection().exec_driver_sql(f"EXPLAIN {statement.text}", values)
        return "\n".join(line for (line,) in lines)


PUBLICATION = {"provider": "tiktok", "publish_id": "pub7"}
CHANGED_POST = {"id": 7, "state": "PUBLISHED"}
CASES = [(LOCK_STATEMENT, PUBLICATION), (UPDATES[LockedPost], CHANGED_POST)]


@pytest.mark.parametrize(("statement", "row"), CASES, ids=["lock", "update"])
def test_few_posts_are_found_by_an_index(posts_url, database, statement, row):
    assert "Seq Scan on posts" not in explain(database, statement, [row] * 3)


@pytest.mark.parametrize(("statement", "row"), CASES, ids=["lock", "update"])
@pytest.mark.parametrize("number", [1, 500])
def test_the_plan_that_is_kept_finds_few_posts_and_many_by_an_index(
    posts_url, database, statement, row, number
):
    values = statement.convert_values({ROWS_PARAMETER: [row] * number})
    assert "Seq Scan on posts" not in explain_kept_plan(database, statement, values)


def test_control_a_hundred_expected_rows_have_the_table_read(posts_url, database):
    plan = explain(database, LOCK_STATEMENT, [PUBLICATION], rows_expected=100)
    assert "Seq Scan on posts" in plan
