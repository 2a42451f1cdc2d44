"""`local/processes.py`, `docker-compose.yml` and `Procfile` define the same processes."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

from core.config.environment import iter_settings
from core.config.roles import find_secret_roles, list_secret_settings
from core.config.settings import Settings
from local.processes import PROCESSES, StackOptions
from local.sandboxes import credential_factories

ROOT = Path(__file__).parents[2]
COMPOSE_TEXT = (ROOT / "docker-compose.yml").read_text()
PROCFILE_COMMANDS = dict(
    line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines() if line
)
OWN_OPTIONS = {"--host", "--port", "--workers-kill-timeout", "--factory"}
SECRET_VARIABLE = re.compile(
    r"\$\{(\w*(?:SECRET|KEY|PASSWORD|TOKEN|AUTH)(?!\w))(?::?([-?]))?([^}]*)\}"
)


SECRET_NAMES = list_secret_settings(Settings)
OPEN_NAMES = {name for name, _ in iter_settings(Settings)} - SECRET_NAMES.keys()
COMPOSE_STORE_NAMES = {name for name in Settings.setting_names() if name.startswith("PG")} | {
    "MIGRATION_DATABASE_URL"
}
"""Where its own Postgres is, the file says itself."""

WORKER_ONLY_NAMES = {"METRICS_PORT"}


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


def test_the_image_has_every_package_of_the_project():
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {each.removesuffix("*") for each in tools["packages"]["find"]["include"]}
    moved = tools["package-dir"]
    copied = re.findall(r"^COPY (\S+) \1$", (ROOT / "deploy/Dockerfile").read_text(), re.MULTILINE)
    expected = folders - moved.keys() | {path.rpartition("/")[0] for path in moved.values()}
    assert set(copied) == expected


def test_no_secret_has_a_default():
    variables = SECRET_VARIABLE.findall(COMPOSE_TEXT)
    assert variables
    assert not [name for name, sign, default in variables if sign != "?" and default]


def test_ports_are_published_on_loopback_only():
    ports = [port for each in compose_services().values() for port in each.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def compose_secrets(name):
    """The secret settings that a service gets, as values or as files."""
    environment = compose_services()[name].get("environment", {})
    return {each.removesuffix("_FILE") for each in environment} & SECRET_NAMES.keys()


@pytest.mark.parametrize("name", ["web", "worker", "uploads", "beat", "flower", "migrate"])
def test_every_service_gets_the_secrets_of_its_role_and_no_others(name):
    expected = {secret for secret in SECRET_NAMES if name in find_secret_roles(secret)}
    assert compose_secrets(name) - COMPOSE_STORE_NAMES == expected - COMPOSE_STORE_NAMES


def test_the_sandbox_gets_what_platforms_issue_and_nothing_else_of_ours():
    environment = compose_services()["sandbox"]["environment"]
    assert environment.keys() == credential_factories().keys()


@pytest.mark.parametrize("name", ["web", "worker", "uploads"])
def test_every_setting_reaches_the_services_that_use_it(name):
    environment = compose_services()[name]["environment"]
    optional = WORKER_ONLY_NAMES if name == "web" else set()
    assert OPEN_NAMES - COMPOSE_STORE_NAMES - optional - environment.keys() == set()


def test_every_secret_can_be_a_file_in_its_service():
    """Except those that other containers need as values."""
    in_other_containers = {"DATABASE_URL", "BROKER_URL", "METRICS_TOKEN", *COMPOSE_STORE_NAMES}
    for name in ("web", "worker", "uploads", "flower"):
        environment = compose_services()[name]["environment"]
        secrets = compose_secrets(name) - in_other_containers
        assert [each for each in secrets if f"{each}_FILE" not in environment] == []


@pytest.mark.parametrize("name", ["web", "worker", "uploads", "beat", "flower", "release"])
def test_the_procfile_says_the_environment_and_passes_a_role_its_secrets_only(name):
    command = PROCFILE_COMMANDS[name]
    assert "ENVIRONMENT=${ENVIRONMENT:-production} " in command
    assert " python -m local.run_role " in command


def test_flower_is_for_this_machine_unless_an_address_is_given():
    assert "--address=${FLOWER_ADDRESS:-127.0.0.1}" in PROCFILE_COMMANDS["flower"]


@pytest.mark.parametrize("name", compose_services())
def test_every_container_is_confined(name):
    service = compose_services()[name]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["cap_drop"] == ["ALL"]
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    assert service.get("read_only") or name == "postgres"  # its entry point writes
    assert re.search(r":(v?\d+\.\d+|\$\{SIGNALPOST_VERSION)", service["image"])


@pytest.mark.parametrize("name", set(PROCESSES) - {"sandbox"})
def test_every_process_has_a_health_check(name):
    assert compose_services()[name]["healthcheck"]["test"]


def test_prometheus_finds_every_container_that_counts():
    config = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    targets = {
        (name, each["port"])
        for job in config["scrape_configs"]
        for each in job["dns_sd_configs"]
        for name in each["names"]
    }
    ports = {
        name: compose_services()[name]["environment"].get("METRICS_PORT", 8000)
        for name in ("web", "worker", "uploads")
    }
    assert targets == set(ports.items())
