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
    return next(each for each in compare_with_peers(stacks) if each.title == title)


def test_signalpost_is_compared_with_the_best_peer_and_noop_is_none():
    stacks = {
        "signalpost": sample_phases(with_rate(700.0)),
        "noop": sample_phases(with_rate(9000.0)),
        "inline": sample_phases(with_rate(100.0)),
        "fastapi_arq": sample_phases(with_rate(200.0)),
    }
    comparison = find_comparison("accepts, per second", stacks)
    assert (comparison.peer, comparison.theirs, comparison.ratio) == ("fastapi_arq", 200.0, 3.5)
    assert comparison.reached is True


def test_a_target_that_is_nearly_reached_is_not_reached():
    stacks = {
        "signalpost": sample_phases(with_rate(349.0)),
        "inline": sample_phases(with_rate(100.0)),
    }
    assert find_comparison("accepts, per second", stacks).reached is False


def test_the_best_figure_of_few_and_many_senders_counts_for_each_stack():
    stacks = {
        "signalpost": sample_phases(many=with_rate(400.0)),
        "inline": sample_phases(few=with_rate(200.0)),
    }
    assert find_comparison("accepts, per second", stacks).ratio == 2.0
    assert find_comparison("accepts, 64 senders, per second", stacks).ratio == 4.0


def test_of_delays_and_costs_the_lowest_is_best():
    cheap = replace(SAMPLE_LOAD, burden=replace(SAMPLE_USE, cost={"web": 1.5, "generator": 9.0}))
    stacks = {
        "signalpost": sample_phases(),
        "inline": sample_phases(),
        "express_bullmq": sample_phases(cheap),
    }
    comparison = find_comparison("CPU per event, ms", stacks)
    assert (comparison.ours, comparison.ratio) == (3.0, 2.0)
    assert (comparison.peer, comparison.theirs) == ("express_bullmq", 1.5)
    assert comparison.reached is None


def test_a_stack_that_applies_before_the_response_has_no_delay_after_it():
    inline = sample_phases(replace(SAMPLE_LOAD, applied=LatencyStats(0.0, 0.0, 0.0)))
    stacks = {"signalpost": sample_phases(), "inline": inline, "fastapi_arq": sample_phases()}
    assert find_comparison("accepted to applied p50, idle, ms", stacks).peer == "fastapi_arq"


@pytest.mark.parametrize("alone", ["signalpost", "inline"])
def test_signalpost_or_peers_alone_are_not_compared(alone):
    assert compare_with_peers({alone: sample_phases(), "noop": sample_phases()}) == []


def test_every_target_has_a_figure_in_the_phases():
    assert all(target.figure(sample_phases()) is not None for target in PEER_TARGETS)


def test_each_acknowledged_delivery_is_looked_up():
    answers = (
        DeliveryResponse(1, 10.0, 10.1, 200),
        DeliveryResponse(2, 10.0, 10.2, 200),
        DeliveryResponse(3, 10.0, 11.0, 200),
        DeliveryResponse(4, 10.0, 10.1, 503),
    )
    applied = {
        "few-1": AppliedPublication(10.3, 1),
        "few-2": AppliedPublication(12.0, 2),
        "few-4": AppliedPublication(10.3, 1),
    }
    load = summarize_phase(SAMPLE_ORDER, LoadReport(answers, 1, 0.1), applied, SAMPLE_USE)
    assert (load.acknowledged, load.refused, load.lost, load.doubled) == (3, 1, 1, 1)
    assert (load.accepted_per_second, load.applied_per_second) == (3.0, 1.0)
    assert load.applied == LatencyStats(200.0, 1800.0, 1800.0)


def test_a_stack_that_stores_nothing_loses_nothing():
    load = summarize_phase(
        SAMPLE_ORDER, LoadReport((DeliveryResponse(1, 10.0, 10.1, 200),), 0, 0.1), None, SAMPLE_USE
    )
    assert (load.lost, load.applied_per_second, load.applied) == (0, None, None)


def test_faults_count_what_signalpost_lost_and_not_what_peers_lost():
    bad_load = replace(SAMPLE_LOAD, lost=2, doubled=1)
    ours_bad = {"signalpost": sample_phases(few=bad_load)}
    peer_bad = {"signalpost": sample_phases(), "inline": sample_phases(bad_load)}
    assert BenchResults(SAMPLE_MACHINE, {}, ours_bad).fault_count == 3
    assert BenchResults(SAMPLE_MACHINE, {}, peer_bad).fault_count == 0
