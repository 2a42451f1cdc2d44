"""An observer of statements gets an operation, a table and a duration, and no value."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.compiled_statements import join_statements
from db.connections import create_postgres_engine
from db.observed_statements import find_statement_kind, observe_statements
from db.publishing.batches import LOCK_STATEMENT, UPDATES, LockedPost
from db.session import Database
from db.webhooks.events import FINISH_STATEMENT

KINDS = {
    "SELECT posts.id FROM posts JOIN users ON true WHERE posts.title = %(title)s": (
        "SELECT",
        "posts",
    ),
    "INSERT INTO posts (title) VALUES (%(title)s) ON CONFLICT DO UPDATE SET title = ''": (
        "INSERT",
        "posts",
    ),
    "WITH unlocked AS (SELECT posts.id FROM posts FOR UPDATE SKIP LOCKED) "
    "UPDATE posts SET due_at = now() FROM unlocked": ("UPDATE", "posts"),
    "WITH given AS (SELECT 1) SELECT id FROM given JOIN users ON true": ("SELECT", "users"),
    "DELETE FROM not_ours WHERE true": ("DELETE", None),
    "SELECT clock_timestamp()": ("SELECT", None),
    "SET LOCAL statement_timeout = 5": ("SET", None),
    "VACUUM secret_name": ("OTHER", None),
    "": ("OTHER", None),
}


@pytest.mark.parametrize("statement", KINDS)
def test_operation_and_table_are_read_from_the_text(statement):
    kind = find_statement_kind(statement)
    assert (kind.operation, kind.table, kind.statements) == (*KINDS[statement], 1)


def test_several_statements_in_one_message_are_one_kind():
    kind = find_statement_kind("UPDATE posts AS p SET a = 1;\nINSERT INTO post_events (a) SELECT 1")
    assert kind == ("UPDATE", "posts", 2)


@pytest.mark.parametrize("are_prepared", [False, True])
def test_prepared_statements_are_of_the_same_kind(are_prepared):
    update_and_finish = (UPDATES[LockedPost], FINISH_STATEMENT)
    kind = find_statement_kind(join_statements(update_and_finish, are_prepared=are_prepared))
    assert tuple(kind) == ("UPDATE", "posts", 2)
    kind = find_statement_kind(join_statements((LOCK_STATEMENT,), are_prepared=are_prepared))
    assert tuple(kind) == ("SELECT", "posts", 1)


def test_each_statement_is_observed_also_one_that_fails(database_url):
    observed = []
    database = Database(database_url, observer=lambda *given: observed.append(given))
    with database.transaction() as session:
        session.execute(text("SELECT id FROM posts WHERE title = :title"), {"title": "c4n4ry"})
    with database.transaction() as session, pytest.raises(DBAPIError):
        session.execute(text("SELECT 1 / :divisor FROM users"), {"divisor": 0})
    with database.transaction() as session, pytest.raises(DBAPIError):
        session.execute(text("SELECT 1 / :divisor"), {"divisor": 0})
    assert [(kind[:2], type(error).__name__) for kind, _, error in observed] == [
        (("SELECT", "posts"), "NoneType"),
        (("SELECT", "users"), "DivisionByZero"),
        (("SELECT", None), "DivisionByZero"),
    ]
    assert all(0 < seconds < 5 for _, seconds, _ in observed)
    assert "c4n4ry" not in repr(observed)
    database.dispose()


def test_without_an_observer_nothing_listens(database_url):
    engine = create_postgres_engine(database_url, application_name="test")
    assert not engine.dispatch.before_cursor_execute
    assert not engine.dispatch.after_cursor_execute
    observe_statements(engine, lambda *_: None)
    assert engine.dispatch.before_cursor_execute
