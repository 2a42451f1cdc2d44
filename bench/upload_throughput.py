"""One long film to the platform: through a worker, and by curl with the same chunks, in turn.

Both send to the same sink over one kept connection; what lies between their first and their last
byte there is compared.
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
from core.media_store import MediaStore
from platforms.chunks import plan_chunks
from tasks.queues import WAKE_TASKS

ROUNDS = 3
MIB = 2**20
UPLOAD_TIMEOUT = 120.0  # seconds of one film
POLL_INTERVAL = 0.05

INSERT_VIDEO_POST = """
WITH film AS (
  INSERT INTO media (user_id, filename, content_type, size, received, sha256, path, completed_at,
                     expires_at)
    SELECT min(id), 'film.mp4', 'video/mp4', %(size)s, %(size)s, 'not looked at', %(path)s, now(),
           now() + interval '1 day' FROM users
  ON CONFLICT DO NOTHING RETURNING id, user_id)
INSERT INTO posts (user_id, oauth_account_id, media_id, provider, kind, source, sent_by, title,
                   payload_json, memo, bytes_total, due_at)
  SELECT film.user_id, oauth_accounts.id, film.id, 'tiktok', 'DIRECT_VIDEO', 'FILE_UPLOAD',
         'SIGNALPOST', 'A long film', '{"settings": {"privacy_level": "PUBLIC_TO_EVERYONE"}}',
         '{"slots": 1000}', %(size)s, now()
    FROM film, oauth_accounts WHERE open_id = 'crowd-0'
"""
COUNT_UNSENT_POSTS = "SELECT count(*) FROM posts WHERE state IN ('QUEUED', 'SENDING')"


@dataclass(frozen=True)
class UploadThroughput:
    """MiB per second, the round in the middle; `growth` in MiB of the uploads worker and its
    children, over what they held before; seconds of CPU for one film, by role, and curl's.
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
        """Of curl's rate."""
        return round(self.ours / self.curls, 2)


def time_uploads(servers: SharedServers, *, mib: int) -> UploadThroughput:
    size = mib * MIB
    with run_sink() as sink, open_signalpost(servers, platform_url=sink.url) as stack:
        stack_database.insert_accounts(require_database(stack), stack.environment, 1)
        media, folder = open_media_store(stack), servers.folder / "pieces"
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
        rates = [upload_rate(upload) for upload in summary["films"].values()]
    return UploadThroughput(
        *(mib, len(chunks), median(rates[1::2]), median(rates[::2])),
        growth=round(peak.mib - idle_mib, 1),
        cost={role: round((after[role] - before[role]) / ROUNDS, 2) for role in after},
        curl_cost=round(median(curl_cpu), 2),
        wrong=summary["calls"]["upload"]["wrong"],
        others=noise.other_cpu_share,
    )


def require_database(stack: Stack) -> StackDatabase:
    assert stack.database
    return stack.database


def open_media_store(stack: Stack) -> MediaStore:
    Path(urlsplit(stack.environment["MEDIA_URL"]).path).mkdir(exist_ok=True)
    return MediaStore(stack.environment["MEDIA_URL"])


def upload_rate(upload: Mapping[str, float]) -> float:
    """MiB per second, from the first byte to the last answer; 0 if it did not arrive whole."""
    if upload["received"] < upload["size"]:
        return 0.0
    return round(upload["size"] / MIB / (upload["ended"] - upload["began"]), 1)


def cut_chunks(video: Path, folder: Path, size: int) -> list[tuple[Path, int, int]]:
    """The film, and its chunks as files with their first and last byte: curl sends whole files."""
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
    """One process, one connection. Seconds of its CPU."""
    chunk_plan = plan_chunks(size)
    sizes = {"video_size": size, "chunk_size": chunk_plan.chunk_size}
    url = sink.start_upload({**sizes, "total_chunk_count": chunk_plan.count})
    curl_options = [
        f'url = "{url}"\nupload-file = "{path}"\nheader = "Expect:"\noutput = "/dev/null"\n'
        f'header = "Content-Type: video/mp4"\nheader = "Content-Range: bytes {a}-{b}/{size}"\n'
        for path, a, b in chunks
    ]
    before = child_cpu_seconds()
    command = ["curl", "--silent", "--show-error", "--fail", "--config", "-"]
    subprocess.run(
        command, input="next\n".join(curl_options), text=True, check=True, timeout=UPLOAD_TIMEOUT
    )
    return child_cpu_seconds() - before


def child_cpu_seconds() -> float:
    """Seconds of CPU of those of our children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def upload_by_worker(stack: Stack, path: str, size: int) -> None:
    """Wished for as any caller does it: a row that is due, and a bell."""
    database = StackDatabase(require_database(stack).dsn, "", COUNT_UNSENT_POSTS)
    database.execute(INSERT_VIDEO_POST, size=size, path=path)
    with Celery(broker=stack.broker) as celery:
        celery.send_task(WAKE_TASKS["posts"], queue="posts")
    deadline = time.monotonic() + UPLOAD_TIMEOUT
    while database.count_waiting() and time.monotonic() < deadline:
        time.sleep(POLL_INTERVAL)
