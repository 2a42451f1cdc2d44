"""Values that are kept for a short time."""

from datetime import timedelta

import pytest

from core.limits import timed_values
from core.limits.timed_values import TimedValues

MINUTE = timedelta(minutes=1)


@pytest.fixture
def clock():
    return [100.0]


@pytest.fixture
def values(clock):
    return TimedValues(clock=lambda: clock[0])


def test_a_value_is_kept_for_its_lifetime(values, clock):
    values.add("a", {"posts": 0}, lifetime=MINUTE)
    clock[0] += 59.9
    assert values.get("a") == {"posts": 0}
    clock[0] += 0.1
    assert values.get("a") is None


def test_a_value_that_is_added_again_begins_anew(values, clock):
    values.add("a", 1, lifetime=MINUTE)
    clock[0] += 50
    values.add("a", 2, lifetime=MINUTE)
    clock[0] += 50
    assert (values.get("a"), values.get("b")) == (2, None)


def test_the_oldest_values_make_room_for_new_ones(values, monkeypatch):
    monkeypatch.setattr(timed_values, "MAX_VALUES", 2)
    for name in ("a", "b"):
        values.add(name, name, lifetime=MINUTE)
    values.add("a", "newer", lifetime=MINUTE)
    values.add("c", "c", lifetime=MINUTE)
    assert [values.get(name) for name in ("a", "b", "c")] == ["newer", None, "c"]
