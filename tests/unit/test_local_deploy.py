"""The same processes are named in three places; they must say the same."""

import re
from pathlib import Path

import pytest
import yaml

from local.programs import PROCESSES, Site

ROOT = Path(__file__).parents[2]
COMPOSE = (ROOT / "docker-compose.yml").read_text()
PROCFILE = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
OWN = {"--host", "--port", "--workers-kill-timeout", "--factory"}
SECRET = re.compile(r"\$\{(\w*(?:SECRET|KEY|PASSWORD|TOKEN|AUTH)(?!\w))(?::?([-?]))?([^}]*)\}")


def services():
    return yaml.safe_load(COMPOSE)["services"]


def queues(words):
    return set(re.findall(r"(?:--queues=|-Q,? ?)([\w,]+)", " ".join(words)))


@pytest.mark.parametrize("name", PROCESSES)
def test_every_process_of_the_house_is_a_service(name):
    assert name in services()


@pytest.mark.parametrize("name", set(PROCESSES) - {"sandbox"})
def test_every_process_knows_its_role_everywhere(name):
    assert services()[name]["environment"]["SIGNALPOST_ROLE"] == name
    assert f"SIGNALPOST_ROLE={name} " in PROCFILE[name]


@pytest.mark.parametrize("name", ["worker", "uploads"])
def test_workers_listen_to_the_same_queues_everywhere(name, tmp_path):
    site = Site(tmp_path, web=1, sandbox=2, flower=3, workers=1, uploads=1)
    here = queues(PROCESSES[name].command(site, {}))
    assert here == queues(services()[name]["command"]) == queues([PROCFILE[name]])


def test_the_web_server_has_the_same_options_everywhere(tmp_path):
    """But for where it listens and how long it waits for the last answers."""
    site = Site(tmp_path, web=1, sandbox=2, flower=3, workers=1, uploads=1)

    def options(words):
        found = set(re.findall(r"--[a-z0-9-]+(?:[= ][\w.:]+)?", " ".join(words).replace("=", " ")))
        return {each for each in found if each.split()[0] not in OWN}

    here = options(PROCESSES["web"].command(site, {}))
    assert here == options(services()["web"]["command"]) == options([PROCFILE["web"]]) != set()


def test_no_secret_has_a_default():
    names = SECRET.findall(COMPOSE)
    assert names
    assert not [name for name, sign, default in names if sign != "?" and default]


def test_nothing_is_published_beyond_loopback():
    ports = [port for each in services().values() for port in each.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
