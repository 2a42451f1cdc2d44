"""Searching stored webhook events takes a bounded time, whatever the filter."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.statement_limits import SearchTooSlow, search_limits
from db.webhooks.events import EventFilter
from db.webhooks.search import EventSearch

INSERT_EVENTS = text(
    "INSERT INTO webhook_events (external_id, provider, event_type, payload_json, status, dead_at,"
    " next_attempt_at, error_message) SELECT 'e' || n, 'tiktok', 'x', '{}', 'dead', now(), NULL,"
    " CASE WHEN n > 2 THEN 'unreadable: no event' ELSE 'unknown_publication: no post' END"
    " FROM generate_series(1, 5) AS n"
)


def test_a_search_that_takes_too_long_ends_with_an_error_of_its_own(database):
    with (
        pytest.raises(SearchTooSlow),
        database.transaction() as session,
        search_limits(session, timedelta(milliseconds=20)),
    ):
        session.execute(text("SELECT pg_sleep(10)"))


def test_other_errors_stay_as_they_are(database):
    with (
        pytest.raises(DBAPIError, match="division by zero"),
        database.transaction() as session,
        search_limits(session),
    ):
        session.execute(text("SELECT 1 / 0"))


def test_dead_events_are_grouped_by_the_code_of_their_error(database):
    with database.transaction() as session:
        session.execute(INSERT_EVENTS)
        causes = EventSearch(session).list_dead_causes(EventFilter(status="dead"))
        assert [(cause.code, cause.events) for cause in causes] == [
            ("unreadable", 3),
            ("unknown_publication", 2),
        ]
        assert causes[0].example == "unreadable: no event"


def test_a_text_of_an_error_is_found_as_it_is_written(database):
    with database.transaction() as session:
        session.execute(INSERT_EVENTS)
        search = EventSearch(session)
        assert len(search.page(EventFilter(error_text="NO EVENT"), limit=9)) == 3
        assert search.page(EventFilter(error_text="%"), limit=9) == []
        newest = max(event.id for event in search.page(EventFilter(), limit=9))
        assert search.count_newer(EventFilter(), than=newest - 2) == 2
