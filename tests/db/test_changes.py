"""Changes of many rows in one statement: the same as the flush would write, and nothing else."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.event import listen
from sqlalchemy.exc import DataError

from db.accounts import Account
from db.changes import write_changes
from db.media import Media
from db.posts import Post


class Undone(Exception):
    pass


AT = datetime(2026, 11, 28, 1, 2, 3, 456789, tzinfo=UTC)


@pytest.fixture
def tenants(desk):
    return desk.tenants


@pytest.fixture
def rows(database, tenants):
    account = tenants.an_account()
    return [tenants.a_post(account) for _ in range(3)]


@pytest.fixture
def said(database):
    """What is told to Postgres."""
    heard = []
    listen(database._engine, "before_cursor_execute", lambda *told: heard.append(told[2]))
    return heard


def held(session, model=Post):
    return list(session.scalars(select(model).order_by(model.id)))


def updates(said):
    return [one.split()[1] for one in said if one.startswith("UPDATE")]


def seen(database, name):
    with database.transaction() as session:
        return [getattr(row, name) for row in held(session)]


def test_rows_with_the_same_columns_changed_are_one_statement(database, rows, said):
    with database.transaction() as session:
        for number, row in enumerate(held(session)):
            row.due_at, row.memo, row.title = AT, {"n": [number, None]}, f"é{number}"
            row.bytes_total, row.has_slot, row.error_code = 2**40 + number, True, None
        write_changes(session)
    assert updates(said) == ["posts"]
    assert seen(database, "due_at") == [AT] * 3
    assert seen(database, "memo") == [{"n": [number, None]} for number in range(3)]
    assert seen(database, "title") == ["é0", "é1", "é2"]
    assert seen(database, "bytes_total") == [2**40, 2**40 + 1, 2**40 + 2]


def test_each_set_of_columns_and_each_table_has_its_own(database, rows, said):
    with database.transaction() as session:
        [account], (first, second, third) = held(session, Account), held(session)
        first.title = second.title = "a"
        third.permalink = "b"
        account.last_error = "c"
        write_changes(session)
        assert updates(said) == ["posts"]
    assert sorted(updates(said)) == ["oauth_accounts", "posts", "posts"]  # single rows by the flush
    assert (seen(database, "title")[:2], seen(database, "permalink")[2]) == (["a", "a"], "b")


def test_nothing_becomes_null_and_a_value_takes_the_place_of_nothing(database, rows):
    with database.transaction() as session:
        for row in held(session):
            row.due_at, row.hold_reason = None, "why"
        write_changes(session)
    assert (seen(database, "due_at"), seen(database, "hold_reason")) == ([None] * 3, ["why"] * 3)


def test_what_changes_afterwards_is_written_as_well(database, rows):
    with database.transaction() as session:
        for row in held(session):
            row.title, row.permalink = "first", "kept"
        write_changes(session)
        for row in held(session):
            row.title = "second"
    assert (seen(database, "title"), seen(database, "permalink")) == (["second"] * 3, ["kept"] * 3)


def test_expressions_are_left_to_the_flush(database, rows, said):
    with database.transaction() as session:
        for row in held(session):
            row.due_at = func.now()
        write_changes(session)
        assert updates(said) == []
    assert None not in seen(database, "due_at")


def test_nothing_in_a_json_column_is_left_to_the_flush(database, desk, tenants, said):
    owner = tenants.a_user()
    files = [desk.a_file(owner) for _ in range(2)]
    with database.transaction() as session:
        for row in held(session, Media):
            row.probe = None
        write_changes(session)
        assert updates(said) == []
    assert [desk.media(file).probe for file in files] == [None, None]


def test_beside_new_rows_the_flush_keeps_its_order(database, tenants, rows, said):
    with database.transaction() as session:
        session.add(Post(**fields(held(session)[0])))
        for row in held(session):
            row.title = "changed"
        session.add(Post(**fields(held(session)[0])))
        write_changes(session)
        assert updates(said) in ([], ["posts"])
    assert len(seen(database, "title")) == 5


def fields(post):
    wanted = ("user_id", "oauth_account_id", "provider", "kind", "source", "sent_by")
    return {name: getattr(post, name) for name in wanted}


def titled(session, posts, title, *, then=lambda: None):
    """In a savepoint, as the records of a group."""
    with session.begin_nested():
        for row in posts:
            row.title = title
        write_changes(session)
        then()


def undo():
    raise Undone


def test_undone_with_its_savepoint_it_can_be_written_anew(database, rows):
    """As when the records of a group fail together, and each is then tried alone."""
    with database.transaction() as session:
        posts = held(session)
        with pytest.raises(Undone):
            titled(session, posts, "undone", then=undo)
        assert [row.title for row in posts] == [""] * 3
        posts[0].title = "undone"
    assert seen(database, "title") == ["undone", "", ""]


def test_what_postgres_cannot_keep_is_an_error_as_in_a_flush(database, rows):
    with database.transaction() as session:
        posts = held(session)
        with pytest.raises(DataError):
            titled(session, posts, "a\0b")
        assert [row.title for row in posts] == [""] * 3
