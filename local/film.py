"""Films for the demo: real, playable, and as heavy as wished. Must not know where they go."""

from fractions import Fraction
from pathlib import Path

import av

RATE = 30  # pictures a second; platforms take 23 to 60
WIDTH, HEIGHT = 540, 960
SECONDS = 4
BAR = 120  # pixels

COLOURS = ((254, 44, 85), (37, 244, 238), (255, 206, 84))


def shoot(path: Path, *, size: int = 0) -> Path:
    """A bar wandering over a coloured ground, in H.264, padded to `size` bytes.

    Errors: ValueError if the film alone is larger than that.
    """
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=RATE, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.time_base = Fraction(1, RATE)
        for number in range(RATE * SECONDS):
            container.mux(stream.encode(picture(number)))
        container.mux(stream.encode())
    if size:
        pad(path, size)
    return path


def picture(number: int) -> av.VideoFrame:
    """Planes are written as bytes, so that no array library is needed."""
    ground = COLOURS[number // (RATE * 2) % len(COLOURS)]
    top = number * 8 % (HEIGHT - BAR)
    row, bar = bytes(ground) * WIDTH, bytes(255 - part for part in ground) * WIDTH
    rows = row * top + bar * BAR + row * (HEIGHT - BAR - top)
    frame = av.VideoFrame(WIDTH, HEIGHT, "rgb24")
    frame.planes[0].update(aligned(rows, WIDTH * 3, frame.planes[0].line_size))
    return frame.reformat(format="yuv420p")


def aligned(rows: bytes, width: int, line: int) -> bytes:
    """Each row as long as the encoder keeps it."""
    if width == line:
        return rows
    gap = bytes(line - width)
    return b"".join(rows[at : at + width] + gap for at in range(0, len(rows), width))


def pad(path: Path, size: int) -> None:
    """With a box of nothing at the end, which players skip."""
    missing = size - path.stat().st_size
    if missing < len(b"sizefree"):
        raise ValueError(f"the film alone has {path.stat().st_size} bytes")
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free")
        file.truncate(size)
