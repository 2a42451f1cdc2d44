"""The list of alerts: who judges each at which limit, its panels, and the tests in which it opens.

A test says which alerts open in it: `@pytest.mark.alert("dead_letters")`.
"""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from core.health.conditions import ALERT_CONDITIONS, AlertCondition
from tests.references.markdown import WRITTEN_BY, format_table

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "operate" / "alerts.md"
RULE_FILE = ROOT / "deploy" / "rules" / "alerts.yml"
CASE_FILES = ROOT / "tests" / "rules"
DASHBOARDS = ROOT / "deploy" / "grafana" / "dashboards"
MANUAL_LINK = re.compile(r"docs/operate/alerts\.md#(\w+)")
SECTION = re.compile(r"^### (\w+)\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
PANEL_LINE = re.compile(r"^- \*\*Panel:\*\* (.+)$", re.MULTILINE)
INTRODUCTION = f"""# The list of alerts

{WRITTEN_BY} What to do about each is in [alerts and what to do](../operate/alerts.md).

*Ours* are judged by the web processes or `signalpost monitor`, from rows and stores; *rules* are those of Prometheus in `deploy/rules/alerts.yml`. The last column names tests in which the alert opens: of ours by name, of rules the file of promtool's cases. `tests/test_alert_links.py` compares the names of conditions, rules, runbooks and panels with each other.

"""  # noqa: E501 - a paragraph is one line in our documents


@cache
def list_rules() -> dict[str, list[dict[str, Any]]]:
    """Alert → its rules of Prometheus."""
    rules = defaultdict(list)
    for group in yaml.safe_load(RULE_FILE.read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            rules[rule["alert"]].append(rule)
    return dict(rules)


@cache
def list_conditions() -> dict[str, AlertCondition]:
    return {condition.name: condition for condition in ALERT_CONDITIONS}


@cache
def read_manual() -> dict[str, str]:
    """Alert → the text of its section in the manual."""
    return dict(SECTION.findall(MANUAL.read_text(encoding="utf-8")))


def list_manual_panels() -> set[tuple[str, str]]:
    """Pairs of an alert and a panel (`webhooks / Dead letters`), as the manual has them."""
    return {
        (alert, panel)
        for alert, text in read_manual().items()
        for line in PANEL_LINE.findall(text)
        for panel in line.split("; ")
    }


def list_dashboard_panels() -> set[tuple[str, str]]:
    """The same pairs, as the descriptions of the panels have them."""
    return {
        (alert, f"{file.stem} / {panel['title']}")
        for file in DASHBOARDS.glob("*.json")
        for panel in json.loads(file.read_text(encoding="utf-8"))["panels"]
        for alert in MANUAL_LINK.findall(panel.get("description", ""))
    }


@cache
def list_opening_tests() -> dict[str, list[str]]:
    """Alert → the tests that say that it opens in them, as `file::name`."""
    found = defaultdict(list)
    for path in sorted((ROOT / "tests").glob("*/test_*.py")):
        text = path.read_text(encoding="utf-8")
        if "mark.alert(" not in text:
            continue
        for alert, test in find_marked_tests(ast.parse(text)):
            found[alert].append(f"{path.relative_to(ROOT)}::{test}")
    return dict(found)


def find_marked_tests(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if getattr(getattr(decorator, "func", None), "attr", "") == "alert":
                    names = ast.literal_eval(ast.List(elts=expand_names(decorator)))
                    yield from ((name, node.name) for name in names)


def expand_names(decorator: ast.Call) -> list[ast.expr]:
    """The arguments, those in starred tuples included."""
    return [
        each
        for argument in decorator.args
        for each in (argument.value.elts if isinstance(argument, ast.Starred) else [argument])
    ]


def list_case_files(alert: str) -> list[str]:
    """The files of promtool's tests in which the rule is expected to open."""
    return [
        str(file.relative_to(ROOT))
        for file in sorted(CASE_FILES.glob("*.yml"))
        if any(opens_alert(case, alert) for case in read_cases(file))
    ]


@cache
def read_cases(file: Path) -> list[dict[str, Any]]:
    return yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)["tests"]


def opens_alert(case: dict[str, Any], alert: str) -> bool:
    return any(
        each["alertname"] == alert and each["exp_alerts"] for each in case["alert_rule_test"]
    )


def describe_judges(alert: str) -> Iterator[str]:
    condition = list_conditions().get(alert)
    if condition is not None:
        worse = condition.worse
        also = f", {worse[1]} above {worse[0]:g}" if worse else ""
        yield f"ours ({condition.severity}): more than {condition.limit:g} {condition.unit}{also}"
    for rule in list_rules().get(alert, []):
        duration = f" for {rule['for']}" if "for" in rule else ""
        yield f"rule ({rule['labels']['severity']}){duration}"


def describe_alert(alert: str) -> Iterator[str]:
    """Yield the cells of its row."""
    yield f"[{alert}](../operate/alerts.md#{alert})"
    yield "<br>".join(describe_judges(alert))
    yield "<br>".join(sorted(panel for name, panel in list_manual_panels() if name == alert))
    tests = [*list_opening_tests().get(alert, []), *list_case_files(alert)]
    yield "<br>".join(f"`{test}`" for test in tests)


def render_alerts() -> str:
    alerts = sorted({*list_conditions(), *list_rules()})
    header = ("Alert", "Judged", "Panels", "Opens in")
    return INTRODUCTION + "\n".join(format_table(header, map(describe_alert, alerts))) + "\n"
