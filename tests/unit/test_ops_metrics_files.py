"""What dead processes counted stays counted, in as many files as there are living processes."""

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import CollectorRegistry

from core.observability import metrics
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


def test_a_process_that_is_forked_while_a_page_is_read_does_not_keep_the_lock(tmp_path):
    """A worker's main process reads in a thread, and forks a new child in another one."""
    start_counting(tmp_path).communicate()
    context = multiprocessing.get_context("fork")
    has_begun = context.Event()
    child = context.Process(target=lambda: (has_begun.set(), time.sleep(60)))
    with reading_files(tmp_path):
        child.start()
        assert has_begun.wait(10)
    try:
        assert merge_files_of_dead(tmp_path) == 2
        assert child.is_alive()
    finally:
        child.kill()
        child.join()


def test_a_process_that_was_killed_as_it_made_its_file_hides_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    start_counting(tmp_path).communicate()
    (tmp_path / f"counter_{dead_process_id()}.db").touch()
    (tmp_path / f"histogram_{os.getpid()}.db").touch()  # of a process that is making it now
    assert b"signalpost_retries_total" in b"".join(
        metric.name.encode() + b"_total " for metric in metrics.SharedCollector(tmp_path).collect()
    )
    merge_files_of_dead(tmp_path)
    assert read_values(tmp_path)[RETRIES] == 2
    assert (tmp_path / f"histogram_{os.getpid()}.db").exists()


def dead_process_id():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def read_values(folder):
    return {
        sample.name: sample.value
        for metric in metrics.SharedCollector(folder).collect()
        for sample in metric.samples
    }
