"""Counters begin at 0 where their labels are known, once for all processes of a machine."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from app.http.initial_labels import list_request_labels
from core.health.initial_counts import (
    JOB_KINDS,
    list_all_platform_labels,
    list_general_labels,
)
from tasks.work import JOB_TYPES

CODE = """
import os
from core.health.initial_counts import create_initial_series
from core.observability import metrics
labels = ("tiktok", "DIRECT_VIDEO", "FILE_UPLOAD", "published", "none")
create_initial_series()
create_initial_series()
if os.fork() == 0:
    metrics.UPLOADS.labels(*labels).inc()
    os._exit(0)
os.wait()
print(metrics.render_exposition({}).decode())
"""
POST = {
    "provider": "tiktok",
    "kind": "DIRECT_VIDEO",
    "source": "FILE_UPLOAD",
    "outcome": "published",
    "code": "none",
}


def render_page(**environment):
    page = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, **environment},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def sample_key(labels):
    return "signalpost_upload_total", tuple(sorted(labels.items()))


def test_processes_that_share_a_folder_count_from_the_zeros_that_stand_there_once(tmp_path):
    samples = render_page(PROMETHEUS_MULTIPROC_DIR=str(tmp_path))
    assert samples[sample_key(POST)] == 1
    assert samples[sample_key(POST | {"outcome": "failed", "code": "internal"})] == 0
    (merged,) = tmp_path.glob("counter_merged.db")
    own_bytes = sum(
        len(path.read_bytes().rstrip(b"\0"))
        for path in tmp_path.glob("counter_*.db")
        if path != merged
    )
    assert own_bytes < len(merged.read_bytes().rstrip(b"\0")) / 20


def test_a_process_without_a_shared_folder_has_the_zeros_too():
    samples = render_page()
    assert samples[sample_key(POST)] == 0  # its child counted by itself


def test_every_series_fits_its_counter_and_there_are_few():
    listed = [*list_general_labels(), *list_all_platform_labels(), *list_request_labels()]
    assert 500 < len(set(listed)) < 1200
    for counter, label_values in listed:
        assert counter.labels(*label_values)._value.get() >= 0


def test_kinds_of_jobs_and_the_route_of_webhooks_are_those_that_are_counted():
    assert JOB_TYPES.keys() == set(JOB_KINDS)
    routes = {labels[0] for counter, labels in list_request_labels() if labels[1:2] == ("POST",)}
    assert routes == {"/api/webhooks/<provider>"}
