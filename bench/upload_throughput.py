"""Measures one long video upload to the platform: by a worker, and by curl with the same chunks.

Both send to the same sink over one kept connection, in turn. The time from the first byte to the
last response at the sink is compared.
"""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from celery import Celery

from bench import stack_database
from bench.machine import measure_noise
from bench.process_usage import cpu_seconds_by_role, resident_mib, track_peak_memory
from bench.shared_servers import SharedServers
from bench.sink.process import SinkProcess, run_sink
from bench.stack_database import StackDatabase
from bench.stacks import Stack, open_signalpost
from core.media_store.directory import DirectoryStore
from platforms.chunks import plan_chunks
from tasks.queues import WAKE_TASKS

ROUNDS = 3
MIB = 2**20
UPLOAD_TIMEOUT = 120.0  # seconds for one video
POLL_INTERVAL = 0.05  # seconds

INSERT_VIDEO_POST = """
WITH video AS (
  INSERT INTO media (user_id, filename, content_type, size, received, sha256, path, completed_at,
                     expires_at)
    SELECT min(id), 'video.mp4', 'video/mp4', %(size)s, %(size)s, 'not checked', %(path)s, now(),
           now() + interval '1 day' FROM users
  ON CONFLICT DO NOTHING RETURNING id, user_id)
INSERT INTO posts (user_id, oauth_account_id, media_id, provider, kind, source, sent_by, title,
                   payload_json, memo, bytes_total, due_at)
  SELECT video.user_id, oauth_accounts.id, video.id, 'tiktok', 'DIRECT_VIDEO', 'FILE_UPLOAD',
         'SIGNALPOST', 'A long video', '{"settings": {"privacy_level": "PUBLIC_TO_EVERYONE"}}',
         '{"slots": 1000}', %(size)s, now()
    FROM video, oauth_accounts WHERE open_id = 'bench-0'
"""
COUNT_UNSENT_POSTS = "SELECT count(*) FROM posts WHERE state IN ('QUEUED', 'SENDING')"


@dataclass(frozen=True)
class UploadThroughput:
    """The medians of the rounds.

    `ours` and `curls` are MiB per second; `growth` the memory in MiB that the uploads worker and
    its children gained; `cost` seconds of CPU per video by role, `curl_cost` curl's; `wrong` the
    chunks that the sink refused; `others` the share of the machine that other programs used.
    """

    mib: int
    chunks: int
    ours: float
    curls: float
    growth: float
    cost: Mapping[str, float]
    curl_cost: float
    wrong: int
    others: float

    @property
    def curl_ratio(self) -> float:
        """The worker's rate divided by curl's."""
        return round(self.ours / self.curls, 2)


def time_uploads(servers: SharedServers, *, mib: int) -> UploadThroughput:
    size = mib * MIB
    with run_sink() as sink, open_signalpost(servers, platform_url=sink.url) as stack:
        stack_database.insert_accounts(stack.require_database(), stack.environment, 1)
        media, folder = open_media_store(stack), servers.folder / "chunks"
        path = media.create_file()
        chunks = cut_chunks(media.local_path(path), folder, size)
        pids = {"worker": stack.pids["uploads"], "postgres": stack.pids["postgres"]}
        before, curl_cpu = cpu_seconds_by_role(pids), []
        idle_mib = resident_mib(pids["worker"])
        with (
            measure_noise() as noise,
            track_peak_memory(pids["worker"], interval=POLL_INTERVAL) as peak,
        ):
            for _ in range(ROUNDS):
                curl_cpu.append(upload_by_curl(sink, chunks, size))
                upload_by_worker(stack, path, size)
        after, summary = cpu_seconds_by_role(pids), sink.summary()
        rates = [upload_rate(upload) for upload in summary["uploads"].values()]
    return UploadThroughput(
        mib=mib,
        chunks=len(chunks),
        ours=median(rates[1::2]),  # in each round curl is first
        curls=median(rates[::2]),
        growth=round(peak.mib - idle_mib, 1),
        cost={role: round((after[role] - before[role]) / ROUNDS, 2) for role in after},
        curl_cost=round(median(curl_cpu), 2),
        wrong=summary["calls"]["upload"]["wrong"],
        others=noise.other_cpu_share,
    )


def open_media_store(stack: Stack) -> DirectoryStore:
    Path(urlsplit(stack.environment["MEDIA_URL"]).path).mkdir(exist_ok=True)
    return DirectoryStore(stack.environment["MEDIA_URL"])


def upload_rate(upload: Mapping[str, float]) -> float:
    """Return MiB per second from the first byte to the last response; 0 if it is incomplete."""
    if upload["received"] < upload["size"]:
        return 0.0
    return round(upload["size"] / MIB / (upload["ended_at"] - upload["started_at"]), 1)


def cut_chunks(video: Path, folder: Path, size: int) -> list[tuple[Path, int, int]]:
    """Write the video, and each chunk as a file, because curl sends whole files.

    Shapes: the path of each chunk with its first and last byte.
    """
    chunk_plan, pattern, chunks = plan_chunks(size), bytes(range(256)) * (MIB // 256), []
    folder.mkdir()
    starts = [number * chunk_plan.chunk_size for number in range(chunk_plan.count)]
    with video.open("r+b") as file:
        for first, end in pairwise([*starts, size]):
            path = folder / f"{first:012}"
            data = (pattern * ((end - first) // MIB + 1))[: end - first]
            file.write(data)
            path.write_bytes(data)
            chunks.append((path, first, end - 1))
    return chunks


def upload_by_curl(sink: SinkProcess, chunks: list[tuple[Path, int, int]], size: int) -> float:
    """Send all chunks with one curl process over one connection; return its CPU seconds."""
    chunk_plan = plan_chunks(size)
    sizes = {"video_size": size, "chunk_size": chunk_plan.chunk_size}
    url = sink.start_upload({**sizes, "total_chunk_count": chunk_plan.count})
    curl_options = [
        f'url = "{url}"\nupload-file = "{path}"\nheader = "Expect:"\noutput = "/dev/null"\n'
        'header = "Content-Type: video/mp4"\n'
        f'header = "Content-Range: bytes {first}-{last}/{size}"\n'
        for path, first, last in chunks
    ]
    before = child_cpu_seconds()
    command = ["curl", "--silent", "--show-error", "--fail", "--config", "-"]
    subprocess.run(
        command, input="next\n".join(curl_options), text=True, check=True, timeout=UPLOAD_TIMEOUT
    )
    return child_cpu_seconds() - before


def child_cpu_seconds() -> float:
    """Return the CPU seconds of this process's children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def upload_by_worker(stack: Stack, path: str, size: int) -> None:
    """Insert a due post, wake a worker as an upload request does, and wait until it was sent."""
    database = StackDatabase(stack.require_database().dsn, "", COUNT_UNSENT_POSTS)
    database.execute(INSERT_VIDEO_POST, size=size, path=path)
    with Celery(broker=stack.broker) as celery:
        celery.send_task(WAKE_TASKS["posts"], queue="posts")
    deadline = time.monotonic() + UPLOAD_TIMEOUT
    while database.count_waiting() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
