"""The next chunk is read while the one before is being sent, and never over it."""

import pytest

from core.errors import NotFound
from core.posts.ahead import Ahead
from core.store import Media
from platforms.base import Chunk

SIZE = 100
FILM = bytes(range(256)) * 4


@pytest.fixture
def media(tmp_path):
    return Media(tmp_path.as_uri())


@pytest.fixture
def path(media):
    made = media.new_path()
    media.file(made).write_bytes(FILM)
    return made


def chunk(number, size=SIZE):
    return Chunk(number * size, (number + 1) * size - 1)


def test_what_was_begun_is_what_is_taken(media, path):
    with Ahead(media) as ahead:
        first = ahead.take(path, chunk(0))
        ahead.begin(path, chunk(1))
        second = ahead.take(path, chunk(1))
        assert bytes(first.data) == FILM[:SIZE]
        assert bytes(second.data) == FILM[SIZE : 2 * SIZE]
        assert first.stamp == second.stamp == media.stamp(path)


def test_the_one_that_is_being_sent_stays_while_others_are_read(media, path):
    """Also when the platform wants another one than was begun."""
    with Ahead(media) as ahead:
        held = ahead.take(path, chunk(0))
        for number in range(1, 8):
            ahead.begin(path, chunk(9))
            ahead.begin(path, chunk(number))
            wanted = chunk(number) if number % 2 else chunk(0, size=SIZE + number)
            assert bytes(held.data) in FILM
            before = bytes(held.data)
            ahead._thread.submit(int).result()  # all that was begun has been read
            assert bytes(held.data) == before
            held = ahead.take(path, wanted)
            assert bytes(held.data) == FILM[wanted.first : wanted.last + 1]


def test_memory_is_used_again(media, path):
    with Ahead(media) as ahead:
        rooms = set()
        for number in range(6):
            rooms.add(id(ahead.take(path, chunk(number)).data.obj))
            ahead.begin(path, chunk(number + 1))
        assert len(rooms) == 2


def test_a_fault_is_told_to_who_takes_it_and_to_nobody_else(media, path):
    with Ahead(media) as ahead:
        ahead.take(path, chunk(0))
        ahead.begin(path, chunk(99))
        assert bytes(ahead.take(path, chunk(1)).data) == FILM[SIZE : 2 * SIZE]
        ahead.begin(path, chunk(99))
        with pytest.raises(NotFound):
            ahead.take(path, chunk(99))
