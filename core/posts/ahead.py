"""The next chunk is read from the file while the one before is on its way. Sends nothing."""

from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import NamedTuple, Self

from core.store import Media
from platforms.base import Chunk


class Piece(NamedTuple):
    """What was read, and the file's stamp afterwards."""

    data: memoryview
    stamp: str


class Ahead:
    """Of one stint. Two rooms of memory take turns: new memory for each chunk costs a fifth of
    sending it.
    """

    def __init__(self, media: Media) -> None:
        self._media = media
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._rooms = [bytearray(), bytearray()]
        self._lent = 0  # which of them is being sent
        self._begun: tuple[str, Chunk, Future[Piece]] | None = None

    def take(self, path: str, wanted: Chunk) -> Piece:
        """What was begun, or else read now. Valid until the next one is taken and another begun.

        Errors: NotFound.
        """
        begun, self._begun = self._begun, None
        if begun is None or begun[:2] != (path, wanted):
            begun = self._reading(path, wanted)
        piece = begun[2].result()
        self._lent = 1 - self._lent
        return piece

    def begin(self, path: str, following: Chunk) -> None:
        """Into the room that is not lent; by one thread, so after whatever was begun before."""
        self._begun = self._reading(path, following)

    def _reading(self, path: str, wanted: Chunk) -> tuple[str, Chunk, Future[Piece]]:
        return path, wanted, self._thread.submit(self._read, path, wanted, 1 - self._lent)

    def _read(self, path: str, wanted: Chunk, number: int) -> Piece:
        if len(self._rooms[number]) < wanted.size:
            self._rooms[number] = bytearray(wanted.size)
        data = self._media.read(path, wanted.first, wanted.last, room=self._rooms[number])
        return Piece(data, self._media.stamp(path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)
