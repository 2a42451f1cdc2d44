"""The metrics: what is counted, by several processes, with labels of few values."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram
from prometheus_client.parser import text_string_to_metric_families

from core.bootstrap import build_public_http
from core.config.settings import PlatformSettings, Settings
from core.encryption_keys import generate_key
from core.limits.rate_limits import RateLimits, platform_rates
from core.limits.redis_client import RedisClient
from core.observability import metrics
from tests.support.metric_names import list_metric_names

REQUIRED_SETTINGS = {
    "DATABASE_URL": "postgresql://127.0.0.1/app",
    "BROKER_URL": "redis://127.0.0.1/0",
    "SECRET_KEY": "a-secret-key-of-the-tests-0123456789",
    "TOKEN_ENCRYPTION_KEY": generate_key(),
}
DOCUMENTED_METRICS = (
    "oauth_flow_total",
    "upload_total",
    "publish_seconds",
    "posts",
    "posts_oldest_seconds",
    "webhook_received_total",
    "webhook_processed_total",
    "webhook_ack_seconds",
    "webhook_processing_seconds",
    "webhook_backlog",
    "webhook_oldest_due_seconds",
    "dead_letters",
    "token_refresh_total",
    "accounts",
    "upstream_requests_total",
    "upstream_seconds",
    "http_requests_total",
    "http_seconds",
    "insights_fetch_total",
    "insights_items_total",
    "insights_seconds",
    "rate_limit_hits_total",
    "quota_refusals_total",
    "quota_used_ratio",
    "retries_total",
    "claims_lost_total",
    "worker_runs_total",
    "worker_seconds",
    "worker_last_success_timestamp",
    "scheduler_lag_seconds",
    "circuit_state",
    "alerts_active",
    "db_pool_in_use",
    "db_errors_total",
    "build_info",
)
COUNTING_PROCESS_CODE = """
from core.observability import metrics
from tests.support.metric_names import list_metric_names
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


@pytest.mark.parametrize(
    ("status", "label"), [("204", "2xx"), ("599", "5xx"), ("999", "other"), ("1000", "other")]
)
def test_a_server_of_a_user_chooses_no_label(status, label):
    settings = Settings.from_env(REQUIRED_SETTINGS)
    build_public_http(settings)._observe("deliver", status, 0.1)
    labels = {"platform": "endpoint", "endpoint": "deliver", "code": ""}
    assert metric_value("upstream_requests_total", status=label, **labels) >= 1
    assert metric_value("upstream_requests_total", status=status, **labels) == 0


@pytest.fixture
def forgotten_codes():
    """The codes that tests of this process have used; each process knows a bounded number."""
    known = set(metrics._known_codes)
    metrics._known_codes.clear()
    yield
    metrics._known_codes.clear()
    metrics._known_codes.update(known)


@pytest.mark.usefixtures("forgotten_codes")
def test_codes_and_statuses_of_platforms_are_a_bounded_number_of_labels():
    for number in range(1000):
        metrics.count_upstream_call("tiktok", "bounded", f"code_{number}", 0.1)
        metrics.count_upstream_call("tiktok", "bounded", str(number), 0.1)
    metrics.count_upstream_call("tiktok", "bounded", "a code of\nanother form", 0.1)
    family = [each for each in REGISTRY.collect() if each.name == "signalpost_upstream_requests"]
    samples = [
        sample.labels
        for sample in family[0].samples
        if sample.labels["endpoint"] == "bounded" and sample.name.endswith("_total")
    ]
    assert len(samples) < metrics.MAX_CODES + len(metrics.REGISTERED_STATUSES) + 5
    assert {"other"} <= {labels["code"] for labels in samples}
    assert {"200", "other"} <= {labels["status"] for labels in samples}


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


def test_an_empty_name_of_the_shared_folder_is_none(tmp_path):
    """The library would write its files into the working directory."""
    root = Path(__file__).parents[2]
    page = subprocess.run(
        [sys.executable, "-c", COUNTING_PROCESS_CODE],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": "", "PYTHONPATH": str(root)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "signalpost_upload_total{" in page
    assert list(tmp_path.iterdir()) == []


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
        "version",
        "target",
        "cause",
    }
    counted = [metric for metric in vars(metrics).values() if hasattr(metric, "_labelnames")]
    assert len(counted) > 15
    labels = {label for metric in counted for label in metric._labelnames}
    gauge_labels = {label for names in metrics.GAUGE_LABELS.values() for label in names}
    assert labels | gauge_labels <= allowed_labels


def test_many_observations_at_once_count_like_single_ones():
    observed = [0.0, 0.005, 0.0050001, 0.3, 9.99, 10, 11, 1e9, 0.3]
    registry = CollectorRegistry()
    single, many = (
        Histogram(name, "text", buckets=metrics.FAST_BUCKETS, registry=registry)
        for name in ("single", "many")
    )
    for value in observed:
        single.observe(value)
    metrics.observe_many(many, observed)

    def read_samples(histogram):
        (family,) = histogram.collect()
        return {
            (sample.name.rpartition("_")[2], sample.labels.get("le")): sample.value
            for sample in family.samples
            if not sample.name.endswith("_created")
        }

    assert read_samples(many) == read_samples(single)


def test_every_documented_metric_exists():
    assert {f"signalpost_{name}" for name in DOCUMENTED_METRICS} - list_metric_names() == set()
