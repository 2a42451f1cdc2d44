"""Reads what the boxes of an MP4 or QuickTime file state: brand, tracks, durations, rotation.

FFmpeg fills what is missing with estimates; a file is refused only for what it states itself.

Source: ISO/IEC 14496-12 (boxes) and Apple, QuickTime File Format, read 2026-11-29.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

MAX_BOXES = 2000  # visited on one level
MAX_TIME_ENTRIES = 50_000  # of a table of frame durations that are read
TAIL_FRAMES = 2  # a recording may end with a shorter or longer frame
EVENNESS = 0.1  # how far the durations of frames may be apart, as a share of their mean
PICTURE_BRANDS = {
    **dict.fromkeys(("heic", "heix", "heim", "heis", "mif1", "msf1", "hevc", "hevx"), "heic"),
    **dict.fromkeys(("avif", "avis"), "avif"),
}
"""Brands of pictures in boxes, as phones write them; FFmpeg shows them as a video of one frame."""

WHOLE_TYPES = frozenset({b"mdat", b"moov", b"moof"})  # a file that ends within one was cut off
KNOWN_TYPES = WHOLE_TYPES | {b"ftyp"}  # a file without any of them is none; any box may be first
SIDEWAYS = 0x10000  # 1.0 as the matrix of a track writes it: a quarter turn swaps the axes


@dataclass
class Mp4Track:
    """What a track states. Units: seconds, frames per second; None is not stated."""

    id: int = 0
    handler: str = ""
    is_enabled: bool = True
    is_sideways: bool = False
    timescale: int = 0
    frame_rate: float | None = None


@dataclass
class Mp4File:
    """What a file states. `seconds` is the duration of the whole, after edits."""

    brand: str = ""
    brands: tuple[str, ...] = ()
    seconds: float | None = None
    is_fragmented: bool = False
    is_truncated: bool = False
    tracks: list[Mp4Track] = field(default_factory=list)

    @property
    def container(self) -> str:
        """The oldest QuickTime files have no brand at all."""
        picture = PICTURE_BRANDS.get(self.brand)
        if picture is not None:
            return picture
        return "mov" if self.brand in {"qt", ""} else "mp4"


@dataclass(frozen=True)
class Box:
    type: bytes
    start: int
    end: int


def read_mp4(file: BinaryIO, file_size: int) -> Mp4File | None:
    """Return what the boxes state; None if the file has none of those that make it a video."""
    found = Mp4File()
    is_known = False
    for box in iter_boxes(file, 0, file_size):
        is_known = is_known or box.type in KNOWN_TYPES
        if box.end > file_size and box.type in WHOLE_TYPES:
            found.is_truncated = True
        if box.type == b"ftyp":
            read_brands(file, box, found)
        elif box.type == b"moov":
            read_movie(file, box, found)
        elif box.type == b"moof":
            found.is_fragmented = True
    return found if is_known else None


def read_brands(file: BinaryIO, box: Box, found: Mp4File) -> None:
    data = read_box(file, box, limit=256)
    names = [data[at : at + 4].decode("latin-1").strip() for at in range(0, len(data), 4)]
    found.brand = names[0] if names else ""
    found.brands = tuple(names[2:])


def read_movie(file: BinaryIO, movie: Box, found: Mp4File) -> None:
    for box in iter_boxes(file, movie.start, movie.end):
        if box.type == b"mvhd":
            found.seconds = read_header_seconds(read_box(file, box))
        elif box.type == b"mvex":
            found.is_fragmented = True
        elif box.type == b"trak":
            track = Mp4Track()
            read_track(file, box, track)
            found.tracks.append(track)


def read_header_seconds(data: bytes) -> float | None:
    """Return the duration of `mvhd` or `mdhd`; None for zero and for "unknown" (all bits set)."""
    timescale, duration = unpack_times(data)
    is_known = duration and duration not in {2**32 - 1, 2**64 - 1}
    return duration / timescale if timescale and is_known else None


def unpack_times(data: bytes) -> tuple[int, int]:
    """Return timescale and duration of `mvhd` or `mdhd`; 0, 0 if the box is too short."""
    form, offset = (">IQ", 20) if data[:1] == b"\1" else (">II", 12)
    if len(data) < offset + struct.calcsize(form):
        return 0, 0
    timescale, duration = struct.unpack_from(form, data, offset)
    return timescale, duration


def read_track(file: BinaryIO, parent: Box, track: Mp4Track) -> None:
    for box in iter_boxes(file, parent.start, parent.end):
        if box.type in {b"mdia", b"minf", b"stbl"}:
            read_track(file, box, track)
        elif box.type == b"tkhd":
            read_track_header(read_box(file, box), track)
        elif box.type == b"mdhd":
            track.timescale = unpack_times(read_box(file, box))[0]
        elif box.type == b"hdlr" and not track.handler:
            track.handler = read_box(file, box)[8:12].decode("latin-1")
        elif box.type == b"stts":
            track.frame_rate = find_frame_rate(
                read_box(file, box, limit=8 + 8 * MAX_TIME_ENTRIES), track.timescale
            )


def read_track_header(data: bytes, track: Mp4Track) -> None:
    """Read the id, the flag "enabled" and whether the matrix turns the picture on its side."""
    is_long = data[:1] == b"\1"
    id_offset, matrix_offset = (20, 52) if is_long else (12, 40)
    if len(data) < matrix_offset + 36:
        return
    track.is_enabled = bool(data[3] & 1)
    track.id = int.from_bytes(data[id_offset : id_offset + 4], "big")
    a, b, _, c, d = struct.unpack_from(">iiiii", data, matrix_offset)
    track.is_sideways = abs(b) == abs(c) == SIDEWAYS and a == d == 0


def find_frame_rate(data: bytes, timescale: int) -> float | None:
    """Return the rate of a table of frame durations; None if they differ, or the table is empty.

    Where frames last differently long the file states no rate, only an average of its parts.
    """
    count = min(int.from_bytes(data[4:8], "big"), (len(data) - 8) // 8)
    entries = [struct.unpack_from(">II", data, 8 + 8 * index) for index in range(max(count, 0))]
    frames = sum(number for number, _ in entries)
    ticks = sum(number * duration for number, duration in entries)
    if not frames or not ticks or not timescale:
        return None
    mean = ticks / frames
    uneven = sum(number for number, ticks in entries if abs(ticks - mean) > max(1, EVENNESS * mean))
    return frames * timescale / ticks if uneven <= TAIL_FRAMES else None


def iter_boxes(file: BinaryIO, position: int, end: int) -> Iterator[Box]:
    """Yield the boxes of a range, without those inside them. A box may claim to end beyond it."""
    for _ in range(MAX_BOXES):
        if position + 8 > end:
            return
        file.seek(position)
        header = file.read(8)
        size, box_type, header_size = int.from_bytes(header[:4], "big"), header[4:], 8
        if size == 1:
            size, header_size = int.from_bytes(file.read(8), "big"), 16
        if size == 0:  # to the end
            size = end - position
        if size < header_size or len(header) < 8:  # noqa: PLR2004 - the bytes of a header
            return
        yield Box(box_type, position + header_size, position + size)
        position += size


def read_box(file: BinaryIO, box: Box, *, limit: int = 256) -> bytes:
    file.seek(box.start)
    return file.read(max(0, min(box.end - box.start, limit)))
