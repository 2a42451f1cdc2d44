"""The same processes are named in three places; they must say the same."""

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


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_of_the_stack_is_a_service(name):
    assert name in compose_services()


@pytest.mark.parametrize("name", set(PROCESSES) - {"sandbox"})
def test_every_process_knows_its_role_everywhere(name):
    assert compose_services()[name]["environment"]["SIGNALPOST_ROLE"] == name
    assert f"SIGNALPOST_ROLE={name} " in PROCFILE_COMMANDS[name]


@pytest.mark.parametrize("name", ["worker", "uploads"])
def test_workers_listen_to_the_same_queues_everywhere(name, tmp_path):
    site = StackOptions(
        tmp_path, web_port=1, sandbox_port=2, flower_port=3, worker_processes=1, upload_processes=1
    )
    here = queue_names(PROCESSES[name].command(site, {}))
    assert (
        here
        == queue_names(compose_services()[name]["command"])
        == queue_names([PROCFILE_COMMANDS[name]])
    )


def test_the_web_server_has_the_same_options_everywhere(tmp_path):
    """But for where it listens and how long it waits for the last answers."""
    site = StackOptions(
        tmp_path, web_port=1, sandbox_port=2, flower_port=3, worker_processes=1, upload_processes=1
    )

    def options(words):
        found = set(re.findall(r"--[a-z0-9-]+(?:[= ][\w.:]+)?", " ".join(words).replace("=", " ")))
        return {each for each in found if each.split()[0] not in OWN_OPTIONS}

    here = options(PROCESSES["web"].command(site, {}))
    assert (
        here
        == options(compose_services()["web"]["command"])
        == options([PROCFILE_COMMANDS["web"]])
        != set()
    )


def test_no_secret_has_a_default():
    names = SECRET_VARIABLE.findall(COMPOSE_TEXT)
    assert names
    assert not [name for name, sign, default in names if sign != "?" and default]


def test_nothing_is_published_beyond_loopback():
    ports = [port for each in compose_services().values() for port in each.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
