"""Work of a single statement, on a connection that others use for whole transactions."""

import pytest
from sqlalchemy import text

KEPT = text("SELECT count(*) FROM users WHERE email = 'somebody@example.org'")
ADD = text("INSERT INTO users (email) VALUES ('somebody@example.org')")


def stumble(opened):
    with opened as session:
        session.execute(ADD)
        raise ZeroDivisionError


def kept(database):
    with database.transaction() as session:
        return session.execute(KEPT).scalar_one()


def test_a_single_statement_is_kept_whatever_follows(database):
    with pytest.raises(ZeroDivisionError):
        stumble(database.single())
    assert kept(database) == 1


def test_after_a_single_statement_transactions_are_whole_again(database):
    with database.single() as session:
        session.execute(KEPT)
    with pytest.raises(ZeroDivisionError):
        stumble(database.transaction())
    assert kept(database) == 0
