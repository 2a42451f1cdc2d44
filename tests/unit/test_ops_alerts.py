"""Alert conditions are documented, and the retries of webhook events end within a day."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from core.config.limits import LimitSettings
from core.health.conditions import ALERT_CONDITIONS
from core.health.housekeeping import DAY
from core.webhooks.process import retry_policy

ROOT = Path(__file__).parents[2]
OPERATIONS_MANUAL = ROOT / "docs" / "operations.md"
RULES = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "rules" / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]


@pytest.mark.parametrize("condition", ALERT_CONDITIONS, ids=lambda condition: condition.name)
def test_every_alert_has_a_section_in_the_operations_manual(condition):
    headings = [
        line for line in OPERATIONS_MANUAL.read_text().splitlines() if line.startswith("### ")
    ]
    assert any(condition.name in heading for heading in headings)


def list_alert_headings():
    manual = OPERATIONS_MANUAL.read_text()
    section = manual.partition("## Alerts and what to do")[2].partition("\n## ")[0]
    return [line[4:] for line in section.splitlines() if line.startswith("### ")]


def test_every_section_about_an_alert_is_of_a_condition_or_a_rule():
    names = [name for heading in list_alert_headings() for name in heading.split(", ")]
    known = {condition.name for condition in ALERT_CONDITIONS} | {rule["alert"] for rule in RULES}
    assert sorted(names) == sorted(known)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule['alert']}-{rule['labels']}")
def test_every_rule_leads_to_its_section_of_the_operations_manual(rule):
    path, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert ROOT / path == OPERATIONS_MANUAL
    headings = {heading.replace(", ", "-"): heading for heading in list_alert_headings()}
    assert rule["alert"] in headings[anchor].split(", ")


def test_every_condition_measures_rows_or_probes_a_store_and_not_both():
    for condition in ALERT_CONDITIONS:
        assert (condition.measure is None) != (condition.probe is None), condition.name


def test_alert_names_are_unique():
    assert len({condition.name for condition in ALERT_CONDITIONS}) == len(ALERT_CONDITIONS)


def retry_waits(**changed):
    return [delay.total_seconds() for delay in retry_policy(LimitSettings(**changed)).delays]


def test_retries_are_quick_then_slow_and_end_within_a_day():
    minutes = [60 * value for value in (5, 15, 30, 60, 120, 240, 480)]
    assert retry_waits() == [1, 2, 4, *minutes]
    assert sum(retry_waits()) < DAY.total_seconds()


def test_settings_change_the_retries():
    changed = retry_waits(
        webhook_quick_retries=8,
        webhook_backoff_cap=timedelta(seconds=60),
        webhook_slow_delays=(timedelta(hours=1),),
    )
    assert changed == [1, 2, 4, 8, 16, 32, 60, 60, 3600]
    assert retry_waits(webhook_quick_retries=0, webhook_slow_delays=()) == []
    assert max(retry_waits(webhook_quick_retries=2000)) == 8 * 3600
