"""`local/processes.py`, `docker-compose.yml` and `Procfile` define the same processes."""

import re
from pathlib import Path

import pytest
import yaml

from local.processes import PROCESSES, StackOptions

ROOT = Path(__file__).parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
PROCFILE_COMMANDS = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
OWN_OPTIONS = {"--host", "--port", "--workers-kill-timeout", "--factory"}
SECRET_VARIABLE = re.compile(
    r"\$\{(\w*(?:SECRET|KEY|PASSWORD|TOKEN|AUTH)(?!\w))(?::?([-?]))?([^}]*)\}"
)


def compose_services():
    return yaml.safe_load(COMPOSE_TEXT)["services"]


def queue_names(words):
    return set(re.findall(r"(?:--queues=|-Q,? ?)([\w,]+)", " ".join(words)))


def shared_options(words):
    """The options of a command, without those in `OWN_OPTIONS`."""
    options = re.findall(r"--[a-z0-9-]+(?:[= ][\w.:]+)?", " ".join(words).replace("=", " "))
    return {option for option in options if option.split()[0] not in OWN_OPTIONS}


@pytest.fixture
def stack_options(tmp_path):
    return StackOptions(
        tmp_path, web_port=1, sandbox_port=2, flower_port=3, worker_processes=1, upload_processes=1
    )


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_of_the_stack_is_a_service(name):
    assert name in compose_services()


@pytest.mark.parametrize("name", set(PROCESSES) - {"sandbox"})
def test_every_process_gets_its_role_everywhere(name):
    assert compose_services()[name]["environment"]["SIGNALPOST_ROLE"] == name
    assert f"SIGNALPOST_ROLE={name} " in PROCFILE_COMMANDS[name]


@pytest.mark.parametrize("name", ["worker", "uploads"])
def test_workers_consume_the_same_queues_everywhere(name, stack_options):
    local_queues = queue_names(PROCESSES[name].command(stack_options, {}))
    assert local_queues == queue_names(compose_services()[name]["command"])
    assert local_queues == queue_names([PROCFILE_COMMANDS[name]])


def test_the_web_server_has_the_same_options_everywhere(stack_options):
    """Except its host, port, factory and how long it waits for open requests."""
    local_options = shared_options(PROCESSES["web"].command(stack_options, {}))
    assert local_options
    assert local_options == shared_options(compose_services()["web"]["command"])
    assert local_options == shared_options([PROCFILE_COMMANDS["web"]])


def test_no_secret_has_a_default():
    variables = SECRET_VARIABLE.findall(COMPOSE_TEXT)
    assert variables
    assert not [name for name, sign, default in variables if sign != "?" and default]


def test_ports_are_published_on_loopback_only():
    ports = [port for each in compose_services().values() for port in each.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
