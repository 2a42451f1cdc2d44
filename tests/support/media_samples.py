"""Small videos and pictures in the odd forms that phones, browsers and editors write."""

import io
import tempfile
import zlib
from fractions import Fraction
from pathlib import Path

import av
from PIL import Image

FIELD_VIDEOS = Path(__file__).parents[1] / "vectors" / "media"
FRAMES, FRAME_RATE = 96, 24
QUICK_OPTIONS = {
    "libx264": {"preset": "ultrafast"},
    "libvpx": {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"},
}


def read_field_video(name):
    return (FIELD_VIDEOS / name).read_bytes()


def encode_clip(
    container_format="mp4",
    *,
    codec="libx264",
    size=(640, 360),
    rate=FRAME_RATE,
    timestamps=None,
    options=None,
    prepare_stream=None,
    add_tracks=(),
):
    """Four seconds of one colour; `timestamps` in milliseconds make the frame rate variable."""
    file = io.BytesIO()
    with av.open(file, "w", format=container_format, options=options or {}) as video:
        stream = add_video_track(video, codec, size, rate)
        if prepare_stream:
            prepare_stream(stream)
        others = [add_track(video) for add_track in add_tracks]
        if timestamps:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, milliseconds in enumerate(timestamps or range(FRAMES)):
            frame = build_frame(size)
            if timestamps:
                frame.pts, frame.time_base = milliseconds, Fraction(1, 1000)
            else:
                frame.pts, frame.time_base = index, Fraction(1, rate)
            video.mux(stream.encode(frame))
        video.mux(stream.encode())
        for mux_frames in others:
            mux_frames()
    return file.getvalue()


def build_frame(size, pixel_format="yuv420p"):
    frame = av.VideoFrame(size[0], size[1], pixel_format)
    clear_planes(frame)  # what lay in the memory before is slow to encode
    return frame


def clear_planes(frame):
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))


def add_video_track(video, codec, size, rate):
    stream = video.add_stream(codec, rate=rate)
    stream.codec_context.thread_count = 1  # more wait for each other on a busy machine
    stream.codec_context.options = QUICK_OPTIONS.get(codec, {})
    stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
    return stream


def second_video_track(size=(200, 100), *, codec="mpeg4"):
    """Return what adds another video track of one second, 10 frames."""

    def add_to(video):
        stream = add_video_track(video, codec, size, 10)

        def mux_frames():
            for index in range(10):
                frame = build_frame(size)
                frame.pts, frame.time_base = index, Fraction(1, 10)
                video.mux(stream.encode(frame))
            video.mux(stream.encode())

        return mux_frames

    return add_to


def cover_track(size=(100, 100)):
    """Return what adds a cover picture as a music shop writes it: a video track of one frame."""

    def add_to(video):
        stream = video.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = *size, "yuvj420p"
        stream.disposition = av.stream.Disposition.attached_pic

        def mux_frames():
            frame = av.VideoFrame(size[0], size[1], "yuvj420p")
            frame.pts, frame.time_base = 0, Fraction(1, 1)
            video.mux(stream.encode(frame))
            video.mux(stream.encode())

        return mux_frames

    return add_to


def sound_track(codec="aac"):
    """Return what adds one second of silence."""

    def add_to(video):
        stream = video.add_stream(codec, rate=48_000, layout="stereo")

        def mux_frames():
            for index in range(40):
                frame = av.AudioFrame(format="fltp", layout="stereo", samples=1024)
                frame.sample_rate, frame.pts = 48_000, index * 1024
                clear_planes(frame)
                video.mux(stream.encode(frame))
            video.mux(stream.encode())

        return mux_frames

    return add_to


def encode_sound(container_format="mp4", *, with_cover=False):
    """A file with a sound track and no video; on request with a cover picture."""
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as video:
        tracks = [sound_track()(video)] + ([cover_track()(video)] if with_cover else [])
        for mux_frames in tracks:
            mux_frames()
    return file.getvalue()


def put_index_first(video):
    """The same video with its index in front, as sites write it that play while they load."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "source"), Path(folder, "target.mp4")
        source.write_bytes(video)
        with (
            av.open(str(source)) as old,
            av.open(str(target), "w", options={"movflags": "faststart"}) as new,
        ):
            streams = {each.index: new.add_stream_from_template(each) for each in old.streams}
            for packet in old.demux():
                if packet.dts is not None:
                    packet.stream = streams[packet.stream.index]
                    new.mux(packet)
        return target.read_bytes()


def encode_picture(picture_format, *, size=(600, 400), mode="RGB", **options):
    file = io.BytesIO()
    Image.new(mode, size).save(file, picture_format, **options)
    return file.getvalue()


def encode_animation(picture_format):
    file = io.BytesIO()
    frames = [Image.new("RGB", (64, 64), color) for color in ("red", "blue", "green")]
    frames[0].save(file, picture_format, save_all=True, append_images=frames[1:], duration=50)
    return file.getvalue()


def build_huge_png(width):
    """A square PNG whose header states this size; hardly a pixel of it is there."""
    data = encode_picture("PNG")
    header = b"IHDR" + width.to_bytes(4, "big") * 2 + data[24:29]
    return data[:12] + header + zlib.crc32(header).to_bytes(4, "big") + data[33:]


def build_heic():
    """The head of a picture as iPhones write it: the brand says that it is no video."""
    brands = b"heic" + bytes(4) + b"mif1heic"
    return (8 + len(brands)).to_bytes(4, "big") + b"ftyp" + brands + bytes(64)
