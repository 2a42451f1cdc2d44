"""Films and their way to a platform, for the contract suite."""

import io
import time

import av

from platforms.chunks import ChunkPlan, next_chunk


def encode_video():
    """Three seconds of a grey picture that every player takes."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(72):
            container.mux(stream.encode(av.VideoFrame(640, 360, "yuv420p")))
        container.mux(stream.encode())
    return file.getvalue()


def pad_video(video, size):
    """The same film with a box of nothing behind it, as MP4 allows."""
    free_size = size - len(video)
    return video + free_size.to_bytes(4, "big") + b"free" + bytes(free_size - 8)


def upload_in_chunks(publisher, start_result, data):
    plan, offset = ChunkPlan(start_result.chunk_size, start_result.chunk_count), 0
    while offset < len(data):
        part = next_chunk(plan, len(data), offset)
        sent = publisher.send_chunk(
            start_result.upload_url,
            data[part.first : part.last + 1],
            chunk=part,
            total_size=len(data),
            content_type="video/mp4",
        )
        offset = sent.next_offset
    return sent


def wait_for_phase(publisher, token, publish_id, phases):
    """The first progress in one of the `wanted` phases; TikTok allows thirty questions a minute."""
    for _ in range(25):
        progress = publisher.fetch_status(token, publish_id)
        if progress.phase in phases:
            return progress
        time.sleep(0.1)  # the platform's own work: nothing tells us but asking
    raise AssertionError(f"still {progress}")
