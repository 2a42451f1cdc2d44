"""What several processes count meets on one page, and the page is not for everybody."""

import json

import requests

from tests.flows.brokers import until
from tests.flows.guests import TIMEOUT

COUNTED = (
    'signalpost_http_requests_total{method="POST",route="/api/tiktok/upload",status="202"}',
    'signalpost_upload_total{code="none",kind="DIRECT_VIDEO",outcome="published"',
    'signalpost_worker_runs_total{outcome="done",worker="posts"}',
    'signalpost_worker_runs_total{outcome="done",worker="uploads"}',
    'signalpost_webhook_processed_total{event="video.publish.complete"',
    'signalpost_upstream_requests_total{code="",endpoint="video_init"',
)
"""By the web process, the worker and the uploads worker."""


def test_a_post_is_counted_by_every_process_it_passes(house, guest):
    guest.ended(guest.send())
    kept = json.loads((house.folder / "data" / "settings.json").read_text())
    bearer = {"Authorization": f"Bearer {kept['METRICS_TOKEN']}"}

    def counted():
        page = requests.get(f"{house.told['web']}/metrics", headers=bearer, timeout=TIMEOUT)
        return [name for name in COUNTED if name not in page.text]

    until(lambda: not counted(), what=f"all counts; missing: {counted()}")


def test_without_the_token_there_are_no_counts(house):
    answer = requests.get(f"{house.told['web']}/metrics", timeout=TIMEOUT)
    assert answer.status_code == 401
