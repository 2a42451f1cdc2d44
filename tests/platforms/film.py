"""Films and their way to a platform, for the contract suite."""

import io
import time

import av

from platforms.chunks import Plan, chunk


def a_film():
    """Three seconds of a grey picture that every player takes."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(72):
            container.mux(stream.encode(av.VideoFrame(640, 360, "yuv420p")))
        container.mux(stream.encode())
    return file.getvalue()


def padded(video, size):
    """The same film with a box of nothing behind it, as MP4 allows."""
    free = size - len(video)
    return video + free.to_bytes(4, "big") + b"free" + bytes(free - 8)


def upload(publisher, started, data):
    plan, offset = Plan(started.chunk_size, started.chunk_count), 0
    while offset < len(data):
        piece = chunk(plan, len(data), offset)
        sent = publisher.send(
            started.upload_url,
            data[piece.first : piece.last + 1],
            chunk=piece,
            total=len(data),
            content_type="video/mp4",
        )
        offset = sent.offset
    return sent


def watch(publisher, token, publish_id, wanted):
    """The first progress in one of the `wanted` phases; TikTok allows thirty questions a minute."""
    for _ in range(25):
        progress = publisher.check(token, publish_id)
        if progress.phase in wanted:
            return progress
        time.sleep(0.1)  # the platform's own work: nothing tells us but asking
    raise AssertionError(f"still {progress}")
