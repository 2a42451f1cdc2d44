"""`write_changes` writes many changed rows in one statement, with the result of a flush."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.event import listen
from sqlalchemy.exc import DataError

from db.accounts.accounts import Account
from db.bulk import write_changes
from db.media.files import Media
from db.posts.posts import Post


class UndoSavepoint(Exception):
    pass


SAMPLE_TIME = datetime(2026, 11, 28, 1, 2, 3, 456789, tzinfo=UTC)


@pytest.fixture
def factory(publisher):
    return publisher.factory


@pytest.fixture
def post_ids(database, factory):
    account = factory.create_account()
    return [factory.create_post(account) for _ in range(3)]


@pytest.fixture
def executed_statements(database):
    """The statements sent to Postgres."""
    statements = []
    listen(database._engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    return statements


def load_rows(session, model=Post):
    return list(session.scalars(select(model).order_by(model.id)))


def updated_tables(statements):
    return [sql.split()[1] for sql in statements if sql.startswith("UPDATE")]


def load_values(database, name):
    with database.transaction() as session:
        return [getattr(row, name) for row in load_rows(session)]


def test_rows_with_the_same_columns_changed_are_one_statement(
    database, post_ids, executed_statements
):
    with database.transaction() as session:
        for number, row in enumerate(load_rows(session)):
            row.due_at, row.step_state, row.title = SAMPLE_TIME, {"n": [number, None]}, f"é{number}"
            row.bytes_total, row.has_slot, row.error_code = 2**40 + number, True, None
        write_changes(session)
    assert updated_tables(executed_statements) == ["posts"]
    assert load_values(database, "due_at") == [SAMPLE_TIME] * 3
    assert load_values(database, "step_state") == [{"n": [number, None]} for number in range(3)]
    assert load_values(database, "title") == ["é0", "é1", "é2"]
    assert load_values(database, "bytes_total") == [2**40, 2**40 + 1, 2**40 + 2]


def test_each_set_of_columns_and_each_table_has_a_statement_of_its_own(
    database, post_ids, executed_statements
):
    with database.transaction() as session:
        [account], (first, second, third) = load_rows(session, Account), load_rows(session)
        first.title = second.title = "a"
        third.permalink = "b"
        account.last_error = "c"
        write_changes(session)
        assert updated_tables(executed_statements) == ["posts"]
    # The flush writes the single rows.
    assert sorted(updated_tables(executed_statements)) == ["oauth_accounts", "posts", "posts"]
    assert (load_values(database, "title")[:2], load_values(database, "permalink")[2]) == (
        ["a", "a"],
        "b",
    )


def test_none_is_written_as_null_and_null_is_replaced_by_a_value(database, post_ids):
    with database.transaction() as session:
        for row in load_rows(session):
            row.due_at, row.hold_reason = None, "why"
        write_changes(session)
    assert (load_values(database, "due_at"), load_values(database, "hold_reason")) == (
        [None] * 3,
        ["why"] * 3,
    )


def test_later_changes_are_written_as_well(database, post_ids):
    with database.transaction() as session:
        for row in load_rows(session):
            row.title, row.permalink = "first", "kept"
        write_changes(session)
        for row in load_rows(session):
            row.title = "second"
    assert (load_values(database, "title"), load_values(database, "permalink")) == (
        ["second"] * 3,
        ["kept"] * 3,
    )


def test_what_was_written_is_not_examined_by_the_flush(database, post_ids):
    with database.transaction() as session:
        first, second, third = load_rows(session)
        first.title = second.title = "written"
        third.permalink = "left to the flush"
        write_changes(session)
        assert set(session.dirty) == {third}


def test_expressions_are_left_to_the_flush(database, post_ids, executed_statements):
    with database.transaction() as session:
        for row in load_rows(session):
            row.due_at = func.now()
        write_changes(session)
        assert updated_tables(executed_statements) == []
    assert None not in load_values(database, "due_at")


def test_none_in_a_json_column_is_left_to_the_flush(
    database, publisher, factory, executed_statements
):
    owner = factory.create_user()
    files = [publisher.create_media(owner) for _ in range(2)]
    with database.transaction() as session:
        for row in load_rows(session, Media):
            row.probe = None
        write_changes(session)
        assert updated_tables(executed_statements) == []
    assert [publisher.media(file).probe for file in files] == [None, None]


def test_with_new_rows_in_the_session_everything_is_left_to_the_flush(
    database, factory, post_ids, executed_statements
):
    with database.transaction() as session:
        session.add(Post(**post_fields(load_rows(session)[0])))
        for row in load_rows(session):
            row.title = "changed"
        session.add(Post(**post_fields(load_rows(session)[0])))
        write_changes(session)
        assert updated_tables(executed_statements) in ([], ["posts"])
    assert len(load_values(database, "title")) == 5


def post_fields(post):
    names = ("user_id", "oauth_account_id", "provider", "kind", "source", "sent_by")
    return {name: getattr(post, name) for name in names}


def set_title_in_savepoint(session, posts, title, *, then=lambda: None):
    """Change the titles in a savepoint, as when a batch of jobs is recorded."""
    with session.begin_nested():
        for row in posts:
            row.title = title
        write_changes(session)
        then()


def raise_undo():
    raise UndoSavepoint


def test_after_a_savepoint_rollback_rows_can_be_written_again(database, post_ids):
    """As when recording a batch fails and each row is then recorded alone."""
    with database.transaction() as session:
        posts = load_rows(session)
        with pytest.raises(UndoSavepoint):
            set_title_in_savepoint(session, posts, "undone", then=raise_undo)
        assert [row.title for row in posts] == [""] * 3
        posts[0].title = "undone"
    assert load_values(database, "title") == ["undone", "", ""]


def test_a_value_that_postgres_rejects_is_an_error_as_in_a_flush(database, post_ids):
    with database.transaction() as session:
        posts = load_rows(session)
        with pytest.raises(DataError):
            set_title_in_savepoint(session, posts, "a\0b")
        assert [row.title for row in posts] == [""] * 3
