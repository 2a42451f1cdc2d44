"""An upgrade without a pause: processes of the release before and of this one on one database.

Both ways round: an old web process with new workers, and a new one with old workers, after the
migrations of this release. The long form publishes more, and takes one migration back, which then
comes again.
"""

import json
import os
import subprocess
import sys
from contextlib import contextmanager

import pytest
import requests

from db import schema
from local.ports import find_free_port
from tests.flows.api_user import DIRECT_FIELDS, PULL_FIELDS, REQUEST_TIMEOUT
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.stacks import ROOT, SIGNALPOST_COMMAND, run_stack

pytestmark = pytest.mark.timeout(600)

PREVIOUS_RELEASE = "b75bf4f1723ad7af913d32f47ed2953f0c0ced69"
"""The commit that stands for the release before; its newest migration is 0032."""

FEW_POSTS, POSTS = 2, 6  # of each creator; the platform's limit lets six begin within a minute
WITHIN = 90.0  # seconds for the posts of a phase, on a busy machine
QUEUES = "webhooks,accounts,posts,outbox,insights,housekeeping,uploads"
RUN_ROLE = (sys.executable, "-m", "local.run_role")
OVERDUE_SQL = (
    "SELECT count(*) FROM webhook_events WHERE dead_at IS NOT NULL"
    " OR (status = 'pending' AND next_attempt_at < now() - interval '10 seconds')"
)


@pytest.fixture(scope="module")
def previous_tree(tmp_path_factory):
    """The files of the release before."""
    folder = tmp_path_factory.mktemp("previous")
    archive = subprocess.run(
        ["git", "archive", PREVIOUS_RELEASE], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode != 0:
        pytest.skip(f"the history up to {PREVIOUS_RELEASE} is not there")
    subprocess.run(["tar", "-x", "-C", folder], input=archive.stdout, check=True)
    return folder


@pytest.fixture
def old_stack(previous_tree, tmp_path_factory):
    """Everything of the release before, as `signalpost up` starts it."""
    command = (sys.executable, "-m", "local.cli", "up")
    path = f"{previous_tree}:{previous_tree / 'clients' / 'python'}"
    with run_stack(tmp_path_factory.mktemp("old"), command=command, PYTHONPATH=path) as stack:
        yield stack


def new_environment(stack, folder, role, **values):
    """The settings of the old web process, for a process of this release."""
    environment = stack.find_process("web").environ()
    for name in ("PROMETHEUS_MULTIPROC_DIR", "PYTHONPATH"):
        environment.pop(name, None)
    return {
        **environment,
        "SIGNALPOST_ROLE": role,
        "REMAP_SIGTERM": "SIGQUIT",
        "PYTHONPATH": str(ROOT),
        "PATH": os.environ["PATH"],
        "TMPDIR": str(folder),
        "MIGRATION_DATABASE_URL": stack.info["database"],
        "ERASURE_LIST": str(folder / "erasures"),
        **values,
    }


def migrate(stack, folder, *arguments):
    done = subprocess.run(
        [*SIGNALPOST_COMMAND, "migrate", *arguments, "--json"],
        env=new_environment(stack, folder, "cli"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@contextmanager
def run_new(stack, folder, role, *command):
    with (folder / f"{role}.err").open("wb") as errors:
        process = start_process(
            (*RUN_ROLE, *command),
            cwd=folder,
            env=new_environment(stack, folder, role, METRICS_PORT=""),
            stdout=errors,
            stderr=errors,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def run_new_web(stack, folder):
    port = find_free_port()
    address = ("--host", "127.0.0.1", "--port", str(port))
    factory = ("--interface", "asgi", "--factory", "local.web:create_asgi_app")
    options = ("--http", "1", "--no-ws", "--workers", "1")
    with run_new(stack, folder, "web", "granian", *options, *address, *factory):
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: is_in_pool(url), what="the new web process", within=60)
        yield url


def is_in_pool(url):
    """Whether a load balancer sends requests to this web process."""
    try:
        return requests.get(f"{url}/readyz", timeout=REQUEST_TIMEOUT).status_code == 200
    except requests.ConnectionError:
        return False


def publish_all(stack, count, url=None):
    """Connect a creator, post `count` videos, and wait until each is published, once.

    `url`: the web process that posts are requested from; by default the old one.
    """
    user = stack.create_api_user()
    user.url = url or user.url
    posts = [user.publish_file() for _ in range(count // 2)]
    posts += [user.create_post(**PULL_FIELDS, **DIRECT_FIELDS) for _ in range(count // 2)]
    states = {user.wait_until_final(post, within=WITHIN)["state"] for post in posts}
    assert states == {"PUBLISHED"}
    assert user.count_publications() == len(posts)


def upgrade(stack, folder):
    """Apply the migrations of this release beside the processes of the one before."""
    upgraded = migrate(stack, folder, "up")
    assert upgraded["current"] == schema.latest_version() > "0032"
    assert is_in_pool(stack.info["web"]), "a newer schema takes the old web process out of service"


def publish_through_both(stack, folder, count):
    """Publish through the old web process with new workers, and the other way round."""
    with (
        stack.freeze("worker"),
        stack.freeze("uploads"),
        run_new(stack, folder, "worker", "tasks.program", "worker", "-c", "2", "-Q", QUEUES),
    ):
        publish_all(stack, count)
    with run_new_web(stack, folder) as url:
        publish_all(stack, count, url)
        wait_until(lambda: stack.query_value(OVERDUE_SQL) == 0, what="all events applied")


def test_old_and_new_processes_work_side_by_side(old_stack, tmp_path):
    upgrade(old_stack, tmp_path)
    publish_through_both(old_stack, tmp_path, FEW_POSTS)


@pytest.mark.chaos
def test_the_release_before_works_with_each_schema(old_stack, tmp_path):
    publish_all(old_stack, POSTS)
    upgrade(old_stack, tmp_path)
    publish_through_both(old_stack, tmp_path, POSTS)
    # The new processes have ended: a schema is taken back for those of the release before.
    earlier = schema.list_versions()[-2]
    assert migrate(old_stack, tmp_path, "down", "--to", earlier, "--yes")["current"] == earlier
    publish_all(old_stack, POSTS)
    assert migrate(old_stack, tmp_path, "up")["current"] == schema.latest_version()
    assert is_in_pool(old_stack.info["web"])
    publish_all(old_stack, POSTS)
