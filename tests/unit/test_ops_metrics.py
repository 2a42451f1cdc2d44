"""The metrics: what is counted, by several processes, with labels of few values."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from core.config.settings import PlatformSettings
from core.limits.rate_limits import RateLimits, platform_rates
from core.limits.redis_client import RedisClient
from core.observability import metrics

COUNTING_PROCESS_CODE = """
from core.observability import metrics
metrics.UPLOADS.labels("tiktok", "INBOX_VIDEO", "FILE_UPLOAD", "published", "").inc()
print(metrics.render_exposition({"db_pool_in_use": [((), 3.0)]}).decode())
"""


def metric_value(name, **labels):
    return REGISTRY.get_sample_value(f"signalpost_{name}", labels) or 0.0


def test_calls_to_platforms_are_counted_by_status_and_timed():
    labels = {"platform": "tiktok", "endpoint": "status", "status": "200", "code": ""}
    before = metric_value("upstream_requests_total", **labels)
    metrics.count_upstream_call("tiktok", "status", "200", 0.25)
    assert metric_value("upstream_requests_total", **labels) == before + 1
    assert metric_value("upstream_seconds_count", platform="tiktok", endpoint="status") >= 1


def test_calls_without_an_answer_are_counted_by_code():
    labels = {"platform": "tiktok", "endpoint": "init", "status": "none", "code": "timeout"}
    before = metric_value("upstream_requests_total", **labels)
    metrics.count_upstream_call("tiktok", "init", "timeout", 10.0)
    assert metric_value("upstream_requests_total", **labels) == before + 1


def test_refusals_by_a_rate_limit_are_counted():
    redis_client = RedisClient("redis://127.0.0.1:1/0")
    limits = RateLimits(redis_client, platform_rates(PlatformSettings()))
    before = metric_value("rate_limit_hits_total", scope="platform", endpoint="creator")
    unavailable = metric_value("limiter_away_total", scope="platform")
    limits.block(1, "creator", timedelta(seconds=60))
    limits.acquire(1, "creator")
    assert metric_value("rate_limit_hits_total", scope="platform", endpoint="creator") == before + 1
    assert metric_value("limiter_away_total", scope="platform") == unavailable + 1


def test_gauges_are_rendered_beside_counters():
    text = metrics.render_exposition({"accounts": [(("tiktok", "ACTIVE"), 7.0)]}).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    (sample,) = families["signalpost_accounts"].samples
    assert (sample.labels, sample.value) == ({"provider": "tiktok", "state": "ACTIVE"}, 7.0)
    assert {f"signalpost_{name}" for name in metrics.GAUGE_LABELS} <= set(families)


def test_several_processes_count_together(tmp_path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    for _ in range(2):
        text = subprocess.run(
            [sys.executable, "-c", COUNTING_PROCESS_CODE],
            env=environment,
            cwd=Path(__file__).parents[2],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    upload = [line for line in text.splitlines() if line.startswith("signalpost_upload_total{")]
    assert len(upload) == 1
    assert upload[0].endswith(" 2.0")
    assert "signalpost_db_pool_in_use 3.0" in text


def test_no_label_can_hold_an_id():
    allowed_labels = {
        "provider",
        "platform",
        "step",
        "outcome",
        "code",
        "kind",
        "source",
        "event",
        "result",
        "endpoint",
        "status",
        "route",
        "method",
        "scope",
        "worker",
        "state",
        "class",
        "severity",
    }
    counted = [metric for metric in vars(metrics).values() if hasattr(metric, "_labelnames")]
    assert len(counted) > 15
    labels = {label for metric in counted for label in metric._labelnames}
    gauge_labels = {label for names in metrics.GAUGE_LABELS.values() for label in names}
    assert labels | gauge_labels <= allowed_labels
