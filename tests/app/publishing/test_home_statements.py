"""Home costs a bounded number of statements, counted and not timed, for any number of accounts."""

from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, func

from core.publishing import get_remaining_quota
from tests.app.publishing.post_rows import add_post, alice_browser

__all__ = ["add_post", "alice_browser"]  # fixtures

MAX_STATEMENTS = 24
MAX_TRANSACTIONS = 4
"""Who asks; the accounts, before platforms are asked for limits; the page; the navigation."""

ACCOUNTS = 5


@contextmanager
def counted_statements(container):
    """Count what is sent to Postgres: lists of statements and of transactions."""
    with container.database.transaction() as session:
        engine = session.get_bind()
    statements, transactions = [], []

    def note_statement(_connection, _cursor, statement, *_):
        statements.append(statement)

    def note_transaction(connection):
        transactions.append(connection)

    event.listen(engine, "before_cursor_execute", note_statement)
    event.listen(engine, "begin", note_transaction)
    yield statements, transactions
    event.remove(engine, "before_cursor_execute", note_statement)
    event.remove(engine, "begin", note_transaction)


@pytest.fixture
def busy_alice(add_post, factory, alice):
    """Alice with posts in each state, and several accounts."""
    for state in ("QUEUED", "SENDING", "PROCESSING", "UNCONFIRMED", "PUBLISHED", "CANCELLED"):
        add_post(state=state, started_at=func.now() - timedelta(hours=2))
    add_post(state="FAILED", error_code="duration_check_failed")
    add_post(state="PUBLISHED", step="DELIVERED")
    add_post(state="QUEUED", publish_at=func.now() + timedelta(hours=2))
    add_post(state="QUEUED", hold_reason="past_due")
    factory.create_account(alice.id, status="REVOKED", due_at=None)
    return alice, [factory.create_account(alice.id) for _ in range(ACCOUNTS)]


@pytest.mark.parametrize("path", ["/", "/widgets/overview"])
def test_home_needs_few_statements_in_few_transactions(container, alice_browser, busy_alice, path):
    with counted_statements(container) as (statements, transactions):
        assert alice_browser.get(path).status_code == 200
    assert len(statements) <= MAX_STATEMENTS, "\n".join(statements)
    assert len(transactions) <= MAX_TRANSACTIONS


def test_more_accounts_need_no_more_statements(container, alice_browser, busy_alice, factory):
    alice, _ = busy_alice
    with counted_statements(container) as (before, _):
        alice_browser.get("/")
    for _ in range(ACCOUNTS):
        factory.create_account(alice.id)
    with counted_statements(container) as (after, _):
        page = alice_browser.get("/").text
    assert page.count("<meter") >= 2 * ACCOUNTS
    assert len(after) == len(before)


def test_asking_account_by_account_is_seen_by_the_count(container, busy_alice):
    """Negative control: as the page did it, the bound would not be kept."""
    alice, account_ids = busy_alice
    with counted_statements(container) as (statements, transactions):
        for account_id in account_ids:
            get_remaining_quota(
                container.database,
                container.services,
                "tiktok",
                user_id=alice.id,
                account_id=account_id,
            )
    assert len(statements) >= 3 * ACCOUNTS
    assert len(transactions) > MAX_TRANSACTIONS
