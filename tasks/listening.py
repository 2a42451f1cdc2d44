"""Runs due work of one kind, and stays for more of it as long as signals come (decision 0055)."""

import time

from core.jobs.job_type import Job, JobType, Outcome
from core.jobs.wake_signals import WakeSignals
from core.limits.redis_client import RedisUnavailable
from db.leases import Row
from tasks.runtime import run_job_type
from tasks.stopping import stop_requested
from tasks.wake import wake

STAY_SECONDS = 1.0
"""How long one task stays. Then it makes room for other kinds, and a message wakes the next one."""
WAIT_SECONDS = 0.05
"""How long it waits for a signal. Rows that come more seldom are worth a message each."""
PAUSE_RATIO = 7.0
"""A pause after each batch is so many times the CPU time that the batch took: rows gather in it, so
that a busy kind costs fewer batches. A batch has a cost of its own, whatever its size."""
MAX_PAUSE = 0.1  # seconds


def run_and_listen(job_type: JobType[Row, Job, Outcome], signals: WakeSignals) -> None:
    """Run what is due; while signals come, run what they announce.

    Without Redis, or if another worker listens, only what is due is run.
    """
    if not signals.begin():
        run_job_type(job_type)
        return
    try:
        run_until_silent(job_type, signals)
    except RedisUnavailable:
        wake(job_type.kind)  # a signal may have come that nobody will read


def run_until_silent(job_type: JobType[Row, Job, Outcome], signals: WakeSignals) -> None:
    """Errors: RedisUnavailable."""
    ends_at = time.monotonic() + STAY_SECONDS
    is_signalled = True
    while is_signalled and time.monotonic() < ends_at and not stop_requested.is_on():
        cpu_time = time.thread_time()
        report = run_job_type(job_type)
        if report.claimed >= job_type.batch_size:
            continue  # more are waiting
        time.sleep(min(PAUSE_RATIO * (time.thread_time() - cpu_time), MAX_PAUSE))
        is_signalled = signals.wait(WAIT_SECONDS) or not signals.end()
    if is_signalled:
        signals.hand_over()
        wake(job_type.kind)
