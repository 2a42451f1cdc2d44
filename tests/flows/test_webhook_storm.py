"""Deliveries tenfold, shuffled, while the house loses its processes: I1 and I2 of the test plan.

What was acknowledged is there, and was applied once. The checker is shown to be able to complain.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from tests.flows import misfortunes
from tests.flows.brokers import until
from tests.flows.rains import Rain
from tests.flows.storms import COPIES, Storm

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("storm")]

DRAINED = 60.0  # seconds; a lease, and the start of a worker on a busy machine


@pytest.fixture
def house(storm_house):
    return storm_house


@pytest.fixture
def storm(house, request):
    return lambda name, count: Storm(house, name, count).prepare()


def test_killed_processes_lose_nothing_that_was_acknowledged(house, storm):
    storm = storm("storm-", 120)
    with ThreadPoolExecutor(1) as threads:
        blowing = threads.submit(storm.blow)
        for name, after in (("worker", 100), ("web", 400), ("worker", 700)):
            until(
                lambda after=after: len(storm.answers) >= after or blowing.done(),
                what=f"{after} answers",
            )
            assert not blowing.done(), "the storm was over before its misfortune"
            house.kill(name)
            house.lapse()  # of whom was killed, and of the living as well: the fence holds
        blowing.result()
    until(storm.drained_soon, within=DRAINED, what="the inbox drained")
    assert len(storm.acknowledged) == 120
    assert set(storm.answers) <= {200, 503}
    assert storm.answers.count(200) == 120 * COPIES
    assert storm.complaints() == {}


def test_a_hung_broker_costs_no_answer_and_beat_makes_up_for_the_bells(house, storm):
    storm = storm("hung-", 20)
    with house.frozen("redis"):
        began = time.monotonic()
        storm.blow(copies=2)
        taken = time.monotonic() - began
    assert set(storm.answers) == {200}
    assert taken < 4
    until(storm.drained, within=DRAINED, what="the inbox drained")
    assert storm.complaints() == {}


def test_a_process_that_outlives_its_lease_applies_nothing_twice(house):
    rain = Rain(house, "overtaken-", 0, rate=50.0)
    with rain.falling():
        for _ in range(6):
            misfortunes.overtaken(house)
    until(rain.drained_soon, within=DRAINED, what="the inbox drained")
    assert set(rain.answers) == {200}
    assert rain.complaints() == {}


def test_whoever_speaks_with_postgres_is_cut_off_and_nothing_is_lost(house):
    rain = Rain(house, "cut-", 0)
    with rain.falling():
        misfortunes.cut_off(house, 2.0)
    until(rain.drained_soon, within=DRAINED, what="the inbox drained")
    assert set(rain.answers) <= {200, 503}
    assert len(rain.acknowledged) == rain.count
    assert rain.complaints() == {}


def test_the_checker_complains_when_there_is_something_to_complain_about(house, storm):
    storm = storm("control-", 6)
    storm.blow(copies=1)
    until(storm.drained, within=DRAINED, what="the inbox drained")
    assert storm.complaints() == {}
    lost, again, forgotten, stored_twice = storm.ids[:4]

    house.rows("DELETE FROM webhook_events WHERE publish_id = %s", lost)
    house.rows(
        "UPDATE webhook_events SET processed_at = NULL, status = 'pending', next_attempt_at = now()"
        " WHERE publish_id = %s",
        again,
    )
    house.rows("UPDATE posts SET state = 'PROCESSING' WHERE publish_id = %s", forgotten)
    with without_the_key(house):
        storm.deliver(stored_twice)
    until(storm.drained, within=DRAINED, what="the inbox drained")

    assert storm.complaints() == {
        "lost": {lost},
        "stored twice": {stored_twice},
        "not applied once": {again, stored_twice},
        "without effect": {forgotten},
        "moved back": {forgotten},
    }


@contextmanager
def without_the_key(house):
    """Nothing in the schema refuses a second row."""
    key = "uq_webhook_events_provider_external_id"
    house.rows(f"ALTER TABLE webhook_events DROP CONSTRAINT {key}")
    yield
    house.rows("UPDATE webhook_events SET external_id = external_id || id")
    house.rows(f"ALTER TABLE webhook_events ADD CONSTRAINT {key} UNIQUE (provider, external_id)")
