"""schemathesis examines the running API: what it answers is what its description says.

It sends requests that the description allows and such that it forbids, with a fixed seed.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from tests.flows.stacks import run_stack

pytestmark = pytest.mark.xdist_group("openapi_examination")

SCHEMATHESIS = str(Path(sys.executable).with_name("schemathesis"))
MANY_REQUESTS = "1000000/1m"
LIMITS = dict.fromkeys(
    ("RATE_LIMIT_USER", "RATE_LIMIT_OAUTH", "RATE_LIMIT_PAGES", "RATE_LIMIT_ANONYMOUS"),
    MANY_REQUESTS,
)
EXCLUDED_CHECKS = {
    "positive_data_acceptance": "rules between fields, and those of platforms, are no JSON schema",
    "use_after_free": "it belongs to the phase of linked operations, which is not run",
    "ensure_resource_availability": "it belongs to the phase of linked operations, too",
}
"""Check → why it is not made."""

EXCLUDED_PATHS = {
    "/docs": "pages for people: tests/browser",
    "/api/auth/logout": "it would end the session of the other requests",
}
"""Path → why it is not examined; a path stands for those that begin with it."""

CONFIG = """
[checks.negative_data_rejection]
# beside the usual ones: a tus client of another version gets 412, a file that is too large 413
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 412, 413, 415, 422, 429, 503]

[checks.missing_required_header]
expected-statuses = [400, 401, 403, 406, 412, 422]
"""
HOOKS = """
import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def send_bytes(ctx, value):
    return value if isinstance(value, bytes) else str(value).encode()
"""


@pytest.fixture(scope="module")
def generous_stack(tmp_path_factory):
    """A stack of its own: the examination disables users, replays events and cancels posts."""
    with run_stack(tmp_path_factory.mktemp("stack"), **LIMITS) as stack:
        yield stack


def examine_api(stack, folder, *options, phases="examples,fuzzing"):
    """Run schemathesis; return its exit status and what it printed."""
    (folder / "schemathesis.toml").write_text(CONFIG)
    (folder / "hooks.py").write_text(HOOKS)
    command = [
        *(SCHEMATHESIS, "--config-file", "schemathesis.toml", "run"),
        f"{stack.info['web']}/openapi.json",
        *("--header", f"Authorization: Bearer {stack.info['api_key']}"),
        *("--phases", phases, "--seed", "1", "--no-shrink", "--continue-on-failure"),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        *("--exclude-checks", ",".join(EXCLUDED_CHECKS)),
        *("--exclude-path-regex", "|".join(f"^{path}" for path in EXCLUDED_PATHS)),
        *options,
    ]
    environment = {"PATH": "/usr/bin:/bin", "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": "."}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return result.returncode, result.stdout + result.stderr


def test_the_api_answers_as_its_description_says(generous_stack, tmp_path):
    status, report = examine_api(generous_stack, tmp_path, "--max-examples", "2")
    assert status == 0, report


def test_a_description_that_promises_too_much_is_noticed(generous_stack, tmp_path):
    """The negative control: a field is demanded that no answer has."""
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    document = requests.get(f"{generous_stack.info['web']}/openapi.json", timeout=20).json()
    document["components"]["schemas"]["LivenessAnswer"]["required"] = ["no_such_field"]
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    command = [SCHEMATHESIS, "run", "openapi.json", "--url", generous_stack.info["web"]]
    command += ["--include-path", "/healthz", "--phases", "fuzzing", "--max-examples", "1"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "no_such_field" in result.stdout


@pytest.mark.chaos
@pytest.mark.timeout(3600)
def test_the_api_answers_as_described_whatever_is_sent(generous_stack, tmp_path):
    """The long form: every boundary of every parameter, and many random requests."""
    status, report = examine_api(
        generous_stack, tmp_path, "--max-examples", "100", phases="examples,coverage,fuzzing"
    )
    assert status == 0, report
