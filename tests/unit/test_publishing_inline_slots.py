"""How many requests may wait for their posts at the same time."""

from contextlib import ExitStack

import pytest

from core.publishing.inline_slots import MAX_WAITING_REQUESTS, take_inline_slot


def fail_in_slot():
    with take_inline_slot() as has_slot:
        raise ZeroDivisionError if has_slot else AssertionError


def test_a_slot_is_free_again_after_its_block_even_after_an_error():
    for _ in range(2 * MAX_WAITING_REQUESTS):
        with pytest.raises(ZeroDivisionError):
            fail_in_slot()


def test_beyond_the_number_there_is_none_but_for_those_that_cannot_do_without():
    with ExitStack() as others:
        for _ in range(MAX_WAITING_REQUESTS):
            assert others.enter_context(take_inline_slot())
        with take_inline_slot() as has_slot:
            assert not has_slot
        with take_inline_slot(is_required=True) as may_go_on:
            assert may_go_on
        with take_inline_slot() as has_slot:
            assert not has_slot
    with take_inline_slot() as has_slot:
        assert has_slot
