"""The vendor's rules for chunks, held against every size of file."""

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
    """Every chunk of an undisturbed upload."""
    chunk_plan, offset = plan_chunks(size), 0
    while offset < size:
        piece = next_chunk(chunk_plan, size, offset)
        yield piece
        offset = piece.last + 1


@given(FILE_SIZES)
def test_the_announced_count_is_rounded_down(size):
    cut = plan_chunks(size)
    assert cut.count == size // cut.chunk_size


@given(FILE_SIZES)
def test_one_chunk_is_announced_with_the_size_of_the_file(size):
    cut = plan_chunks(size)
    assert cut.count > 1 or cut.chunk_size == size


@given(FILE_SIZES)
def test_a_chunk_size_lies_between_five_and_sixty_four_million_in_either_reading_of_mb(size):
    cut = plan_chunks(size)
    assert cut.chunk_size <= 64_000_000
    assert cut.chunk_size >= 5 * 1024 * 1024 or cut.chunk_size == size


@given(FILE_SIZES)
def test_there_are_at_most_a_thousand_chunks(size):
    assert 1 <= plan_chunks(size).count <= 1000


@given(FILE_SIZES)
def test_chunks_follow_each_other_without_gap_or_overlap_up_to_the_last_byte(size):
    pieces = list(all_chunks(size))
    assert pieces[0].first == 0
    assert pieces[-1].last == size - 1
    assert all(left.last + 1 == right.first for left, right in pairwise(pieces))


@given(FILE_SIZES)
def test_there_are_as_many_chunks_as_announced_and_all_but_the_last_have_the_announced_size(size):
    cut, pieces = plan_chunks(size), list(all_chunks(size))
    assert len(pieces) == cut.count
    assert all(piece.size == cut.chunk_size for piece in pieces[:-1])


@given(FILE_SIZES)
def test_the_last_chunk_takes_the_remainder_and_stays_under_its_own_limit(size):
    cut, last = plan_chunks(size), list(all_chunks(size))[-1]
    assert cut.chunk_size <= last.size < 2 * cut.chunk_size
    assert last.size <= 128_000_000


@given(FILE_SIZES, st.data())
def test_a_resumed_chunk_starts_where_the_platform_stands_and_ends_where_it_was_planned_to(
    size, data
):
    offset = data.draw(st.integers(0, size - 1))
    piece = next_chunk(plan_chunks(size), size, offset)
    assert piece.first == offset
    assert piece.last in {planned.last for planned in all_chunks(size) if planned.last >= offset}
    assert not any(offset <= planned.last < piece.last for planned in all_chunks(size))


def test_the_vendors_sample_comes_out_byte_for_byte():
    cut = ChunkPlan(chunk_size=10_000_000, count=5)
    assert next_chunk(cut, 50_000_123, 0) == Chunk(0, 9_999_999)
    assert next_chunk(cut, 50_000_123, 40_000_000) == Chunk(40_000_000, 50_000_122)


@pytest.mark.parametrize("size", [66_260_000, 84_500_000])
def test_sizes_that_were_refused_as_one_chunk_are_cut(size):
    assert plan_chunks(size).count > 1


@pytest.mark.parametrize("size", [0, -1, MAX_FILE_SIZE + 1])
def test_a_file_no_platform_takes_has_no_plan(size):
    with pytest.raises(ValueError):
        plan_chunks(size)


@pytest.mark.parametrize("offset", [-1, 100, 101])
def test_no_chunk_is_left_outside_the_file(offset):
    with pytest.raises(ValueError):
        next_chunk(plan_chunks(100), 100, offset)
