"""How a try can end, and what each end means for its row and for the rows beside it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.backoff import Policy, seconds
from core.engine.work import run
from core.outcomes import Again, Held, Later
from platforms.errors import RateLimited, Rejected
from tests.db.chores import Effect, World, chores, perform, raising

MINUTE = timedelta(minutes=1)


def test_success_forgets_earlier_failures(database, sight):
    (id_,) = sight.put(attempts=7)
    run(chores(record=lambda *_: Again(MINUTE)), database, World())
    row = sight.chore(id_)
    assert (row.attempts, row.leased_until, row.last_error) == (0, None, None)
    assert MINUTE - timedelta(seconds=10) < row.due_at - sight.now() <= MINUTE


def test_without_progress_the_count_runs_on(database, sight):
    (id_,) = sight.put(attempts=7)
    run(chores(record=lambda *_: Again(MINUTE, progressed=False)), database, World())
    assert sight.chore(id_).attempts == 8


def test_retry_after_is_a_floor(database, sight):
    (id_,) = sight.put()
    told = RateLimited("slow down", retry_after=timedelta(minutes=5))
    run(chores(perform=raising(told)), database, World(dice=lambda: 0))
    wait = sight.chore(id_).due_at - sight.now()
    assert 5 * MINUTE - timedelta(seconds=10) < wait <= 5 * MINUTE


def test_a_refusal_ends_it_at_once(database, sight):
    (id_,) = sight.put()
    report = run(chores(perform=raising(Rejected("no", code="spam"))), database, World())
    row = sight.chore(id_)
    assert (report.failed, row.due_at, row.note) == (1, None, "gave up: spam")
    assert row.last_error == "spam: no"


def test_an_unknown_error_is_tried_again_until_patience_ends(database, sight):
    (id_,) = sight.put()
    work = chores(perform=raising(ZeroDivisionError("secret")), policy=Policy(seconds(0, 0)))
    for _ in range(3):
        run(work, database, World())
    row = sight.chore(id_)
    assert (row.attempts, row.due_at, row.note) == (3, None, "gave up: ZeroDivisionError")
    assert "secret" not in row.last_error


def test_a_row_that_outlived_its_patience_is_not_performed_again(database, sight):
    (id_,) = sight.put(attempts=3)
    world = World()
    run(chores(policy=Policy(seconds(0, 0))), database, world)
    assert world.performed == []
    assert sight.chore(id_).note == "gave up: out_of_attempts"


def test_a_denied_limit_costs_no_attempt(database, sight):
    (id_,) = sight.put(attempts=2)
    run(chores(perform=raising(Later(MINUTE, "limit"))), database, World())
    row = sight.chore(id_)
    assert (row.attempts, row.last_error) == (2, "limit")
    assert row.due_at > sight.now()


def test_a_held_row_is_parked_for_a_person(database, sight):
    (id_,) = sight.put()
    run(chores(perform=raising(Held("needs_reconnect"))), database, World())
    row = sight.chore(id_)
    assert (row.attempts, row.due_at, row.leased_until) == (0, None, None)


def test_later_keeps_what_a_brief_wrote_before(database, sight):
    def brief(_session, row):
        row.note = "seen"
        raise Later(MINUTE, "not yet")

    (id_,) = sight.put()
    run(chores(brief=brief), database, World())
    assert sight.chore(id_).note == "seen"


def test_later_keeps_what_a_record_wrote_before(database, sight):
    def record(session, row, outcome):
        session.add(Effect(chore_id=row.id, attempt=outcome.attempt))
        raise Later(MINUTE, "not yet")

    (id_,) = sight.put()
    run(chores(record=record), database, World())
    assert sight.effects() == {id_: 1}


def test_who_rings_while_we_work_is_heard(database, sight):
    (id_,) = sight.put()

    def outside(job, world):
        sight.set(id_, due_at=sight.now())
        return perform(job, world)

    run(chores(perform=outside, record=lambda *_: Again(MINUTE)), database, World())
    assert sight.chore(id_).due_at <= sight.now()


def test_who_rings_while_a_row_is_being_parked_is_heard(database, sight):
    (id_,) = sight.put()

    def outside(_job, _world):
        sight.set(id_, due_at=sight.now())
        raise Held("needs_reconnect")

    run(chores(perform=outside), database, World())
    assert sight.chore(id_).due_at <= sight.now()


def test_a_bell_does_not_wake_what_has_ended(database, sight):
    (id_,) = sight.put()

    def outside(job, world):
        sight.set(id_, due_at=sight.now())
        return perform(job, world)

    run(chores(perform=outside), database, World())
    assert sight.chore(id_).due_at is None


def jointly(record):
    """A batch recorded in one piece."""
    return lambda session, batch: [record(session, row, outcome) for row, outcome in batch]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("part", ["brief", "perform", "record"])
def test_a_bad_row_costs_itself_and_not_its_neighbours(database, sight, part, together):
    ids = sight.put(5)
    bad = ids[2]

    def breaks(first, *rest):
        row = rest[0] if part in {"brief", "record"} else first
        if row.id == bad:
            if part != "perform":
                first.add(Effect(chore_id=-1, attempt=0))  # no such chore: the database refuses
                first.flush()
            raise ValueError("bad")
        return getattr(chores(), part)(first, *rest)

    work = chores(**{part: breaks})
    if together:
        work = replace(work, together=jointly(work.record))
    report = run(work, database, World(dice=lambda: 0.999))
    assert (report.recorded, report.failed) == (4, 1)
    assert sight.effects() == dict.fromkeys(set(ids) - {bad}, 1)


def test_an_end_that_cannot_be_written_costs_no_neighbour_and_comes_back(database, sight):
    first, second = sight.put(2)

    def outside(job, world):
        if job.id == first:
            raise Rejected("no", code="spam")
        return perform(job, world)

    def give_up(session, _row, _failure):
        session.add(Effect(chore_id=-1, attempt=0))
        session.flush()

    run(chores(perform=outside, give_up=give_up), database, World())
    row = sight.chore(first)
    assert sight.effects() == {second: 1}
    assert (row.leased_until, row.last_error) == (None, "unended: IntegrityError")
    assert row.due_at > sight.now() + timedelta(minutes=50)
