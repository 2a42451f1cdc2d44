from dataclasses import replace

import pytest

from bench.load_order import DeliveryResponse, LoadOrder, LoadReport
from bench.load_results import LatencyStats, summarize_phase
from bench.report import BenchResults
from bench.stack_database import AppliedPublication
from bench.targets import PEER_TARGETS, compare_with_peers
from tests.support.load_samples import SAMPLE_LOAD, SAMPLE_MACHINE, SAMPLE_USE, sample_phases

SAMPLE_ORDER = LoadOrder("http://127.0.0.1:1/", "few-", 10, 1.0, 16, "bench", "not-a-real-one")


def with_rate(rate):
    return replace(SAMPLE_LOAD, accepted_per_second=rate)


def find_comparison(title, stacks):
    return next(one for one in compare_with_peers(stacks) if one.title == title)


def test_we_stand_beside_the_best_peer_and_the_floor_is_none():
    stacks = {
        "signalpost": sample_phases(with_rate(700.0)),
        "noop": sample_phases(with_rate(9000.0)),
        "inline": sample_phases(with_rate(100.0)),
        "fastapi_arq": sample_phases(with_rate(200.0)),
    }
    found = find_comparison("accepts, per second", stacks)
    assert (found.peer, found.theirs, found.ratio) == ("fastapi_arq", 200.0, 3.5)
    assert found.reached is True


def test_a_target_that_is_nearly_reached_is_not_reached():
    stacks = {
        "signalpost": sample_phases(with_rate(349.0)),
        "inline": sample_phases(with_rate(100.0)),
    }
    assert find_comparison("accepts, per second", stacks).reached is False


def test_each_stack_is_taken_with_as_many_senders_as_suit_it():
    stacks = {
        "signalpost": sample_phases(many=with_rate(400.0)),
        "inline": sample_phases(few=with_rate(200.0)),
    }
    assert find_comparison("accepts, per second", stacks).ratio == 2.0
    assert find_comparison("accepts, 64 senders, per second", stacks).ratio == 4.0


def test_of_delays_and_costs_the_least_is_best():
    cheap = replace(SAMPLE_LOAD, burden=replace(SAMPLE_USE, cost={"web": 1.5, "generator": 9.0}))
    stacks = {
        "signalpost": sample_phases(),
        "inline": sample_phases(),
        "express_bullmq": sample_phases(cheap),
    }
    found = find_comparison("CPU per event, ms", stacks)
    assert (found.ours, found.peer, found.theirs, found.ratio) == (3.0, "express_bullmq", 1.5, 2.0)
    assert found.reached is None


def test_who_applies_before_the_answer_has_no_delay_after_it():
    inline = sample_phases(replace(SAMPLE_LOAD, applied=LatencyStats(0.0, 0.0, 0.0)))
    stacks = {"signalpost": sample_phases(), "inline": inline, "fastapi_arq": sample_phases()}
    assert find_comparison("accepted to applied p50, idle, ms", stacks).peer == "fastapi_arq"


@pytest.mark.parametrize("alone", ["signalpost", "inline"])
def test_without_the_other_side_nothing_is_compared(alone):
    assert compare_with_peers({alone: sample_phases(), "noop": sample_phases()}) == []


def test_every_figure_is_one_that_a_load_has():
    assert all(goal.figure(sample_phases()) is not None for goal in PEER_TARGETS)


def test_each_acknowledged_delivery_is_looked_up():
    answers = (
        DeliveryResponse(1, 10.0, 10.1, 200),
        DeliveryResponse(2, 10.0, 10.2, 200),
        DeliveryResponse(3, 10.0, 11.0, 200),
        DeliveryResponse(4, 10.0, 10.1, 503),
    )
    found = {
        "few-1": AppliedPublication(10.3, 1),
        "few-2": AppliedPublication(12.0, 2),
        "few-4": AppliedPublication(10.3, 1),
    }
    load = summarize_phase(SAMPLE_ORDER, LoadReport(answers, 1, 0.1), found, SAMPLE_USE)
    assert (load.acknowledged, load.refused, load.lost, load.doubled) == (3, 1, 1, 1)
    assert (load.accepted_per_second, load.applied_per_second) == (3.0, 1.0)
    assert load.applied == LatencyStats(200.0, 1800.0, 1800.0)


def test_where_nothing_is_stored_nothing_can_be_lost():
    load = summarize_phase(
        SAMPLE_ORDER, LoadReport((DeliveryResponse(1, 10.0, 10.1, 200),), 0, 0.1), None, SAMPLE_USE
    )
    assert (load.lost, load.applied_per_second, load.applied) == (0, None, None)


def test_a_run_is_wrong_by_what_we_lost_and_not_by_what_peers_did():
    bad = replace(SAMPLE_LOAD, lost=2, doubled=1)
    assert BenchResults(SAMPLE_MACHINE, {}, {"signalpost": sample_phases(few=bad)}).fault_count == 3
    assert (
        BenchResults(
            SAMPLE_MACHINE, {}, {"signalpost": sample_phases(), "inline": sample_phases(bad)}
        ).fault_count
        == 0
    )
