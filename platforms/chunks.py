"""How a file is cut into chunks. Pure arithmetic: reads no bytes and knows no wire.

Source: TikTok, Content Posting API, media transfer guide, read 2026-11-22. The vendor does not say
whether its MB is decimal or binary; every figure here satisfies both readings.
"""

from dataclasses import dataclass

from platforms.base import Chunk

MAX_SINGLE_CHUNK_SIZE = 64_000_000  # the largest chunk allowed, so up to here the file is one chunk
CHUNK_SIZE = 10_000_000  # 4 GB then give 400 chunks of at most 1000
MAX_FILE_SIZE = 4_000_000_000


@dataclass(frozen=True)
class ChunkPlan:
    """What is announced before the first byte. The last chunk carries the remainder too."""

    chunk_size: int
    count: int


def plan_chunks(size: int) -> ChunkPlan:
    """The plan for a file of `size` bytes.

    The count is rounded down, never up, and a single chunk is announced with the size of the
    file: both are refused otherwise ("The total chunk count is invalid", "The chunk size is
    invalid").
    Errors: ValueError if the file is empty or larger than the platform takes.
    """
    if not 0 < size <= MAX_FILE_SIZE:
        raise ValueError(f"a video has 1 to {MAX_FILE_SIZE} bytes, not {size}")
    if size <= MAX_SINGLE_CHUNK_SIZE:
        return ChunkPlan(chunk_size=size, count=1)
    return ChunkPlan(chunk_size=CHUNK_SIZE, count=size // CHUNK_SIZE)


def next_chunk(plan: ChunkPlan, size: int, offset: int) -> Chunk:
    """The chunk to send when the platform has the first `offset` bytes of `size`.

    It starts exactly at `offset`, for the platform takes no gap and no overlap (416), and ends
    where the planned chunk around `offset` ends. After a whole number of chunks, which is all that
    an undisturbed upload knows, this is the planned chunk itself.
    Errors: ValueError if no byte is left to send.
    """
    if not 0 <= offset < size:
        raise ValueError(f"no byte to send at {offset} of {size}")
    index = min(offset // plan.chunk_size, plan.count - 1)
    is_last = index == plan.count - 1
    return Chunk(first=offset, last=size - 1 if is_last else (index + 1) * plan.chunk_size - 1)
