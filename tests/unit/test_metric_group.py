"""What several requests count is written together, and nothing is lost or doubled."""

from prometheus_client import Counter, Histogram

from core.observability.metric_group import MetricGroup, write_at_once


def new_metrics():
    requests = Counter("group_requests", "Requests", ["route"], registry=None)
    seconds = Histogram("group_seconds", "Seconds", ["route"], buckets=(1, 2), registry=None)
    return requests, seconds


def read_samples(metric, label):
    return {
        (sample.name, sample.labels.get("le")): sample.value
        for family in metric.collect()
        for sample in family.samples
        if sample.labels["route"] == label and not sample.name.endswith("_created")
    }


def test_a_group_is_scheduled_once_and_written_whole():
    requests, seconds = new_metrics()
    scheduled = []
    group = MetricGroup(scheduled.append)
    for duration in (0.5, 1.5, 3.0):
        group.count(requests, "a")
        group.observe(seconds, duration, "a")
    group.count(requests, "b")
    assert len(scheduled) == 1
    assert read_samples(requests, "a") == {}
    scheduled[0]()
    assert read_samples(requests, "a") == {("group_requests_total", None): 3}
    assert read_samples(requests, "b") == {("group_requests_total", None): 1}
    assert read_samples(seconds, "a") == {
        ("group_seconds_bucket", "1.0"): 1,
        ("group_seconds_bucket", "2.0"): 2,
        ("group_seconds_bucket", "+Inf"): 3,
        ("group_seconds_count", None): 3,
        ("group_seconds_sum", None): 5.0,
    }


def test_what_comes_after_a_write_makes_the_next_group():
    requests, _ = new_metrics()
    scheduled = []
    group = MetricGroup(scheduled.append)
    for _ in range(2):
        group.count(requests, "a")
        scheduled.pop()()
    assert scheduled == []
    assert read_samples(requests, "a") == {("group_requests_total", None): 2}


def test_a_group_that_collects_nothing_writes_each_count():
    requests, seconds = new_metrics()
    group = MetricGroup(write_at_once)
    group.count(requests, "a")
    group.observe(seconds, 0.5, "a")
    assert read_samples(requests, "a") == {("group_requests_total", None): 1}
    assert read_samples(seconds, "a")["group_seconds_count", None] == 1
