"""Counts by hour: hours that are over are counted once, also if a later hour takes too long."""

from datetime import UTC, datetime, timedelta

import pytest

from core.health import hourly_counts
from core.health.hourly_counts import HOUR, LISTED_HOURS, HourlyCounter
from db.session import Database, DatabaseUnavailable

NOON = datetime(2026, 3, 2, 12, 20, tzinfo=UTC)
CURRENT_HOUR = NOON.replace(minute=0)


@pytest.fixture
def database(database_url):
    database = Database(database_url, pool_size=2)
    yield database
    database.dispose()


class CountedPeriods:
    """Counts one job in each hour of a period, and can fail from one hour on."""

    def __init__(self):
        self.periods, self.fails_from = [], datetime.max.replace(tzinfo=UTC)

    def count(self, _session, since, until):
        if until > self.fails_from:
            raise DatabaseUnavailable("the statement took too long")
        self.periods.append((since, until))
        hour = since
        while hour < until:
            yield hour, "posts", 1
            hour += HOUR


@pytest.fixture
def build_counter(database, monkeypatch):
    """Builds a counter that counts anew at each reading, and what it counts."""
    monkeypatch.setattr(hourly_counts, "COUNTS_MAX_AGE", 0.0)

    def build(clock=lambda: NOON):
        periods = CountedPeriods()
        return HourlyCounter(database, clock, name="test", count=periods.count), periods

    return build


def test_every_hour_of_a_day_is_counted_and_those_that_are_over_only_once(build_counter):
    counter, counted = build_counter()
    counts = counter.read()
    assert counts.list_counts("posts") == [1] * LISTED_HOURS
    assert counts.begins_at == CURRENT_HOUR - 23 * HOUR
    counted.periods.clear()
    assert counter.read().sum_counts("posts") == LISTED_HOURS
    assert counted.periods == [(CURRENT_HOUR - HOUR, CURRENT_HOUR + HOUR)]


def test_an_hour_later_only_the_hour_that_ended_is_counted_again(build_counter):
    times = [NOON]
    counter, counted = build_counter(lambda: times[-1])
    counter.read()
    counted.periods.clear()
    times.append(NOON + timedelta(hours=1))
    assert counter.read().sum_counts("posts") == LISTED_HOURS
    assert counted.periods == [
        (CURRENT_HOUR - HOUR, CURRENT_HOUR),
        (CURRENT_HOUR, CURRENT_HOUR + 2 * HOUR),
    ]


def test_hours_that_were_counted_stay_if_a_later_one_takes_too_long(build_counter):
    counter, counted = build_counter()
    counted.fails_from = CURRENT_HOUR - 5 * HOUR
    assert counter.read() is None
    before = len(counted.periods)
    counted.periods.clear()
    counted.fails_from = datetime.max.replace(tzinfo=UTC)
    assert counter.read().sum_counts("posts") == LISTED_HOURS
    assert before > 0
    assert counted.periods[0][0] == CURRENT_HOUR - (23 - before * 6) * HOUR
