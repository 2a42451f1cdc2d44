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

from bench import crowd
from bench.costs import held, spent, watched
from bench.ground import Ground
from bench.memory import Memory
from bench.platform import Platform, a_platform
from bench.stacks import Stack, signalpost
from bench.weather import noted
from core.store import Media
from platforms.chunks import plan
from tasks.queues import WAKES

ROUNDS = 3
MIB = 2**20
PATIENCE = 120.0  # seconds of one film
LOOK = 0.05

FILM = """
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
LEFT = "SELECT count(*) FROM posts WHERE state IN ('QUEUED', 'SENDING')"


@dataclass(frozen=True)
class Films:
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
    def share(self) -> float:
        """Of curl's rate."""
        return round(self.ours / self.curls, 2)


def films(ground: Ground, *, mib: int) -> Films:
    size = mib * MIB
    with a_platform() as platform, signalpost(ground, platform=platform.url) as stack:
        crowd.accounts(known(stack), stack.environment, 1)
        media, folder = store(stack), ground.folder / "pieces"
        path = media.new_path()
        pieces = cut(media.file(path), folder, size)
        pids = {"worker": stack.pids["uploads"], "postgres": stack.pids["postgres"]}
        before, cpu = spent(pids), []
        idle = held(pids["worker"])
        with noted() as weather, watched(pids["worker"], every=LOOK) as peak:
            for _ in range(ROUNDS):
                cpu.append(by_curl(platform, pieces, size))
                by_worker(stack, path, size)
        after, told = spent(pids), platform.told()
        rates = [rate(film) for film in told["films"].values()]
    return Films(
        *(mib, len(pieces), median(rates[1::2]), median(rates[::2])),
        growth=round(peak.mib - idle, 1),
        cost={role: round((after[role] - before[role]) / ROUNDS, 2) for role in after},
        curl_cost=round(median(cpu), 2),
        wrong=told["calls"]["upload"]["wrong"],
        others=weather.others,
    )


def known(stack: Stack) -> Memory:
    assert stack.memory
    return stack.memory


def store(stack: Stack) -> Media:
    Path(urlsplit(stack.environment["MEDIA_URL"]).path).mkdir(exist_ok=True)
    return Media(stack.environment["MEDIA_URL"])


def rate(film: Mapping[str, float]) -> float:
    """MiB per second, from the first byte to the last answer; 0 if it did not arrive whole."""
    if film["received"] < film["size"]:
        return 0.0
    return round(film["size"] / MIB / (film["ended"] - film["began"]), 1)


def cut(film: Path, folder: Path, size: int) -> list[tuple[Path, int, int]]:
    """The film, and its chunks as files with their first and last byte: curl sends whole files."""
    announced, piece, pieces = plan(size), bytes(range(256)) * (MIB // 256), []
    folder.mkdir()
    starts = [number * announced.chunk_size for number in range(announced.count)]
    with film.open("r+b") as whole:
        for first, after in pairwise([*starts, size]):
            path = folder / f"{first:012}"
            data = (piece * ((after - first) // MIB + 1))[: after - first]
            whole.write(data)
            path.write_bytes(data)
            pieces.append((path, first, after - 1))
    return pieces


def by_curl(platform: Platform, pieces: list[tuple[Path, int, int]], size: int) -> float:
    """One process, one connection. Seconds of its CPU."""
    announced = plan(size)
    sizes = {"video_size": size, "chunk_size": announced.chunk_size}
    url = platform.start({**sizes, "total_chunk_count": announced.count})
    orders = [
        f'url = "{url}"\nupload-file = "{path}"\nheader = "Expect:"\noutput = "/dev/null"\n'
        f'header = "Content-Type: video/mp4"\nheader = "Content-Range: bytes {a}-{b}/{size}"\n'
        for path, a, b in pieces
    ]
    before = children()
    command = ["curl", "--silent", "--show-error", "--fail", "--config", "-"]
    subprocess.run(command, input="next\n".join(orders), text=True, check=True, timeout=PATIENCE)
    return children() - before


def children() -> float:
    """Seconds of CPU of those of our children that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def by_worker(stack: Stack, path: str, size: int) -> None:
    """Wished for as any caller does it: a row that is due, and a bell."""
    memory = Memory(known(stack).dsn, "", LEFT)
    memory.run(FILM, size=size, path=path)
    with Celery(broker=stack.broker) as bell:
        bell.send_task(WAKES["posts"], queue="posts")
    end = time.monotonic() + PATIENCE
    while memory.waiting() and time.monotonic() < end:
        time.sleep(LOOK)
