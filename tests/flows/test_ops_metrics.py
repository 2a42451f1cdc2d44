"""The metrics of all processes are on one page, and the page needs a token."""

import json

import requests

from tests.flows.api_user import REQUEST_TIMEOUT
from tests.flows.brokers import wait_until

EXPECTED_METRICS = (
    'signalpost_http_requests_total{method="POST",route="/api/tiktok/upload",status="202"}',
    'signalpost_upload_total{code="none",kind="DIRECT_VIDEO",outcome="published"',
    'signalpost_worker_runs_total{outcome="done",worker="posts"}',
    'signalpost_worker_runs_total{outcome="done",worker="uploads"}',
    'signalpost_webhook_processed_total{event="video.publish.complete"',
    'signalpost_upstream_requests_total{code="",endpoint="video_init"',
)
"""Counted by the web process, the worker and the uploads worker."""


def test_a_post_is_counted_by_every_process_it_passes(stack, api_user):
    api_user.wait_until_final(api_user.publish_file())
    settings = json.loads((stack.folder / "data" / "settings.json").read_text())
    bearer = {"Authorization": f"Bearer {settings['METRICS_TOKEN']}"}

    def missing_metrics():
        page = requests.get(f"{stack.info['web']}/metrics", headers=bearer, timeout=REQUEST_TIMEOUT)
        return [name for name in EXPECTED_METRICS if name not in page.text]

    wait_until(lambda: not missing_metrics(), what=f"all counts; missing: {missing_metrics()}")


def test_without_the_token_there_are_no_metrics(stack):
    response = requests.get(f"{stack.info['web']}/metrics", timeout=REQUEST_TIMEOUT)
    assert response.status_code == 401
