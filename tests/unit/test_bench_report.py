import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from bench.claim_latency import ClaimLatency
from bench.drain import DrainResult
from bench.due_calls import CallBurst
from bench.load_results import LatencyStats
from bench.report import BenchResults
from bench.tables import print_report
from bench.upload_throughput import UploadThroughput
from tests.support.load_samples import SAMPLE_LOAD, SAMPLE_MACHINE, sample_phases


@pytest.fixture
def bench_results():
    slow = replace(SAMPLE_LOAD, accepted_per_second=20.0, applied_per_second=20.0)
    return BenchResults(
        SAMPLE_MACHINE,
        {"seconds": 4.0},
        {"signalpost": sample_phases(), "noop": sample_phases(), "inline": sample_phases(slow)},
        {"express_bullmq": "node and npm are not installed."},
        [DrainResult(2, 5000, 10.0, 500.0, 0, {"worker": 1.0})],
        [ClaimLatency("posts", 100_000, 0, LatencyStats(1.0, 2.0, 3.0))],
    )


SAMPLE_COST = {"worker": 1.0, "postgres": 0.5}
SAMPLE_UPLOAD = UploadThroughput(1024, 107, 900.0, 1000.0, 81.0, SAMPLE_COST, 0.4, 0, 0.1)
SAMPLE_REFRESHES = CallBurst(
    "accounts", 100, 0.2, 16, 1.5, 1.25, 66.7, 16, 0, 0, 0, SAMPLE_COST, 0.1
)


@pytest.fixture
def full_results(bench_results):
    return replace(bench_results, uploads=[SAMPLE_UPLOAD], calls=[SAMPLE_REFRESHES])


@pytest.fixture
def printed_report(bench_results):
    stream = io.StringIO()
    print_report(bench_results, Console(file=stream, width=250))
    return stream.getvalue()


def matching_lines(report, *words):
    return [line for line in report.splitlines() if all(word in line for word in words)]


def test_a_peer_that_was_not_measured_is_named_with_the_reason(printed_report):
    assert matching_lines(
        printed_report, "express_bullmq was not measured: node and npm are not installed."
    )


def test_a_target_has_a_verdict_beside_its_ratio(printed_report):
    assert matching_lines(
        printed_report, "accepts, per second: 5.0 x inline", "(target 3.5): reached"
    )
    assert matching_lines(
        printed_report, "applies end to end, per second: 2.5 x", "(target 4.0): not reached"
    )


def test_the_report_has_backlog_and_claims(printed_report):
    assert matching_lines(printed_report, "5000", "500.0")
    assert matching_lines(printed_report, "100000", "1.0 · 2.0 · 3.0")


def test_the_file_has_the_printed_figures(bench_results, tmp_path):
    bench_results.write(tmp_path / "new" / "bench.json")
    document = json.loads((tmp_path / "new" / "bench.json").read_text())
    assert document["skipped"] == bench_results.skipped
    assert document["stacks"]["inline"]["few"]["burden"]["others"] == 0.1
    verdicts = {each["title"]: each["reached"] for each in document["standings"]}
    assert verdicts["accepts, per second"] is True
    assert verdicts["applies end to end, per second"] is False
    assert document["ratios"]["inline"]["accepts, per second"] == 5.0


def test_without_peers_nothing_is_compared(bench_results):
    alone = replace(bench_results, stacks={"signalpost": sample_phases()})
    assert (alone.peer_comparisons(), alone.peer_ratios()) == ([], {})


def test_own_targets_are_compared_with_their_bounds(full_results):
    verdicts = {
        target.title.split(",")[0]: target.reached for target in full_results.own_target_results()
    }
    assert verdicts == {
        "1 GiB video sent by a worker": True,
        "memory the worker grew by during the upload": False,
        "10 000 refreshes at once": True,
        "p99 of a claim among posts": True,
    }


def test_uploads_and_calls_are_printed_and_written(full_results, tmp_path):
    stream = io.StringIO()
    print_report(full_results, Console(file=stream, width=250))
    assert matching_lines(stream.getvalue(), "1024", "900.0", "1000.0", "0.9", "81.0")
    assert matching_lines(stream.getvalue(), "accounts", "1.2", "66.7")
    full_results.write(tmp_path / "bench.json")
    document = json.loads((tmp_path / "bench.json").read_text())
    assert [upload["ours"] for upload in document["films"]] == [900.0]
    assert [target["reached"] for target in document["aims"]] == [True, False, True, True]


def test_the_keys_of_the_file_are_stable(full_results, tmp_path):
    full_results.write(tmp_path / "bench.json")
    assert set(json.loads((tmp_path / "bench.json").read_text())) == {
        *("machine", "options", "stacks", "skipped", "drains", "scans", "inboxes", "films"),
        *("calls", "ratios", "standings", "aims"),
    }


@pytest.mark.parametrize("fault", ["missed", "doubled", "wrong"])
def test_a_call_that_was_not_made_once_makes_a_run_fail(full_results, fault):
    assert full_results.fault_count == 0
    assert replace(full_results, calls=[replace(SAMPLE_REFRESHES, **{fault: 1})]).fault_count == 1


def test_an_upload_that_did_not_arrive_makes_a_run_fail(full_results):
    assert replace(full_results, uploads=[replace(SAMPLE_UPLOAD, ours=0.0)]).fault_count == 1
