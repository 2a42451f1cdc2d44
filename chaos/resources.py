"""What the processes of a stack hold: open files, memory, connections, keys in Redis."""

import contextlib

import psutil
import redis

from chaos.campaign_stack import CampaignStack
from chaos.fault_tools import wait_for

MEASURED_PROCESSES = ("web", "worker", "uploads")
START_TIMEOUT = 60.0  # seconds in which killed processes are running again


def measure_resources(stack: CampaignStack) -> dict[str, int]:
    """Return the numbers of what is held now, once all processes are running."""
    wait_for(lambda: all(map(stack.running.find_process, MEASURED_PROCESSES)), within=START_TIMEOUT)
    processes = [
        process
        for name in MEASURED_PROCESSES
        if (parent := stack.running.find_process(name))
        for process in (parent, *parent.children(recursive=True))
    ]
    with redis.Redis.from_url(stack.redis.url) as client:
        keys = client.dbsize()
    return {
        "files": sum(count_files(process) for process in processes),
        "MiB": sum(measure_memory(process) for process in processes) // 2**20,
        "connections": stack.query_value(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
        ),
        "keys": keys if isinstance(keys, int) else 0,
    }


def count_files(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return int(process.num_fds())
    return 0


def measure_memory(process: psutil.Process) -> int:
    """Return the resident bytes."""
    with contextlib.suppress(psutil.Error):
        return int(process.memory_info().rss)
    return 0
