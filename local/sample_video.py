"""Generates playable sample videos of any size, for the demo and the tests."""

from fractions import Fraction
from pathlib import Path

import av

FRAME_RATE = 30  # frames per second; platforms take 23 to 60
FRAME_WIDTH, FRAME_HEIGHT = 540, 960
DURATION_SECONDS = 4
BAR_HEIGHT = 120  # pixels

BACKGROUND_COLOURS = ((254, 44, 85), (37, 244, 238), (255, 206, 84))


def create_video(path: Path, *, size: int = 0) -> Path:
    """Write an H.264 video of a bar moving over a coloured background, padded to `size` bytes.

    Units: bytes; 0 means no padding. Errors: ValueError if the video alone is larger.
    """
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FRAME_RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = FRAME_WIDTH, FRAME_HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, FRAME_RATE)
        for number in range(FRAME_RATE * DURATION_SECONDS):
            container.mux(stream.encode(render_frame(number)))
        container.mux(stream.encode())
    if size:
        pad_file(path, size)
    return path


def render_frame(number: int) -> av.VideoFrame:
    """Render one frame. Planes are written as bytes, so that no array library is needed."""
    background = BACKGROUND_COLOURS[number // (FRAME_RATE * 2) % len(BACKGROUND_COLOURS)]
    top = number * 8 % (FRAME_HEIGHT - BAR_HEIGHT)
    row = bytes(background) * FRAME_WIDTH
    bar = bytes(255 - part for part in background) * FRAME_WIDTH
    rows = row * top + bar * BAR_HEIGHT + row * (FRAME_HEIGHT - BAR_HEIGHT - top)
    frame = av.VideoFrame(FRAME_WIDTH, FRAME_HEIGHT, "rgb24")
    frame.planes[0].update(pad_rows(rows, FRAME_WIDTH * 3, frame.planes[0].line_size))
    return frame.reformat(format="yuv420p")


def pad_rows(rows: bytes, width: int, line_size: int) -> bytes:
    """Pad each row to the line size of the encoder."""
    if width == line_size:
        return rows
    padding = bytes(line_size - width)
    return b"".join(rows[start : start + width] + padding for start in range(0, len(rows), width))


def pad_file(path: Path, size: int) -> None:
    """Append an empty `free` box, which players skip."""
    padding_bytes = size - path.stat().st_size
    if padding_bytes < len(b"sizefree"):
        raise ValueError(
            f"the video is {path.stat().st_size} bytes without padding; size must be larger"
        )
    with path.open("ab") as file:
        file.write(padding_bytes.to_bytes(4, "big") + b"free")
        file.truncate(size)
