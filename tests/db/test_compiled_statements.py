"""Statements that are compiled once, and several of them in one message."""

import pytest
from sqlalchemy import BigInteger, Text, any_, bindparam, delete, event, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError

from db.bulk import ROWS_PARAMETER, rows_table
from db.compiled_statements import (
    CompiledStatement,
    StatementCall,
    execute_calls,
    execute_compiled,
)
from db.identity.users import User
from db.session import DatabaseUnavailable
from tests.db.schema_catalog import run_sql

GIVEN = rows_table({"email": Text()})
INSERT_USERS = CompiledStatement(insert(User).from_select(["email"], select(GIVEN.c.email)))
SELECT_USERS = CompiledStatement(
    select(User.email).where(User.email.like("50%%@example.org")).order_by(User.email)
)
NAMED_SELECT = CompiledStatement(select(User.id, User.email), name="select_users")
COUNT_PREPARED = (
    "SELECT count(*), max(generic_plans), max(custom_plans) FROM pg_prepared_statements"
)
RENAME_USERS = CompiledStatement(update(User).values(email="50%:" + User.email))


def read_users(database):
    with database.transaction() as session:
        return execute_compiled(session, NAMED_SELECT, {}).rows


def insert_call(*emails):
    return StatementCall(INSERT_USERS, {ROWS_PARAMETER: [{"email": email} for email in emails]})


def test_statements_of_one_message_run_in_their_order_each_with_its_values(database):
    messages = []
    with database.transaction() as session:
        event.listen(
            session.connection(), "before_cursor_execute", lambda *args: messages.append(args[2])
        )
        result = execute_calls(
            session,
            [
                insert_call("50%%a@example.org"),
                insert_call("50%(rows)s@example.org", "other@example.org"),
                StatementCall(SELECT_USERS, {}),
            ],
        )
    assert [row[0] for row in result.rows] == ["50%%a@example.org", "50%(rows)s@example.org"]
    assert len(messages) == 1


def test_the_count_is_that_of_the_last_statement(database):
    with database.transaction() as session:
        calls = [insert_call("a@example.org", "b@example.org"), insert_call("c@example.org")]
        assert execute_calls(session, calls).row_count == 1
        assert execute_calls(session, [*calls[:0], StatementCall(RENAME_USERS, {})]).row_count == 3
        assert execute_calls(session, []).row_count == 0


def test_what_the_session_has_to_write_is_written_first(database):
    with database.transaction() as session:
        session.add(User(email="50%@example.org"))
        assert len(execute_compiled(session, SELECT_USERS, {}).rows) == 1


def test_an_error_rolls_all_of_them_back_and_quotes_no_value(database):
    with pytest.raises(DBAPIError) as caught, database.transaction() as session:
        execute_calls(session, [insert_call("secret@example.org"), insert_call(None)])
    assert "secret@example.org" not in str(caught.value)
    assert "INSERT INTO users" in str(caught.value)
    with database.transaction() as session:
        assert session.scalars(select(User.email)).all() == []


def test_a_list_of_values_has_to_be_an_array():
    CompiledStatement(
        delete(User).where(User.id == any_(bindparam("ids", type_=ARRAY(BigInteger))))
    )
    with pytest.raises(TypeError, match="array"):
        CompiledStatement(delete(User).where(User.id.in_([1, 2])))


def test_a_statement_with_a_name_is_planned_once_for_a_connection(database):
    with database.transaction() as session:
        execute_compiled(session, NAMED_SELECT, {})
        session.rollback()  # what was prepared stays so
    assert [read_users(database) for _ in range(3)] == [[], [], []]
    with database.transaction() as session:
        prepared = session.connection().exec_driver_sql(COUNT_PREPARED).one()
    assert tuple(prepared) == (1, 4, 0)


def test_a_session_that_was_reset_is_replaced(database):
    read_users(database)
    with database.transaction() as session:
        session.connection().exec_driver_sql("DEALLOCATE ALL")
    with pytest.raises(DatabaseUnavailable, match="reset the session"):
        read_users(database)
    assert read_users(database) == []


def test_a_column_of_another_type_is_planned_anew(database, database_url):
    read_users(database)
    run_sql(database_url, "ALTER TABLE users ALTER email TYPE varchar(300)")
    with pytest.raises(DatabaseUnavailable):
        read_users(database)
    assert read_users(database) == []


def test_an_added_column_changes_nothing_for_prepared_statements(database, database_url):
    read_users(database)
    run_sql(database_url, "ALTER TABLE users ADD added text")
    assert read_users(database) == []
