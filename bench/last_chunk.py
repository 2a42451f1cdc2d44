"""Measures uploads to signalpost by size: how long the last chunk takes to be answered.

The last answer must not grow with the file: its digest grows with the chunks, and only headers are
read. The default limits apply, and nothing is in front of the web process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av

from bench.process_usage import resident_mib, track_peak_memory
from bench.shared_servers import SharedServers
from bench.stacks import Stack, open_signalpost
from core.bootstrap import build_database
from core.config.settings import Settings
from core.identity import api_keys
from core.scopes import USER_SCOPES
from db.identity.users import User
from signalpost_client import Client

MIB = 2**20
MILLISECONDS = 1000.0
SMALL_MIB = 16  # of the first video: what does not grow with the size
BOX_HEADER_BYTES = 16  # of a box whose size needs 64 bits


@dataclass(frozen=True)
class LastChunk:
    """One upload. In milliseconds: the answers to the `last` chunk, to the `slowest` one before it
    and to HEAD. `growth`: memory in MiB that the web process gained.
    """

    mib: int
    seconds: float
    last: float
    slowest: float
    head: float
    growth: float


def time_last_chunks(servers: SharedServers, *, largest_mib: int) -> list[LastChunk]:
    """Upload a small video, one of a quarter of the largest, and the largest."""
    sizes = sorted({SMALL_MIB, max(SMALL_MIB, largest_mib // 4), max(SMALL_MIB, largest_mib)})
    with open_signalpost(servers) as stack, open_client(stack) as client:
        return [time_upload(stack, client, servers.folder / f"{mib}.mp4", mib) for mib in sizes]


@contextmanager
def open_client(stack: Stack) -> Iterator[Client]:
    """Create an API key and return a client that uses it."""
    database = build_database(Settings.from_env(dict(stack.environment)), role="cli")
    try:
        with database.transaction() as session:
            user = session.query(User).first()
            assert user is not None
            _, key = api_keys.create_api_key(session, user.id, name="bench", scopes=USER_SCOPES)
        yield Client(stack.webhook_url.partition("/api/")[0], key.reveal())
    finally:
        database.dispose()


def time_upload(stack: Stack, client: Client, video: Path, mib: int) -> LastChunk:
    write_video(video, mib * MIB)
    web = stack.pids["web"]
    idle_mib = resident_mib(web)
    waits: list[float] = []
    upload = client.media.start_upload(video)
    started_at = time.perf_counter()
    with track_peak_memory(web) as peak:
        for _ in time_steps(upload.send_chunks(), waits):
            pass
    seconds = time.perf_counter() - started_at
    question_at = time.perf_counter()
    upload.query_offset()
    head = time.perf_counter() - question_at
    video.unlink()
    return LastChunk(
        mib=mib,
        seconds=round(seconds, 2),
        last=round(waits[-1] * MILLISECONDS, 1),
        slowest=round(max(waits[:-1], default=0.0) * MILLISECONDS, 1),
        head=round(head * MILLISECONDS, 1),
        growth=round(peak.mib - idle_mib, 1),
    )


def time_steps(offsets: Iterator[int], waits: list[float]) -> Iterator[int]:
    """Pass the offsets on and write down how long each took."""
    started_at = time.perf_counter()
    for offset in offsets:
        waits.append(time.perf_counter() - started_at)
        yield offset
        started_at = time.perf_counter()


def write_video(path: Path, size: int) -> None:
    """Write a short video, padded by an empty box to its size without taking room on the disk."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("mpeg4", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for index in range(96):
            frame = av.VideoFrame(640, 360, "yuv420p")
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with path.open("r+b") as file:
        box_size = size - file.seek(0, 2)
        file.write((1).to_bytes(4, "big") + b"free" + box_size.to_bytes(8, "big"))
        file.truncate(size)
