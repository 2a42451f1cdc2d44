"""One claim, its performances, its records: what each way of ending means for the row."""

from datetime import timedelta

import pytest

from core.backoff import Policy, seconds
from core.outcomes import Again, Held, Later
from core.work import run
from db.attempts import Attempts
from platforms.errors import RateLimited, Rejected, Unavailable
from tests.db.chores import Effect, World, chores, perform

MINUTE = timedelta(minutes=1)


def raising(error):
    def outside(_job, _world):
        raise error

    return outside


def tries(database, id_):
    with database.transaction() as session:
        return [
            (each.number, each.outcome, each.code) for each in Attempts(session).of("chores", id_)
        ]


def test_what_is_due_is_performed_and_recorded_once(database, sight):
    ids = sight.put(5)
    report = run(chores(), database, World())
    assert (report.claimed, report.recorded, report.failed) == (5, 5, 0)
    assert sight.effects() == dict.fromkeys(ids, 1)
    assert run(chores(), database, World()).claimed == 0


def test_every_try_leaves_a_line_in_the_ledger(database, sight):
    (id_,) = sight.put()
    run(chores(perform=raising(Unavailable("no answer"))), database, World(dice=lambda: 0))
    run(chores(), database, World())
    assert tries(database, id_) == [(1, "retry", "platform_unavailable"), (2, "done", None)]


def test_work_that_is_not_due_is_left_alone(database, sight):
    (id_,) = sight.put()
    sight.set(id_, due_at=sight.now() + MINUTE)
    assert run(chores(), database, World()).claimed == 0


def test_a_full_claim_rings_for_helpers_and_a_short_one_does_not(database, sight):
    rung = []
    sight.put(9)
    run(chores(batch=8), database, World(ring=rung.append))
    assert rung == ["chores"]
    run(chores(batch=8), database, World(ring=rung.append))
    assert rung == ["chores"]


def test_one_row_can_be_asked_for_by_its_id(database, sight):
    _, wanted, _ = sight.put(3)
    assert run(chores(), database, World(), only=wanted).claimed == 1
    assert sight.effects() == {wanted: 1}


def test_an_attempt_counts_from_the_claim_even_if_nobody_comes_back(database, sight):
    (id_,) = sight.put()
    with pytest.raises(SystemExit):
        run(chores(perform=raising(SystemExit())), database, World())
    row = sight.chore(id_)
    assert (row.attempts, row.leased_until is not None) == (1, True)
    assert tries(database, id_) == [(1, None, None)]


def test_a_lapsed_row_is_claimed_alone(database, sight):
    dead = sight.put(3)
    work = chores(perform=raising(SystemExit()), pool=1)
    with pytest.raises(SystemExit):
        run(work, database, World())
    sight.lapse(*dead)
    sight.put(2)
    report = run(chores(), database, World())
    assert report.recorded == 3
    assert sight.open() == 2


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

    work = chores(**{part: breaks}, together=together)
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

    run(chores(perform=outside, give_up=give_up, together=True), database, World())
    row = sight.chore(first)
    assert sight.effects() == {second: 1}
    assert (row.leased_until, row.last_error) == (None, "unended: IntegrityError")
    assert row.due_at > sight.now() + timedelta(minutes=50)


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


def test_no_transaction_is_open_while_the_outside_is_asked(database, sight):
    sight.put(4)
    lent = []

    def outside(job, world):
        lent.append(database.in_use())
        return perform(job, world)

    run(chores(perform=outside, pool=1), database, World())
    assert lent == [0, 0, 0, 0]
