"""What is claimed, by whom, how often, and that no transaction spans the outside world."""

import time
from datetime import timedelta
from types import SimpleNamespace

import pytest

from core.engine import perform as engine
from core.engine.work import run
from core.outcomes import DONE, Held
from db.attempts import Attempts
from platforms.errors import Unavailable
from tests.db.chores import World, chores, perform, raising
from tests.flows.brokers import until

MINUTE = timedelta(minutes=1)


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


def test_in_a_stint_the_slowest_answer_keeps_nobody_waiting(database, sight):
    slow, *quick = sight.put(12)

    def outside(job, world):
        if job.id == slow:
            until(lambda: set(sight.effects()) == set(quick), what="the effects of all others")
        return perform(job, world)

    work = chores(perform=outside, batch=4, pool=2)
    assert run(work, database, World(), stint=60.0).recorded == 12
    assert sight.effects() == dict.fromkeys([slow, *quick], 1)


def test_a_stint_that_leaves_something_over_rings_for_whoever_goes_on(database, sight, monkeypatch):
    clock, rung = SimpleNamespace(now=0.0), []
    monkeypatch.setattr(engine, "time", SimpleNamespace(monotonic=lambda: clock.now))

    def outside(job, world):
        clock.now = 61.0 if len(world.performed) >= 8 else 0.0
        return perform(job, world)

    sight.put(40)
    world = World(ring=rung.append)
    claimed = run(chores(perform=outside, batch=4, pool=2), database, world, stint=60.0).claimed
    assert 4 < claimed < 40
    assert rung == ["chores"] * 2


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


def test_no_transaction_is_open_while_the_outside_is_asked(database, sight):
    sight.put(4)
    lent = []

    def outside(job, world):
        lent.append(database.in_use())
        return perform(job, world)

    run(chores(perform=outside, pool=1), database, World())
    assert lent == [0, 0, 0, 0]


@pytest.mark.parametrize("pool", [1, 4])
def test_who_is_parked_does_not_wait_for_others_calls(database, sight, pool):
    *busy, parked = sight.put(4)
    seen = []

    def brief(_session, row):
        if row.id == parked:
            raise Held("needs_reconnect")
        return row.id

    def outside(id_, _world):
        while sight.chore(parked).leased_until is not None:
            time.sleep(0.005)
        seen.append(id_)
        return id_

    run(chores(brief=brief, perform=outside, record=lambda *_: DONE, pool=pool), database, World())
    assert sorted(seen) == busy


def test_who_is_answered_is_recorded_while_others_still_wait(database, sight):
    *quick, slow = sight.put(4)
    left = []

    def outside(job, world):
        if job.id == slow:
            until(lambda: all(sight.chore(id_).leased_until is None for id_ in quick))
            left.append(job.id)
        return perform(job, world)

    run(chores(perform=outside, pool=4), database, World())
    assert left == [slow]


def test_answers_that_came_while_others_were_recorded_are_recorded_in_one_piece(database, sight):
    sight.put(5)
    world, pieces = World(), []

    def together(session, group):
        until(lambda: len(world.performed) == 5, what="all answers")
        pieces.append(len(group))
        return [chores().record(session, row, outcome) for row, outcome in group]

    assert run(chores(together=together, pool=5), database, world).recorded == 5
    assert len(pieces) < sum(pieces) == 5


def test_what_briefs_look_at_is_read_at_once_for_all_of_them(database, sight):
    ids, asked = sight.put(3), []

    def gather(_session, rows):
        asked.append([row.id for row in rows])

    assert run(chores(gather=gather), database, World()).recorded == 3
    assert asked[0] == ids
