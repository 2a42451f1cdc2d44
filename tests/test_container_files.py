"""docker-compose.yml and deploy/Dockerfile, as Docker Compose, a schema and hadolint read them.

Part of `make check`. No container engine is needed; images are neither built nor run here.
"""

import json
import re

import pytest

from tests.deploy_tools import ROOT, deploy_tools
from tests.unit.test_local_deploy import SECRET_VARIABLE

__all__ = ["deploy_tools"]

COMPOSE_FILE, DOCKERFILE = ROOT / "docker-compose.yml", ROOT / "deploy" / "Dockerfile"
REQUIRED = {
    name for name, sign, _ in SECRET_VARIABLE.findall(COMPOSE_FILE.read_text()) if sign == "?"
}
PROFILES = ("--profile", "watch", "--profile", "demo")


@pytest.fixture
def required_values(tmp_path):
    """A file with the variables that have no default."""
    file = tmp_path / "required.env"
    names = sorted(REQUIRED | {"PUBLIC_URL"})
    file.write_text("".join(f"{name}=value-of-{name.lower()}\n" for name in names))
    return file


@pytest.fixture
def run_compose(deploy_tools, required_values):
    def run(*arguments, file=COMPOSE_FILE, variables=required_values):
        options = ("--file", file, "--env-file", variables, *PROFILES)
        return deploy_tools.run(deploy_tools.compose, *options, "config", *arguments)

    return run


def test_compose_accepts_the_file_and_every_service_is_complete(run_compose):
    result = run_compose("--format", "json")
    assert result.returncode == 0, result.stderr
    services = json.loads(result.stdout)["services"]
    assert len(services) > 8
    for name, service in services.items():
        assert service["mem_limit"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["logging"]["options"]["max-size"], name
        assert ":" in service["image"], name
        is_task = service.get("restart") == "no"
        assert is_task or "healthcheck" in service, name


def find_refused_secrets(config):
    """Return the services that Compose refuses to start, since it could not copy their secrets."""
    copied = {name for name, each in config.get("secrets", {}).items() if "file" not in each}
    return {
        name
        for name, service in config["services"].items()
        if service.get("read_only")
        and copied & {each["source"] for each in service.get("secrets", ())}
    }


def test_no_container_that_cannot_be_written_takes_a_secret_which_is_no_file(run_compose, tmp_path):
    assert find_refused_secrets(json.loads(run_compose("--format", "json").stdout)) == set()
    altered = tmp_path / "docker-compose.yml"
    text = COMPOSE_FILE.read_text().replace("  beat:\n", "  beat:\n    secrets: [planted]\n")
    altered.write_text(f"{text}\nsecrets:\n  planted:\n    environment: METRICS_TOKEN\n")
    result = run_compose("--format", "json", file=altered)
    assert find_refused_secrets(json.loads(result.stdout)) == {"beat"}


def list_memory_folders(config):
    """The folders that services of our image have in memory."""
    return {
        folder.partition(":")[0]
        for service in config["services"].values()
        if service.get("build")
        for folder in service.get("tmpfs", ())
    }


def test_each_folder_in_memory_is_one_of_the_image_with_the_same_mode(run_compose):
    """Else runc gives it another mode when the container is started again."""
    made_folders = set(re.findall(r"install -d -m 1777 (/\S+)", DOCKERFILE.read_text()))
    folders = list_memory_folders(json.loads(run_compose("--format", "json").stdout))
    assert folders == {"/tmp", *made_folders}  # noqa: S108 - of the container


def test_compose_refuses_a_misspelt_field(run_compose, tmp_path):
    altered = tmp_path / "docker-compose.yml"
    altered.write_text(COMPOSE_FILE.read_text().replace("mem_limit:", "mem_limitt:", 1))
    result = run_compose("-q", file=altered)
    assert result.returncode != 0
    assert "mem_limitt" in result.stderr


def test_compose_refuses_to_start_without_a_secret(run_compose, tmp_path):
    empty = tmp_path / "empty.env"
    empty.write_text("")
    result = run_compose("-q", variables=empty)
    assert result.returncode != 0
    assert "is missing a value" in result.stderr


def test_the_file_follows_the_schema_of_compose_files(deploy_tools):
    program = deploy_tools.packages / "bin" / "check-jsonschema"
    options = ("--builtin-schema", "vendor.compose-spec")
    result = deploy_tools.run("python3", program, *options, COMPOSE_FILE)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("addition", "accepted"), [("", True), ("\nUSER root\n", False)])
def test_hadolint_accepts_the_dockerfile(deploy_tools, tmp_path, addition, accepted):
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(DOCKERFILE.read_text() + addition)
    result = deploy_tools.run(deploy_tools.packages / "bin" / "hadolint", dockerfile)
    assert (result.returncode == 0) is accepted, result.stdout
