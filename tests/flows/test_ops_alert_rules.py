"""Prometheus' alerts open as they should and stay silent as they should, by promtool's own tests.

As the control, each limit and each duration is altered by a factor of two: the cases of its alert
have to fail, or they would not notice a wrong limit.
"""

import re
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from core.health import row_conditions
from core.health.conditions import ALERT_CONDITIONS
from tests.support.metric_names import find_metric_names, list_metric_names

pytest_plugins = ["tests.flows.promtool"]

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "deploy" / "rules").glob("*.yml"))
CASE_FILES = sorted((ROOT / "tests" / "rules").glob("*.yml"))
GROUPS = yaml.safe_load((ROOT / "deploy" / "rules" / "alerts.yml").read_text())["groups"]
RULES = [rule for group in GROUPS for rule in group["rules"]]
CASES = [yaml.load(file.read_text(), yaml.CSafeLoader) for file in CASE_FILES]

LIMIT_PATTERN = re.compile(r"(?<=[<>] )[0-9.]+(?: \* [0-9.]+)?|(?<=[<>]= )[0-9.]+")
DURATION_PATTERN = re.compile(r"(\d+)([smh])")
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}

SHARED_LIMITS = {
    "webhook_backlog": 100,
    "upload_failure_rate": 5 / 100,
    "high_webhook_latency": 5,
    "oauth_failures": 5,
    "token_refresh_failure": 3,
    "token_refresh_failing": 10,
    "grants_removed": 3,
    "dead_letters": 0,
    "paused_for_long": 3600,
    "crypto_error": 0,
}
"""Limits that the conditions of our own judge have too, in the unit of the rule."""


class Alteration(NamedTuple):
    """A rule with another limit or duration, and what was altered."""

    rule: dict
    what: str


def list_alterations(rule):
    """The rule with each number altered by a factor of two; a limit of zero becomes ±1."""
    for match in LIMIT_PATTERN.finditer(rule["expr"]):
        for number in re.finditer(r"[0-9.]+", match.group()):
            start, end = match.start() + number.start(), match.start() + number.end()
            value = float(number.group())
            for other in (value * 2, value / 2) if value else (1, -1):
                expr = f"{rule['expr'][:start]}{other:g}{rule['expr'][end:]}"
                yield Alteration({**rule, "expr": expr}, f"{rule['alert']}: {expr}")
    if "for" in rule:
        amount, unit = DURATION_PATTERN.fullmatch(rule["for"]).groups()
        seconds = int(amount) * UNIT_SECONDS[unit]
        for other in (seconds * 2, seconds // 2):
            yield Alteration({**rule, "for": f"{other}s"}, f"{rule['alert']}: for {other} s")


def list_cases(alert, names=None):
    """The test files with the cases of one alert only, queried of alerts of other `names`."""
    for document in CASES:
        cases = []
        for case in document["tests"]:
            tests = [each for each in case["alert_rule_test"] if each["alertname"] == alert]
            renamed = [{**each, "alertname": name} for each in tests for name in names or (alert,)]
            cases += [{**case, "alert_rule_test": renamed}] if renamed else []
        if cases:
            yield {**document, "tests": cases}


def write_altered_rules(folder, alert, alterations):
    """Write altered rules of one alert under names of their own, each beside the unaltered
    namesakes of its rule; and the cases of the alert. Return the files of cases.
    """
    altered = [
        {**each, "alert": name}
        for name, alteration in alterations.items()
        for each in (alteration.rule, *list_namesakes(alteration.rule))
    ]
    rule_file = folder / f"{alert}.rules.yml"
    rule_file.write_text(yaml.safe_dump({"groups": [{"name": "altered", "rules": altered}]}))
    for number, document in enumerate(list_cases(alert, names=[*alterations])):
        file = folder / f"{alert}.{number}.yml"
        file.write_text(yaml.safe_dump({**document, "rule_files": [str(rule_file)]}))
        yield file


def list_namesakes(rule):
    """The other rules of the same alert."""
    return [
        each
        for each in RULES
        if each["alert"] == rule["alert"] and each["annotations"] != rule["annotations"]
    ]


def test_the_rules_are_valid(promtool):
    result = promtool("check", "rules", *RULE_FILES)
    assert result.returncode == 0, result.stderr


def test_every_alert_opens_and_stays_silent_as_it_should(promtool):
    result = promtool("test", "rules", *CASE_FILES)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_has_cases_in_which_it_opens_and_stays_silent():
    for rule in RULES:
        expected = [
            each["exp_alerts"]
            for document in list_cases(rule["alert"])
            for case in document["tests"]
            for each in case["alert_rule_test"]
        ]
        labels = [alert["exp_labels"] for alerts in expected for alert in alerts]
        assert [] in expected, rule["alert"]
        assert any(rule["labels"].items() <= each.items() for each in labels), rule["alert"]


def test_an_altered_limit_or_duration_fails_the_cases_of_its_alert(promtool, tmp_path):
    alterations = {
        f"altered_{number}": each
        for number, each in enumerate(each for rule in RULES for each in list_alterations(rule))
    }
    assert len(alterations) > 2 * len(RULES)
    files = []
    for alert in {rule["alert"] for rule in RULES}:
        own = {name: each for name, each in alterations.items() if each.rule["alert"] == alert}
        files += write_altered_rules(tmp_path, alert, own)
    result = promtool("test", "rules", *files)
    noticed = {*re.findall(r"alertname: ?(altered_\d+),", result.stdout + result.stderr)}
    unnoticed = [each.what for name, each in alterations.items() if name not in noticed]
    assert unnoticed == []


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule['alert']}-{rule['labels']}")
def test_the_text_of_an_alert_names_its_limits(rule):
    text = rule["annotations"]["summary"]
    numbers = re.findall(r"[0-9.]+[0-9]|[0-9]", text)
    for match in LIMIT_PATTERN.finditer(rule["expr"]):
        first = match.group().split(" * ")[0]
        assert {first, f"{100 * float(first):g}"} & {*numbers}, (first, text)


def test_rules_ask_for_series_that_exist():
    texts = [file.read_text() for file in (*RULE_FILES, *CASE_FILES)]
    queried = set().union(*map(find_metric_names, texts))
    assert queried <= list_metric_names()
    assert "signalpost_upload_total" in queried


@pytest.mark.parametrize("name", SHARED_LIMITS)
def test_limits_that_we_judge_ourselves_are_the_same(name):
    (condition,) = [each for each in ALERT_CONDITIONS if each.name == name]
    (rule,) = [each for each in RULES if each["alert"] == name]
    limits = [float(each.split(" ")[0]) for each in LIMIT_PATTERN.findall(rule["expr"])]
    is_percent = condition.unit.startswith("percent")
    assert SHARED_LIMITS[name] == condition.limit / (100 if is_percent else 1)
    assert SHARED_LIMITS[name] in limits


def test_shares_of_refreshes_grants_and_connections_are_the_same():
    texts = {rule["alert"]: rule["expr"] for rule in RULES}
    warning, critical = (
        row_conditions.REFRESH_WARNING_PERCENT,
        row_conditions.REFRESH_CRITICAL_PERCENT,
    )
    assert f"> {warning / 100:g}" in texts["token_refresh_failure"]
    assert f"> {critical / 100:g}" in texts["token_refresh_failing"]
    assert f"> {row_conditions.REMOVED_PERCENT / 100:g}" in texts["grants_removed"]
    assert f"> {row_conditions.CONNECT_PERCENT / 100:g}" in texts["oauth_failures"]
