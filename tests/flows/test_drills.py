"""Staged incidents: docs/operate/incidents.md is followed word for word, by its commands alone.

One installation for all of them; Prometheus judges its rules beside our own alarm. The short form
dates back what would take minutes or hours; the long form waits for a stopped queue.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import pytest
from click.testing import CliRunner

from chaos import drills
from chaos.drill_stack import list_settings, run_drill_stack
from tests.documents import ROOT, read_command_blocks
from tests.flows.brokers import wait_until
from tests.flows.drill_commands import run_command
from tests.flows.prometheus_server import list_alert_states, run_prometheus
from tests.references.alert_list import list_rules

PAGE = "docs/operate/incidents.md"
BLOCKS = [block.text for block in read_command_blocks(PAGE, (ROOT / PAGE).read_text())]
DRILL_COMMAND = re.compile(r"python -m chaos\.drills ([a-z]+-[a-z-]+)\n")
LINES = {match[1]: text.splitlines() for text in BLOCKS if (match := DRILL_COMMAND.match(text))}
READING = re.compile(r"\b(list|pauses|doctor|cat|grep|processes|ledger)\b")
WAIT_TIMEOUT = 90.0  # seconds: a notice that an alert is over comes after 30 quiet ones
LONG_WAIT = 720.0  # seconds: five minutes of a backlog, and five in which its rule is pending
OPEN_STATES = {"pending", "firing"}


@pytest.fixture(scope="module")
def drill_stack(tmp_path_factory):
    with run_drill_stack(tmp_path_factory.mktemp("drills"), LOG_FORMAT="json") as stack:
        yield stack


@pytest.fixture(scope="module")
def prometheus(drill_stack, tmp_path_factory):
    """The address of a Prometheus with our rules; None where it is not installed."""
    with ExitStack() as exits:
        yield (
            exits.enter_context(run_prometheus(drill_stack, tmp_path_factory.mktemp("prometheus")))
            if shutil.which("prometheus") or os.environ.get("CI")
            else None
        )


@pytest.fixture(scope="module")
def child():
    """A process for the commands: Celery reads the broker's address once in the life of one."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        yield executor


@pytest.fixture
def run_line(drill_stack, child, tmp_path):
    """Runs a command of the page with the settings of the installation."""
    environ = list_settings(drill_stack)

    def run(line):
        return child.submit(run_command, environ, tmp_path, line).result()

    return run


def read_expectations(line):
    """Pairs of a text and whether the output has it."""
    _, arrow, words = line.partition("# → ")
    for word in words.split(", ") if arrow else ():
        yield word.removeprefix("no "), not word.startswith("no ")


def meets_expectations(output, line):
    return all((text in output) == is_there for text, is_there in read_expectations(line))


def follow_line(run_line, line, *, within=WAIT_TIMEOUT):
    """Run a line; one that only reads is repeated until it prints what the page says."""
    output = run_line(line)
    if READING.search(line):
        deadline = time.monotonic() + within
        while not meets_expectations(output, line) and time.monotonic() < deadline:
            output = run_line(line)
    assert meets_expectations(output, line), (line, output)


def list_expected_rules(line):
    """The alerts that the line expects and that have a rule of Prometheus, with whether one of its
    rules opens at once.

    Rules by `increase()` are left out: in a new installation they do not see the first count.
    """
    if line.startswith("signalpost alerts list"):
        for alert, is_there in read_expectations(line):
            rules = list_rules().get(alert, ())
            if is_there and rules and not any("increase(" in rule["expr"] for rule in rules):
                yield alert, any("for" not in rule for rule in list_rules()[alert])


def test_the_page_has_every_drill():
    assert [*LINES] == [*drills.DRILLS]


def test_the_page_gives_a_shell_the_settings_of_the_installation(drill_stack):
    (command,) = [text for text in BLOCKS if text.startswith("eval ")]
    printed = subprocess.run(
        ["bash", "-ec", f'{command}\necho "$MEDIA_URL|$BROKER_URL"'],
        env={
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "DRILLS": str(drill_stack.folder),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    media = f"file://{drill_stack.folder}/data/media"
    assert printed == f"{media}|{drill_stack.info['broker']}\n"


@pytest.mark.parametrize("name", drills.DRILLS)
@pytest.mark.alert(
    *("worker_silent", "webhook_backlog", "dead_letters"),
    *("token_refresh_failing", "media_store_full", "database"),
)
def test_a_staged_incident_is_found_repaired_and_over(run_line, prometheus, name):
    for line in LINES[name]:
        follow_line(run_line, line)
        for alert, opens_at_once in list_expected_rules(line) if prometheus else ():
            states = {"firing"} if opens_at_once else OPEN_STATES
            wait_until(
                lambda alert=alert, states=states: list_alert_states(prometheus, alert) & states,
                what=f"{alert} of Prometheus",
            )


@pytest.mark.chaos
@pytest.mark.timeout(1800)
def test_a_stopped_queue_is_found_in_real_time(run_line, prometheus):
    """The short form dates it back."""
    for line in LINES["stopped-queue"]:
        if "--pass-time" not in line:
            follow_line(run_line, line, within=LONG_WAIT)
        for alert, _ in list_expected_rules(line) if prometheus else ():
            wait_until(
                lambda alert=alert: "firing" in list_alert_states(prometheus, alert),
                within=LONG_WAIT,
                what=f"{alert} of Prometheus",
            )


def test_a_drill_refuses_production(monkeypatch):
    monkeypatch.setenv("ENVIRONMENT", "production")
    result = CliRunner().invoke(drills.main, ["stopped-queue"])
    assert result.exit_code == 1
    assert "never in production" in result.output


def test_a_drill_names_the_command_that_starts_an_installation(tmp_path):
    result = CliRunner().invoke(drills.main, ["--folder", str(tmp_path), "stopped-queue"])
    assert result.exit_code == 1
    assert "python -m chaos.drill_stack" in result.output
