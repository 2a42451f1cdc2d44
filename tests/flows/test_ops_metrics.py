"""The metrics of all processes are on one page, and the page needs a token."""

import json
import subprocess
import sys
import time
from functools import partial

import psutil
import pytest
import requests
from celery import Celery

from local.ports import find_free_port
from tasks.queues import MESSAGE_EXPIRY, WAKE_TASKS
from tasks.settings import build_configuration
from tests.flows.api_user import REQUEST_TIMEOUT
from tests.flows.brokers import wait_until
from tests.flows.child_processes import start_process
from tests.flows.stacks import ROOT

EXPECTED_METRICS = (
    'signalpost_http_requests_total{method="POST",route="/api/tiktok/upload",status="202"}',
    'signalpost_upload_total{code="none",kind="DIRECT_VIDEO",outcome="published"',
    'signalpost_worker_runs_total{outcome="done",worker="posts"}',
    'signalpost_worker_runs_total{outcome="done",worker="uploads"}',
    'signalpost_webhook_processed_total{event="video.publish.complete"',
    'signalpost_upstream_requests_total{code="",endpoint="video_init"',
)
"""Counted by the web process, the worker and the uploads worker."""


MAX_FILES = 6
"""Two of each process: the main one, its child, and those of dead ones together."""


def metrics_bearer(stack):
    settings = json.loads((stack.folder / "data" / "settings.json").read_text())
    return {"Authorization": f"Bearer {settings['METRICS_TOKEN']}"}


def test_a_post_is_counted_by_every_process_it_passes(stack, api_user):
    api_user.wait_until_final(api_user.publish_file())
    bearer = metrics_bearer(stack)

    def missing_metrics():
        page = requests.get(f"{stack.info['web']}/metrics", headers=bearer, timeout=REQUEST_TIMEOUT)
        return [name for name in EXPECTED_METRICS if name not in page.text]

    wait_until(lambda: not missing_metrics(), what=f"all counts; missing: {missing_metrics()}")


def test_without_the_token_there_are_no_metrics(stack):
    response = requests.get(f"{stack.info['web']}/metrics", timeout=REQUEST_TIMEOUT)
    assert response.status_code == 401


@pytest.fixture
def other_worker(stack, tmp_path):
    """A worker as on a second host: a port of its own, and all settings in its environment."""
    environment = stack.find_process("web").environ()  # may be a later one than at the start
    port = find_free_port()
    own = {
        "SIGNALPOST_ROLE": "worker",
        "METRICS_PORT": str(port),
        "REMAP_SIGTERM": "SIGQUIT",  # as in Procfile: it stops within a time limit
        "TMPDIR": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    del environment["PROMETHEUS_MULTIPROC_DIR"]
    command = (sys.executable, "-m", "local.run_role", "tasks.program", "worker")
    process = start_process(
        (*command, "-c", "1", "-Q", "webhooks", "-n", f"other{port}@%h", "--without-gossip"),
        cwd=tmp_path,
        env={**environment, **own},
        stderr=subprocess.DEVNULL,
    )
    yield process, f"http://127.0.0.1:{port}/metrics"
    process.terminate()
    process.wait(30)


@pytest.fixture
def wake_webhooks(stack):
    """Wakes a worker for webhooks: with nothing due, beat does it each ten seconds only."""
    app = Celery(set_as_current=False)
    app.conf.update(build_configuration(stack.info["broker"], "web"))
    return partial(app.send_task, WAKE_TASKS["webhooks"], queue="webhooks", expires=MESSAGE_EXPIRY)


def read_runs(url, bearer):
    """How many runs the page counts; None while the server does not answer."""
    try:
        page = requests.get(url, headers=bearer, timeout=REQUEST_TIMEOUT)
    except requests.ConnectionError:
        return None
    line = 'signalpost_worker_runs_total{outcome="done",worker="webhooks"} '
    counts = [each.removeprefix(line) for each in page.text.splitlines() if each.startswith(line)]
    return float(counts[0]) if counts else 0.0


def await_more_runs(wake_webhooks, url, bearer, *, than):
    """Wake workers until this one has counted more runs, and return how many. Others share them."""

    def has_more_runs():
        wake_webhooks()
        return (read_runs(url, bearer) or 0) > than

    wait_until(has_more_runs, what="a run")
    return read_runs(url, bearer)


def test_a_worker_has_a_page_of_its_own(stack, other_worker, wake_webhooks, tmp_path):
    process, url = other_worker
    bearer = metrics_bearer(stack)
    await_more_runs(wake_webhooks, url, bearer, than=1)
    page = requests.get(url, headers=bearer, timeout=REQUEST_TIMEOUT).text
    assert not [line for line in page.splitlines() if line.startswith("signalpost_oldest_due")]
    assert requests.get(url, timeout=REQUEST_TIMEOUT).status_code == 401
    other_page = url.replace("/metrics", "/")
    assert requests.get(other_page, headers=bearer, timeout=REQUEST_TIMEOUT).status_code == 404
    (alive_file,) = tmp_path.glob("signalpost-worker.alive")
    assert time.time() - alive_file.stat().st_mtime < 30
    assert "WORKER_SECRET" not in process_environment(process)


def process_environment(process):
    return psutil.Process(process.pid).environ()


def test_children_that_end_stay_counted_and_leave_no_files(
    stack, other_worker, wake_webhooks, tmp_path
):
    process, url = other_worker
    bearer, counted = metrics_bearer(stack), 1.0
    (folder,) = wait_for_folder(tmp_path)
    for _ in range(3):
        counted = await_more_runs(wake_webhooks, url, bearer, than=counted)
        for child in psutil.Process(process.pid).children():
            child.kill()
    await_more_runs(wake_webhooks, url, bearer, than=counted)  # of the last child
    assert len(list(folder.glob("*.db"))) <= MAX_FILES


def wait_for_folder(tmp_path):
    wait_until(lambda: list(tmp_path.glob("signalpost-metrics-*")), what="the folder of counts")
    return list(tmp_path.glob("signalpost-metrics-*"))
