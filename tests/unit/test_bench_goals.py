from dataclasses import replace

import pytest

from bench.figures import Delays
from bench.findings import judged
from bench.goals import GOALS, standings
from bench.memory import Applied
from bench.orders import Answer, Order, Told
from bench.report import Results
from tests.loads import BURDEN, LOAD, MACHINE, phases

ORDER = Order("http://127.0.0.1:1/", "few-", 10, 1.0, 16, "bench", "not-a-real-one")


def accepting(rate):
    return replace(LOAD, accepted_per_second=rate)


def named(title, stacks):
    return next(one for one in standings(stacks) if one.title == title)


def test_we_stand_beside_the_best_peer_and_the_floor_is_none():
    stacks = {
        "signalpost": phases(accepting(700.0)),
        "noop": phases(accepting(9000.0)),
        "inline": phases(accepting(100.0)),
        "fastapi_arq": phases(accepting(200.0)),
    }
    found = named("accepts, per second", stacks)
    assert (found.peer, found.theirs, found.ratio) == ("fastapi_arq", 200.0, 3.5)
    assert found.reached is True


def test_a_target_that_is_nearly_reached_is_not_reached():
    stacks = {"signalpost": phases(accepting(349.0)), "inline": phases(accepting(100.0))}
    assert named("accepts, per second", stacks).reached is False


def test_each_stack_is_taken_with_as_many_senders_as_suit_it():
    stacks = {
        "signalpost": phases(many=accepting(400.0)),
        "inline": phases(few=accepting(200.0)),
    }
    assert named("accepts, per second", stacks).ratio == 2.0
    assert named("accepts, 64 senders, per second", stacks).ratio == 4.0


def test_of_delays_and_costs_the_least_is_best():
    cheap = replace(LOAD, burden=replace(BURDEN, cost={"web": 1.5, "generator": 9.0}))
    stacks = {"signalpost": phases(), "inline": phases(), "express_bullmq": phases(cheap)}
    found = named("CPU per event, ms", stacks)
    assert (found.ours, found.peer, found.theirs, found.ratio) == (3.0, "express_bullmq", 1.5, 2.0)
    assert found.reached is None


def test_who_applies_before_the_answer_has_no_delay_after_it():
    inline = phases(replace(LOAD, applied=Delays(0.0, 0.0, 0.0)))
    stacks = {"signalpost": phases(), "inline": inline, "fastapi_arq": phases()}
    assert named("accepted to applied p50, idle, ms", stacks).peer == "fastapi_arq"


@pytest.mark.parametrize("alone", ["signalpost", "inline"])
def test_without_the_other_side_nothing_is_compared(alone):
    assert standings({alone: phases(), "noop": phases()}) == []


def test_every_figure_is_one_that_a_load_has():
    assert all(goal.of(phases()) is not None for goal in GOALS)


def test_each_acknowledged_letter_is_looked_up():
    answers = (
        Answer(1, 10.0, 10.1, 200),
        Answer(2, 10.0, 10.2, 200),
        Answer(3, 10.0, 11.0, 200),
        Answer(4, 10.0, 10.1, 503),
    )
    found = {"few-1": Applied(10.3, 1), "few-2": Applied(12.0, 2), "few-4": Applied(10.3, 1)}
    load = judged(ORDER, Told(answers, 1, 0.1), found, BURDEN)
    assert (load.acknowledged, load.refused, load.lost, load.doubled) == (3, 1, 1, 1)
    assert (load.accepted_per_second, load.applied_per_second) == (3.0, 1.0)
    assert load.applied == Delays(200.0, 1800.0, 1800.0)


def test_where_nothing_is_stored_nothing_can_be_lost():
    load = judged(ORDER, Told((Answer(1, 10.0, 10.1, 200),), 0, 0.1), None, BURDEN)
    assert (load.lost, load.applied_per_second, load.applied) == (0, None, None)


def test_a_run_is_wrong_by_what_we_lost_and_not_by_what_peers_did():
    bad = replace(LOAD, lost=2, doubled=1)
    assert Results(MACHINE, {}, {"signalpost": phases(few=bad)}).wrong == 3
    assert Results(MACHINE, {}, {"signalpost": phases(), "inline": phases(bad)}).wrong == 0
