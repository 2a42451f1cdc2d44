"""When posts get their slots: pure arithmetic over the slots in use and the posts due earlier."""

from datetime import UTC, datetime, timedelta

from core.publishing.forecast import plan_slots

DAY = timedelta(hours=24)
NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


def hours(number):
    return timedelta(hours=number)


def plan(taken=(), due_times=(), *, at=NOON, limit=2):
    return plan_slots(taken, due_times, at, limit=limit, window=DAY)


def test_a_post_with_room_goes_out_at_its_time():
    assert plan([NOON - hours(1)]).goes_at == NOON


def test_a_post_without_room_goes_out_when_the_oldest_slot_is_free():
    result = plan([NOON - hours(20), NOON - hours(1)])

    assert result.goes_at == NOON + hours(4)
    assert len(result.ends_in_use) == 2


def test_a_slot_that_ends_at_the_time_of_the_post_is_free():
    assert plan([NOON - DAY, NOON - hours(1)]).goes_at == NOON


def test_posts_that_are_due_earlier_take_their_slots_first():
    result = plan([NOON - hours(20)], [NOON - hours(2), NOON - hours(1)])

    assert result.goes_at == NOON - hours(2) + DAY
    assert len(result.ends_in_use) == 2


def test_two_waiting_posts_do_not_get_the_same_slot():
    taken = [NOON - hours(20), NOON - hours(19)]

    assert plan(taken, [NOON - hours(1)]).goes_at == NOON + hours(5)


def test_more_slots_in_use_than_are_allowed_have_to_end_first():
    taken = [NOON - hours(20), NOON - hours(19), NOON - hours(18)]

    assert plan(taken).goes_at == NOON + hours(5)


def test_a_post_that_would_wait_for_a_day_does_not_go_out():
    assert plan([NOON, NOON]).goes_at is None


def test_a_limit_of_zero_lets_nothing_out():
    assert plan(limit=0).goes_at is None


def test_a_post_that_waits_in_vain_takes_no_slot():
    result = plan([NOON - hours(1), NOON - hours(1)], [NOON - hours(1)], at=NOON + DAY)

    assert result.goes_at == NOON + DAY
    assert result.ends_in_use == []
