"""docs/scale.md is computed from the committed figures, and its arithmetic is right."""

from dataclasses import replace
from datetime import timedelta

import pytest

from bench import scale_plan
from bench.drain import DrainResult
from bench.due_calls import CallBurst
from bench.report import BenchResults
from bench.scale_figures import FIGURES_PATH, ScaleFigures, StoredBytes, read_run
from bench.scale_page import build_page, format_number
from bench.scale_plan import compute_costs, measure_capacity, plan_rate
from bench.shared_servers import ROOT
from bench.upload_throughput import UploadThroughput
from core.config.limits import LimitSettings
from tests.support.load_samples import SAMPLE_MACHINE, sample_phases

PAGE_PATH = ROOT / "docs" / "scale.md"
SAMPLE_COST = {"worker": 1.0, "postgres": 0.5, "redis": 0.1, "platform": 9.0}
STORED = StoredBytes(table=2000, log=5000, events=100, measured_at="2026-11-30 00:00")


def sample_burst(kind):
    return CallBurst(kind, 100, 0.2, 16, 1.5, 1.25, 500.0, 16, 0, 0, 0, SAMPLE_COST, 0.1)


@pytest.fixture
def run_path(tmp_path):
    """The file of a run, as `make bench` writes it."""
    results = BenchResults(
        SAMPLE_MACHINE,
        {},
        {"signalpost": sample_phases()},
        drains=[DrainResult(processes, 100, 1.0, 100.0 * processes, 0, {}) for processes in (1, 2)],
        uploads=[UploadThroughput(512, 50, 1.0, 1.0, 1.0, {"worker": 0.2}, 0.4, 0, 0.1)],
        calls=[sample_burst("accounts"), sample_burst("posts")],
    )
    results.write(tmp_path / "bench.json")
    return tmp_path / "bench.json"


@pytest.fixture
def figures(run_path):
    return read_run(run_path, STORED)


def test_the_page_is_what_the_committed_figures_give():
    assert PAGE_PATH.read_text() == build_page(ScaleFigures.load())


def test_another_figure_gives_another_page():
    figures = ScaleFigures.load()
    changed = replace(figures, event={**figures.event, "web": 2 * figures.event["web"]})
    assert build_page(changed) != build_page(figures)


def test_the_file_of_figures_is_the_same_after_it_was_read_and_written(tmp_path):
    ScaleFigures.load().save(tmp_path / "figures.json")
    assert (tmp_path / "figures.json").read_text() == FIGURES_PATH.read_text()


def test_a_run_has_all_figures_of_the_page(figures):
    assert (figures.cores, figures.backlog_per_second) == (2, 200.0)
    assert figures.event == {"web": 1.0, "worker": 2.0}  # not the generator's
    assert figures.check.cost == {"worker": 1.0, "postgres": 0.5, "redis": 0.1}
    assert figures.upload_seconds == {"worker": 0.4}  # of 1 GiB; half of one was measured


def test_a_rate_needs_cores_databases_and_disk_in_proportion(figures):
    figures = replace(figures, event={"web": 0.6, "worker": 1.2, "postgres": 0.3})
    plan = plan_rate(figures, 64_000)
    assert [plan.ingress_cores, plan.worker_cores, plan.database_cores] == pytest.approx(
        [64, 128, 32]
    )
    assert (plan.ingress_nodes, plan.worker_nodes) == (5, 9)
    assert (plan.log_mb, plan.databases_by_cores, plan.databases_by_log) == (320, 2, 2)
    assert plan.stored_tb == pytest.approx(64_000 * 86_400 * 30 * 2000 / 1e12)
    assert plan_rate(figures, 640_000).databases == 20


def test_a_post_costs_its_calls_and_one_event(figures):
    costs = compute_costs(figures)
    assert (costs.event, costs.check) == pytest.approx((3.0, 1.6))
    assert costs.post == pytest.approx(7 * 1.6 + 3.0)
    assert measure_capacity(figures).checks == pytest.approx(300)
    assert measure_capacity(figures).accounts == pytest.approx(2 * 0.6 / 0.0016 * 86_400)


def test_events_are_kept_as_long_as_the_page_says():
    retention = LimitSettings.model_fields["webhook_retention"].default
    assert timedelta(days=scale_plan.EVENT_KEPT_DAYS) == retention


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.0234, "0.0234"), (7, "7"), (12.34, "12.3"), (999.4, "999"), (1234, "1,230")],
)
def test_numbers_have_three_digits_that_count(value, text):
    assert format_number(value) == text
