"""Chunk plans: how a file is divided into upload requests, and which chunk to send next.

Source: TikTok, Content Posting API, media transfer guide, read 2026-11-22. The vendor does not say
whether its MB is decimal or binary; every figure here satisfies both readings.
"""

from dataclasses import dataclass

from platforms.base import Chunk

MAX_SINGLE_CHUNK_SIZE = 64_000_000  # the largest chunk allowed; a smaller file is one chunk
CHUNK_SIZE = 10_000_000  # gives 400 chunks for a file of 4 GB; 1000 are allowed
MAX_FILE_SIZE = 4_000_000_000


@dataclass(frozen=True)
class ChunkPlan:
    """The chunks announced to the platform at the start. The last one includes the remainder."""

    chunk_size: int
    count: int


def plan_chunks(size: int) -> ChunkPlan:
    """Return the plan for a file of `size` bytes.

    The count is rounded down, and a single chunk is announced with the size of the file;
    otherwise TikTok refuses the plan ("The total chunk count is invalid", "The chunk size is
    invalid").
    Errors: ValueError if the file is empty or larger than the platform accepts.
    """
    if not 0 < size <= MAX_FILE_SIZE:
        raise ValueError(f"a video must have 1 to {MAX_FILE_SIZE} bytes, not {size}")
    if size <= MAX_SINGLE_CHUNK_SIZE:
        return ChunkPlan(chunk_size=size, count=1)
    return ChunkPlan(chunk_size=CHUNK_SIZE, count=size // CHUNK_SIZE)


def next_chunk(plan: ChunkPlan, size: int, offset: int) -> Chunk:
    """Return the chunk to send when the platform has the first `offset` bytes of `size`.

    It starts exactly at `offset`, because the platform refuses gaps and overlaps (416), and ends
    where the planned chunk around `offset` ends. If every chunk so far was accepted as a whole,
    it is the planned chunk itself.
    Errors: ValueError if no byte is left to send.
    """
    if not 0 <= offset < size:
        raise ValueError(f"offset {offset} is outside the file of {size} bytes")
    index = min(offset // plan.chunk_size, plan.count - 1)
    is_last = index == plan.count - 1
    return Chunk(first=offset, last=size - 1 if is_last else (index + 1) * plan.chunk_size - 1)
