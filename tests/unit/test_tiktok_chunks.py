"""Chunk plans follow TikTok's rules for every size of file."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platforms.base import Chunk
from platforms.chunks import MAX_FILE_SIZE, ChunkPlan, next_chunk, plan_chunks

FILE_SIZES = st.one_of(
    st.integers(1, MAX_FILE_SIZE),
    st.integers(63_999_990, 64_000_010),
    st.integers(1, 430).flatmap(lambda n: st.integers(n * 10_000_000 - 2, n * 10_000_000 + 2)),
).filter(lambda size: size <= MAX_FILE_SIZE)


def all_chunks(size):
    """Yield the chunks of an upload without interruptions."""
    plan, offset = plan_chunks(size), 0
    while offset < size:
        chunk = next_chunk(plan, size, offset)
        yield chunk
        offset = chunk.last + 1


@given(FILE_SIZES)
def test_the_announced_count_is_rounded_down(size):
    plan = plan_chunks(size)
    assert plan.count == size // plan.chunk_size


@given(FILE_SIZES)
def test_one_chunk_is_announced_with_the_size_of_the_file(size):
    plan = plan_chunks(size)
    assert plan.count > 1 or plan.chunk_size == size


@given(FILE_SIZES)
def test_a_chunk_size_lies_between_five_and_sixty_four_million_in_either_reading_of_mb(size):
    plan = plan_chunks(size)
    assert plan.chunk_size <= 64_000_000
    assert plan.chunk_size >= 5 * 1024 * 1024 or plan.chunk_size == size


@given(FILE_SIZES)
def test_there_are_at_most_a_thousand_chunks(size):
    assert 1 <= plan_chunks(size).count <= 1000


@given(FILE_SIZES)
def test_chunks_follow_each_other_without_gap_or_overlap_up_to_the_last_byte(size):
    chunks = list(all_chunks(size))
    assert chunks[0].first == 0
    assert chunks[-1].last == size - 1
    assert all(left.last + 1 == right.first for left, right in pairwise(chunks))


@given(FILE_SIZES)
def test_there_are_as_many_chunks_as_announced_and_all_but_the_last_have_the_announced_size(size):
    plan, chunks = plan_chunks(size), list(all_chunks(size))
    assert len(chunks) == plan.count
    assert all(chunk.size == plan.chunk_size for chunk in chunks[:-1])


@given(FILE_SIZES)
def test_the_last_chunk_takes_the_remainder_and_stays_under_its_own_limit(size):
    plan, last = plan_chunks(size), list(all_chunks(size))[-1]
    assert plan.chunk_size <= last.size < 2 * plan.chunk_size
    assert last.size <= 128_000_000


@given(FILE_SIZES, st.data())
def test_a_resumed_chunk_starts_at_the_offset_and_ends_where_the_planned_chunk_ends(size, data):
    offset = data.draw(st.integers(0, size - 1))
    chunk = next_chunk(plan_chunks(size), size, offset)
    assert chunk.first == offset
    assert chunk.last in {planned.last for planned in all_chunks(size) if planned.last >= offset}
    assert not any(offset <= planned.last < chunk.last for planned in all_chunks(size))


def test_the_plan_of_the_vendors_sample_is_reproduced():
    plan = ChunkPlan(chunk_size=10_000_000, count=5)
    assert next_chunk(plan, 50_000_123, 0) == Chunk(0, 9_999_999)
    assert next_chunk(plan, 50_000_123, 40_000_000) == Chunk(40_000_000, 50_000_122)


@pytest.mark.parametrize("size", [66_260_000, 84_500_000])
def test_sizes_that_tiktok_refused_as_one_chunk_are_divided(size):
    assert plan_chunks(size).count > 1


@pytest.mark.parametrize("size", [0, -1, MAX_FILE_SIZE + 1])
def test_an_empty_or_too_large_file_has_no_plan(size):
    with pytest.raises(ValueError):
        plan_chunks(size)


@pytest.mark.parametrize("offset", [-1, 100, 101])
def test_there_is_no_chunk_outside_the_file(offset):
    with pytest.raises(ValueError):
        next_chunk(plan_chunks(100), 100, offset)
