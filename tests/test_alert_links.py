"""Alert, rule of Prometheus, runbook, panel and test lead to each other, both ways.

Part of `make check`.
"""

import re

import pytest

from core.health.notices import MANUAL_SECTION
from tests.references.alert_list import (
    MANUAL,
    ROOT,
    list_case_files,
    list_conditions,
    list_dashboard_panels,
    list_manual_panels,
    list_opening_tests,
    list_rules,
    read_manual,
)

ALERTS = sorted({*list_conditions(), *list_rules()})
STEPS = ("Look", "Repair", "Over", "Panel")


def list_steps(text):
    return re.findall(r"^- \*\*(\w+):\*\* .+", text, re.MULTILINE)


def test_every_alert_has_one_runbook_and_every_runbook_an_alert():
    headings = re.findall(r"^### (.+)$", MANUAL.read_text(), re.MULTILINE)
    assert sorted(headings) == ALERTS


@pytest.mark.parametrize("alert", ALERTS)
def test_a_runbook_says_what_it_means_how_to_look_to_repair_and_to_see_that_it_is_over(alert):
    text = read_manual()[alert]
    meaning, _, _ = text.partition("\n- **")
    assert len(meaning.split()) > 6
    steps = list_steps(text)
    assert steps[:3] == list(STEPS[:3])
    assert steps[3:] in ([], ["Panel"])


@pytest.mark.parametrize("alert", ALERTS)
def test_notices_and_rules_lead_to_the_runbook(alert):
    assert (MANUAL.relative_to(ROOT)).as_posix() + "#" == MANUAL_SECTION
    for rule in list_rules().get(alert, []):
        assert rule["annotations"]["runbook"] == MANUAL_SECTION + alert


def test_runbooks_and_panels_name_each_other():
    assert list_manual_panels() == list_dashboard_panels()


def test_every_rule_is_drawn_on_a_panel():
    assert {*list_rules()} - {alert for alert, _ in list_manual_panels()} == set()


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_opens_in_a_test(alert):
    if alert in list_conditions():
        assert list_opening_tests().get(alert)
    if alert in list_rules():
        assert list_case_files(alert)


def test_tests_name_alerts_that_exist():
    assert {*list_opening_tests()} - {*list_conditions()} == set()


def test_a_runbook_without_a_step_is_noticed():
    assert list_steps("A text.\n\n- **Look:** here\n- **Over:** then\n") == ["Look", "Over"]
