"""Small videos, valid and invalid, that are encoded on demand."""

import io

import av

VALID_TRAITS = {"container": "mp4", "codec": "libx264", "rate": 24, "width": 360, "height": 640}


FASTEST_OPTIONS = {"libvpx": {"deadline": "realtime", "cpu-used": "8"}}
"""Of codecs that otherwise take seconds of CPU for a second of video."""


def encode_sample(*, seconds=1, **changes):
    """Grey frames; `changes` is what differs from a video that every platform accepts."""
    traits = VALID_TRAITS | changes
    file = io.BytesIO()
    with av.open(file, "w", format=traits["container"]) as container:
        stream = container.add_stream(traits["codec"], rate=traits["rate"])
        stream.options = FASTEST_OPTIONS.get(traits["codec"], {})
        size = traits["width"], traits["height"]
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if traits["codec"] == "mjpeg" else "yuv420p"
        for _ in range(int(traits["rate"] * seconds)):
            container.mux(stream.encode(av.VideoFrame(*size, stream.pix_fmt)))
        container.mux(stream.encode())
    return file.getvalue()


def encode_audio_only():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100)
        for _ in range(50):
            frame = av.AudioFrame("fltp", "mono", 1024)
            frame.sample_rate = 44_100
            for plane in frame.planes:
                plane.update(bytes(plane.buffer_size))
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return file.getvalue()


def move_index_to_end(video, size):
    """The same video, `size` bytes long, with its index at the end after an empty MP4 box."""
    index = video.rindex(b"moov") - 4
    gap = size - len(video)
    return video[:index] + gap.to_bytes(4, "big") + b"free" + bytes(gap - 8) + video[index:]
