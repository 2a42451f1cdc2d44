"""Reads what the headers of a Matroska or WebM file state, element by element.

FFmpeg fills what is missing with estimates; a file is refused only for what it states itself.

Source: RFC 8794 (EBML) and RFC 9559 (Matroska), read 2026-11-29.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

EBML_HEADER, DOC_TYPE = 0x1A45DFA3, 0x4282
SEGMENT, INFO, TRACKS, CLUSTER = 0x18538067, 0x1549A966, 0x1654AE6B, 0x1F43B675
DURATION, TIMESTAMP_SCALE = 0x4489, 0x2AD7B1
TRACK_ENTRY, TRACK_TYPE, DEFAULT_DURATION, CODEC_ID = 0xAE, 0x83, 0x23E383, 0x86
VIDEO_TRACK_TYPE = 1
DEFAULT_TIMESTAMP_SCALE = 1_000_000  # one millisecond
MAX_ELEMENTS = 2000  # visited; files have some dozens before their first cluster
MAX_VALUE_BYTES = 256
LONGEST_ID, LONGEST_SIZE = 4, 8  # bytes
WEBM_CODECS = ("V_VP8", "V_VP9", "V_AV1", "A_VORBIS", "A_OPUS")


@dataclass
class MatroskaFile:
    """What a file states; None for what it does not. `frame_rates` are those of video tracks.

    Units: seconds, frames per second.
    """

    doc_type: str = ""
    seconds: float | None = None
    codec_ids: list[str] = field(default_factory=list)
    frame_rates: list[float | None] = field(default_factory=list)
    is_truncated: bool = False

    @property
    def container(self) -> str:
        """WebM is the kind of Matroska that says so and has none but WebM's codecs."""
        codecs = (name for name in self.codec_ids if name[:2] in {"V_", "A_"})
        is_webm = self.doc_type == "webm" and all(name.startswith(WEBM_CODECS) for name in codecs)
        return "webm" if is_webm else "matroska"


@dataclass(frozen=True)
class Element:
    """An element of the file; `end` of None is unknown, as in recordings that were streamed."""

    id: int
    start: int
    end: int | None


def read_matroska(file: BinaryIO, file_size: int) -> MatroskaFile | None:
    """Return what the headers state; None if the file does not begin as Matroska."""
    found = MatroskaFile()
    elements = iter_elements(file, 0, file_size)
    header = next(elements, None)
    if header is None or header.id != EBML_HEADER or header.end is None:
        return None
    for element in iter_elements(file, header.start, header.end):
        if element.id == DOC_TYPE:
            found.doc_type = read_text_value(file, element)
    for segment in elements:
        if segment.id == SEGMENT:
            found.is_truncated = segment.end is not None and segment.end > file_size
            read_segment(file, segment, file_size, found)
            break
    return found


def read_segment(file: BinaryIO, segment: Element, file_size: int, found: MatroskaFile) -> None:
    """Read the headers in front of the first cluster."""
    for element in iter_elements(file, segment.start, min(segment.end or file_size, file_size)):
        if element.id == CLUSTER or element.end is None:
            return
        if element.id == INFO:
            found.seconds = read_duration(file, element)
        elif element.id == TRACKS:
            for entry in iter_elements(file, element.start, element.end):
                if entry.id == TRACK_ENTRY and entry.end is not None:
                    read_track(file, entry, found)


def read_duration(file: BinaryIO, info: Element) -> float | None:
    scale, duration = DEFAULT_TIMESTAMP_SCALE, 0.0
    for element in iter_elements(file, info.start, info.end or 0):
        if element.id == TIMESTAMP_SCALE:
            scale = read_number(file, element) or scale
        elif element.id == DURATION:
            duration = read_float(file, element)
    return duration * scale / 1e9 if duration > 0 else None


def read_track(file: BinaryIO, entry: Element, found: MatroskaFile) -> None:
    track_type, frame_nanoseconds = 0, 0
    for element in iter_elements(file, entry.start, entry.end or 0):
        if element.id == TRACK_TYPE:
            track_type = read_number(file, element)
        elif element.id == DEFAULT_DURATION:
            frame_nanoseconds = read_number(file, element)
        elif element.id == CODEC_ID:
            found.codec_ids.append(read_text_value(file, element))
    if track_type == VIDEO_TRACK_TYPE:
        found.frame_rates.append(1e9 / frame_nanoseconds if frame_nanoseconds else None)


def iter_elements(file: BinaryIO, position: int, end: int) -> Iterator[Element]:
    """Yield the elements of a range, without those inside them."""
    for _ in range(MAX_ELEMENTS):
        if position >= end:
            return
        file.seek(position)
        element_id = read_variable_number(file, LONGEST_ID, keeps_marker=True)
        size = read_variable_number(file, LONGEST_SIZE, keeps_marker=False)
        if element_id is None or size is None:
            return
        start = file.tell()
        stop = None if size < 0 else start + size
        yield Element(element_id, start, stop)
        if stop is None:
            return
        position = stop


def read_variable_number(file: BinaryIO, longest: int, *, keeps_marker: bool) -> int | None:
    """Read a number whose first bits say how many bytes it has; -1 if it is "unknown"."""
    first = file.read(1)
    if not first:
        return None
    length = 9 - first[0].bit_length()
    if length > longest:
        return None
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        return None
    number = int.from_bytes(first + rest, "big")
    if keeps_marker:
        return number
    value_bits = 7 * length
    value = number & ((1 << value_bits) - 1)
    return -1 if value == (1 << value_bits) - 1 else value


def read_value(file: BinaryIO, element: Element) -> bytes:
    file.seek(element.start)
    return file.read(min((element.end or element.start) - element.start, MAX_VALUE_BYTES))


def read_number(file: BinaryIO, element: Element) -> int:
    return int.from_bytes(read_value(file, element)[:8], "big")


def read_float(file: BinaryIO, element: Element) -> float:
    value = read_value(file, element)
    form = {4: ">f", 8: ">d"}.get(len(value))
    return struct.unpack(form, value)[0] if form else 0.0


def read_text_value(file: BinaryIO, element: Element) -> str:
    return read_value(file, element).rstrip(b"\0").decode("ascii", "replace")
