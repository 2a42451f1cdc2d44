"""What dead processes counted stays counted, in as many files as there are living processes."""

import os
import subprocess
import sys
from pathlib import Path

from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import CollectorRegistry

from core.observability.metrics_files import merge_files_of_dead, reading_files

ROOT = Path(__file__).parents[2]
COUNT_CODE = """
from core.observability import metrics
metrics.RETRIES.labels("posts").inc(2)
metrics.WORKER_SECONDS.labels("posts").observe(0.7)
"""
COUNT_AND_WAIT_CODE = f"{COUNT_CODE}\nprint('counted', flush=True)\ninput()"
RETRIES, RUNS, RUN_SECONDS = (
    "signalpost_retries_total",
    "signalpost_worker_seconds_count",
    "signalpost_worker_seconds_sum",
)


def start_counting(folder, code=COUNT_CODE):
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(folder)},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def read_counts(folder):
    registry = CollectorRegistry()
    MultiProcessCollector(registry, str(folder))
    labels = [{"kind": "posts"}, {"worker": "posts"}, {"worker": "posts"}]
    with reading_files(folder):
        names = (RETRIES, RUNS, RUN_SECONDS)
        return [registry.get_sample_value(*pair) for pair in zip(names, labels, strict=True)]


def list_files(folder):
    return sorted(path.name for path in folder.glob("*.db"))


def test_the_files_of_dead_processes_become_one_of_each_type(tmp_path):
    for count in (3, 1):
        for process in [start_counting(tmp_path) for _ in range(count)]:
            process.communicate()
        merge_files_of_dead(tmp_path)
        assert list_files(tmp_path) == ["counter_merged.db", "histogram_merged.db"]
    assert read_counts(tmp_path) == [8, 4, 2.8]


def test_the_file_of_a_living_process_stays_its_own(tmp_path):
    living = start_counting(tmp_path, COUNT_AND_WAIT_CODE)
    assert living.stdout.readline() == b"counted\n"
    start_counting(tmp_path).communicate()
    assert merge_files_of_dead(tmp_path) == 2
    assert f"counter_{living.pid}.db" in list_files(tmp_path)
    assert read_counts(tmp_path)[:2] == [4, 2]
    living.communicate(b"\n")
    assert merge_files_of_dead(tmp_path) == 2
    assert read_counts(tmp_path)[:2] == [4, 2]


def test_a_process_with_the_id_of_a_dead_one_does_not_keep_its_file(tmp_path):
    process = start_counting(tmp_path)
    process.communicate()
    for kind in ("counter", "histogram"):
        dead = tmp_path / f"{kind}_{process.pid}.db"
        reused = tmp_path / f"{kind}_{os.getppid()}.db"  # an id that is in use
        dead.rename(reused)
        os.utime(reused, (0, 0))
    assert merge_files_of_dead(tmp_path) == 2


def test_nothing_is_merged_while_a_page_is_read(tmp_path):
    """Otherwise the page would count a file twice, or not at all."""
    start_counting(tmp_path).communicate()
    with reading_files(tmp_path):
        assert merge_files_of_dead(tmp_path) == 0
    assert merge_files_of_dead(tmp_path) == 2
