"""Videos and their upload, for the contract suite."""

import io
import time

import av

from platforms.chunks import ChunkPlan, next_chunk


def encode_video():
    """Three seconds of grey frames, in a format that every platform accepts."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for _ in range(72):
            container.mux(stream.encode(av.VideoFrame(640, 360, "yuv420p")))
        container.mux(stream.encode())
    return file.getvalue()


def pad_video(video, size):
    """The same video followed by an empty MP4 box, `size` bytes in all."""
    free_size = size - len(video)
    return video + free_size.to_bytes(4, "big") + b"free" + bytes(free_size - 8)


def upload_in_chunks(publisher, start_result, data):
    plan, offset = ChunkPlan(start_result.chunk_size, start_result.chunk_count), 0
    while offset < len(data):
        chunk = next_chunk(plan, len(data), offset)
        result = publisher.send_chunk(
            start_result.upload_url,
            data[chunk.first : chunk.last + 1],
            chunk=chunk,
            total_size=len(data),
            content_type="video/mp4",
        )
        offset = result.next_offset
    return result


def wait_for_phase(publisher, token, publish_id, phases):
    """Poll until the post is in one of the phases; TikTok allows thirty calls a minute."""
    for _ in range(25):
        progress = publisher.fetch_status(token, publish_id)
        if progress.phase in phases:
            return progress
        time.sleep(0.1)  # the platform works on its own; only polling shows its progress
    raise AssertionError(f"the post is still {progress}")
