"""Films of every kind, good and bad, small enough to be made in a moment."""

import io

import av

GOOD = {"container": "mp4", "codec": "libx264", "rate": 24, "width": 360, "height": 640}


def shot(*, seconds=1, **changes):
    """Grey pictures. Give what differs from a film that every platform takes."""
    traits = GOOD | changes
    file = io.BytesIO()
    with av.open(file, "w", format=traits["container"]) as film:
        stream = film.add_stream(traits["codec"], rate=traits["rate"])
        size = traits["width"], traits["height"]
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if traits["codec"] == "mjpeg" else "yuv420p"
        for _ in range(int(traits["rate"] * seconds)):
            film.mux(stream.encode(av.VideoFrame(*size, stream.pix_fmt)))
        film.mux(stream.encode())
    return file.getvalue()


def only_sound():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as film:
        stream = film.add_stream("aac", rate=44_100)
        for _ in range(50):
            frame = av.AudioFrame("fltp", "mono", 1024)
            frame.sample_rate = 44_100
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return file.getvalue()


def stretched(film, size):
    """The same film, of that many bytes, with its index at the very end behind a box of nothing."""
    index = film.rindex(b"moov") - 4
    gap = size - len(film)
    return film[:index] + gap.to_bytes(4, "big") + b"free" + bytes(gap - 8) + film[index:]
