"""The plan of a chaos campaign: the same seed makes the same plan, which names every fault."""

import dataclasses
import itertools

import pytest

from chaos.campaign import ACTIONS, CampaignResult, may_inject
from chaos.controls import ControlResult
from chaos.fault_catalogue import FAULT_KINDS, Lane
from chaos.invariants import CHECKS, INVARIANT_TITLES, InvariantResult
from chaos.plan import GAPS, OVERTIME_SECONDS, FaultInjection, build_plan
from chaos.report import build_report, fault_row
from chaos.suites import ROOT, SUITES

FULL_MINUTES = 10
SEEDS = range(20)


@pytest.fixture(scope="module")
def plan():
    return build_plan(7, FULL_MINUTES)


def inject_all(plan):
    return [FaultInjection(planned, "done", "", planned.at, planned.at) for planned in plan.faults]


def build_result(plan, **changes):
    """A campaign in which all went well, with these changes."""
    held = [InvariantResult(number, title, 5000) for number, title in INVARIANT_TITLES.items()]
    result = CampaignResult(plan, inject_all(plan), held)
    return dataclasses.replace(result, **changes)


def test_the_same_seed_makes_the_same_plan_and_another_seed_another():
    assert build_plan(7, FULL_MINUTES) == build_plan(7, FULL_MINUTES)
    assert build_plan(7, FULL_MINUTES).faults != build_plan(8, FULL_MINUTES).faults


@pytest.mark.parametrize("seed", SEEDS)
def test_a_campaign_of_ten_minutes_plans_every_fault_and_more_than_sixty_kills(seed):
    plan = build_plan(seed, FULL_MINUTES)
    planned = {fault.fault for fault in plan.faults}
    assert planned == {kind.number for kind in FAULT_KINDS if kind.actions}
    assert {fault.action for fault in plan.faults} == set(ACTIONS)
    assert plan.kill_count > 75


def test_every_number_is_a_fault_with_actions_or_has_the_reason_why_not():
    assert [kind.number for kind in FAULT_KINDS] == [f"F{number}" for number in range(1, 25)]
    assert all(bool(kind.actions) != bool(kind.excuse) for kind in FAULT_KINDS)


def test_every_invariant_has_its_check():
    assert list(INVARIANT_TITLES) == list(CHECKS) == [f"I{number}" for number in range(1, 11)]


def test_faults_of_a_lane_come_in_order_with_a_gap_between_them(plan):
    for lane in Lane:
        times = [fault.at for fault in plan.lane(lane)]
        gaps = [after - before for before, after in itertools.pairwise(times)]
        assert times == sorted(times)
        assert min(gaps) >= GAPS[lane][0] - 0.02  # times are rounded
        assert times[-1] < plan.fault_seconds


def test_a_campaign_in_which_all_holds_has_no_problems(plan):
    controls = [ControlResult("the fence", 3, "I2", 1.0)]
    report = build_report(build_result(plan), controls)
    assert report["problems"] == []
    assert report["kills"] == plan.kill_count
    assert report["invariants"][0]["bound"] == pytest.approx(3 / 5000)


def test_a_violation_a_failed_fault_a_silent_control_and_too_few_kills_are_problems(plan):
    broken = InvariantResult("I2", "once", 10, ["not applied once: chaos-7"])
    failed = FaultInjection(plan.faults[0], "failed", "KeyError", 0.0, 1.0)
    result = build_result(plan, injected=[failed], invariants=[broken])
    problems = build_report(result, [ControlResult("the fence", 0, "", 1.0)])["problems"]
    assert [problem.split(":")[0] for problem in problems] == [
        "I2 violated",
        f"{plan.faults[0].action} failed",
        "the control found nothing",
        problems[-1],
    ]
    assert "kills instead of" in problems[-1]


def test_kills_that_are_missing_at_the_end_have_some_time_more_and_nothing_else_has(plan):
    kill = next(fault for fault in plan.faults if fault.is_kill)
    other = next(fault for fault in plan.faults if not fault.is_kill)
    too_few, enough = build_result(plan, injected=[]), build_result(plan)
    assert enough.kills >= plan.wanted_kills == 60
    moments = [("in time", 99.0), ("late", 101.0), ("too late", 100.0 + OVERTIME_SECONDS)]
    allowed = {
        (moment, name, result is enough)
        for moment, at in moments
        for name, planned in (("kill", kill), ("other", other))
        for result in (too_few, enough)
        if may_inject(planned, result, at=at, ends_at=100.0)
    }
    in_time = {("in time", name, is_enough) for name in ("kill", "other") for is_enough in (0, 1)}
    assert allowed == in_time | {("late", "kill", False)}


def test_a_fault_that_was_never_done_states_why(plan):
    (clock,) = [kind for kind in FAULT_KINDS if kind.number == "F17"]
    (rabbitmq,) = [kind for kind in FAULT_KINDS if kind.number == "F24"]
    (planned, *_) = [fault for fault in plan.faults if fault.fault == "F17"]
    refused = FaultInjection(planned, "impossible", "no clock", 0.0, 0.0)
    result = build_result(plan, injected=[refused])
    assert fault_row(clock, result)["remark"] == "no clock"
    assert fault_row(rabbitmq, result)["remark"].startswith("not possible here: ")


def test_the_suites_of_the_long_form_exist():
    assert [path for path in SUITES.values() if not (ROOT / path).exists()] == []
