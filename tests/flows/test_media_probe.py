"""Uploaded files are judged by their bytes and by what these state, never by a label or a guess."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from PIL import Image

from core.errors import ServiceUnavailable
from core.media import inspection
from core.media.rule_check import find_violation
from platforms.registry import PLATFORMS
from tests.flows.brokers import wait_until
from tests.platforms.contract_videos import encode_video
from tests.support import media_samples

VIDEO_RULES = {
    "TikTok": PLATFORMS["tiktok"].media_rules["video"],
    "Instagram": PLATFORMS["instagram"].media_rules["reel_video"],
}


@pytest.fixture
def probe(tmp_path):
    def probe_bytes(data):
        file = tmp_path / "file"
        file.write_bytes(data)
        return inspection.probe_media(file)

    return probe_bytes


def test_a_video_is_recognized_by_its_headers(tmp_path):
    file = tmp_path / "video"
    file.write_bytes(encode_video())
    probed = inspection.probe_media(file)
    assert find_violation(PLATFORMS["tiktok"].media_rules["video"], probed) is None
    assert (probed["width"], probed["height"], probed["codec"]) == (640, 360, "h264")
    assert (probed["container"], probed["fps"], probed["duration_ms"]) == ("mp4", 24.0, 3000)


@pytest.mark.parametrize("data", [b"", b"no video at all" * 100, b"\x00" * 4096])
def test_what_is_no_video_is_probed_as_none(tmp_path, data):
    file = tmp_path / "file"
    file.write_bytes(data)
    assert inspection.probe_media(file) is None


def test_a_playlist_that_names_another_file_is_no_video(tmp_path):
    (tmp_path / "video.mp4").write_bytes(encode_video())
    playlist = tmp_path / "listed"
    playlist.write_text(f"ffconcat version 1.0\nfile {tmp_path}/video.mp4\n")
    assert inspection.probe_media(playlist) is None
    playlist.write_text(f"#EXTM3U\n#EXTINF:3,\n{tmp_path}/video.mp4\n#EXT-X-ENDLIST\n")
    assert inspection.probe_media(playlist) is None


def test_a_probe_that_takes_too_long_is_stopped_and_is_no_verdict_on_the_file(tmp_path):
    file = tmp_path / "video"
    file.write_bytes(encode_video())
    with pytest.raises(ServiceUnavailable):
        inspection.probe_media(file, timeout=0.001)


def test_files_that_take_long_to_read_occupy_few_threads(tmp_path):
    picture = media_samples.encode_picture("JPEG")
    file = tmp_path / "picture"
    file.write_bytes(picture[:2] + b"\xff" * 60_000_000 + picture[2:])  # skipped byte by byte

    def probe_and_time(_):
        started_at = time.monotonic()
        with pytest.raises(ServiceUnavailable) as refused:
            inspection.probe_media(file, timeout=2.5)
        return time.monotonic() - started_at, "other files" in str(refused.value)

    count = inspection.MAX_CONFINED_PROCESSES + 6
    with ThreadPoolExecutor(count) as threads:
        outcomes = list(threads.map(probe_and_time, range(count)))
    assert sum(waited_for_turn for _, waited_for_turn in outcomes) == 6
    assert all(seconds < 2.0 for seconds, waited_for_turn in outcomes if waited_for_turn)


def test_one_user_cannot_occupy_all_readers(tmp_path):
    """A second user's file is read while the first one's keep their share of processes busy."""
    picture = media_samples.encode_picture("JPEG")
    slow, quick = tmp_path / "slow", tmp_path / "quick"
    slow.write_bytes(picture[:2] + b"\xff" * 60_000_000 + picture[2:])
    quick.write_bytes(picture)

    def probe_slowly(_):
        with pytest.raises(ServiceUnavailable) as refused:
            inspection.probe_media(slow, user_id=1, timeout=8)
        return str(refused.value)

    with ThreadPoolExecutor(6) as threads:
        outcomes = [threads.submit(probe_slowly, number) for number in range(6)]
        wait_until(lambda: inspection.slots.is_full_for(1), what="the first user's share in use")
        assert inspection.probe_media(quick, user_id=2)["kind"] == "image"
        assert inspection.slots.is_full_for(1)  # still: the file of the other did not wait
        refusals = [outcome.result() for outcome in outcomes]
    of_yours = [text for text in refusals if text.startswith("2 other files of yours")]
    assert len(of_yours) == 4
    assert inspection.probe_media(quick, user_id=1) is not None  # the share is free again


def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert inspection.probe_media(tmp_path / "pipe") is None


@pytest.mark.parametrize("frames_per_second", [120, 1000])
def test_a_browser_recording_that_states_no_frame_rate_is_left_to_the_platform(
    frames_per_second, probe
):
    name = f"recorded-in-browser-{frames_per_second}fps.webm"
    probed = probe(media_samples.read_field_video(name))
    assert (probed["container"], probed["codec"], probed["fps"]) == ("webm", "vp8", None)
    assert find_violation(VIDEO_RULES["TikTok"], probed) is None


@pytest.mark.parametrize("rate", [10, 120])
def test_a_frame_rate_that_the_file_states_is_refused(rate, probe):
    for data in (
        media_samples.encode_clip(rate=rate),
        media_samples.encode_clip("webm", codec="libvpx", rate=rate),
    ):
        probed = probe(data)
        assert probed["fps"] == rate
        assert find_violation(VIDEO_RULES["TikTok"], probed).reason == "frame_rate"


def test_matroska_is_no_webm_whatever_its_codec(probe):
    for data in (
        media_samples.read_field_video("h264-in-matroska.mkv"),
        media_samples.encode_clip("matroska", codec="libvpx"),
        # A recorder that calls H.264 WebM.
        media_samples.read_field_video("h264-in-matroska.mkv").replace(
            b"\x88matroska", b"\x88webm\0\0\0\0"
        ),
    ):
        violation = find_violation(VIDEO_RULES["TikTok"], probe(data))
        assert (violation.reason, violation.value) == ("format", "matroska")
        assert violation.allowed == ["mov", "mp4", "webm"]


def test_frames_of_different_durations_are_no_frame_rate(probe):
    times = [0, 10, 20, 500, 900, 1000, 1500, 2000, 3500]
    probed = probe(media_samples.encode_clip(timestamps=times))
    assert probed["fps"] is None
    assert all(find_violation(rule, probed) is None for rule in VIDEO_RULES.values())


def test_a_recording_in_pieces_states_neither_duration_nor_frame_rate(probe):
    probed = probe(media_samples.encode_clip(options={"movflags": "frag_keyframe+empty_moov"}))
    assert (probed["duration_ms"], probed["fps"], probed["codec"]) == (None, None, "h264")
    assert all(find_violation(rule, probed) is None for rule in VIDEO_RULES.values())


def test_a_video_on_its_side_is_measured_upright(probe):
    def turn(stream):
        stream.set_display_rotation(90)

    probed = probe(media_samples.encode_clip(size=(2400, 1080), prepare_stream=turn))
    assert (probed["width"], probed["height"]) == (1080, 2400)
    assert find_violation(VIDEO_RULES["Instagram"], probed) is None


def test_a_cover_picture_is_no_video_and_its_size_is_not_the_videos(probe):
    tracks = [media_samples.cover_track(), media_samples.sound_track()]
    video = probe(media_samples.encode_clip(add_tracks=tracks))
    assert (video["kind"], video["width"], video["codec"]) == ("video", 640, "h264")
    assert video["audio_codec"] == "aac"
    for sound in (media_samples.encode_sound(), media_samples.encode_sound(with_cover=True)):
        probed = probe(sound)
        assert (probed["kind"], probed["width"]) == ("audio", None)
        for rule in VIDEO_RULES.values():
            assert find_violation(rule, probed).reason == "format"


def test_a_value_in_which_several_video_tracks_differ_is_left_to_the_platform(probe):
    probed = probe(
        media_samples.encode_clip(
            "matroska", add_tracks=[media_samples.second_video_track((200, 100))]
        )
    )
    assert (probed["width"], probed["fps"], probed["codec"]) == (None, None, None)


def test_a_track_that_is_switched_off_does_not_count(probe):
    probed = probe(
        media_samples.encode_clip(add_tracks=[media_samples.second_video_track((200, 100))])
    )
    assert (probed["width"], probed["fps"], probed["codec"]) == (640, 24.0, "h264")


def test_the_index_may_come_first_or_last_and_junk_may_follow(probe):
    video = media_samples.encode_clip()
    for data in (video, media_samples.put_index_first(video), video + os.urandom(5000)):
        probed = probe(data)
        assert (probed["duration_ms"], probed["is_truncated"]) == (4000, False)
        assert all(find_violation(rule, probed) is None for rule in VIDEO_RULES.values())


def test_a_video_that_was_cut_off_is_refused_in_words(probe):
    for video in (
        media_samples.put_index_first(media_samples.encode_clip()),
        media_samples.encode_clip("webm", codec="libvpx"),
    ):
        violation = find_violation(VIDEO_RULES["TikTok"], probe(video[: len(video) // 2]))
        assert (violation.reason, violation.value) == ("format", "shorter than its headers say")
    video = media_samples.encode_clip()  # its index was in the lost part
    violation = find_violation(VIDEO_RULES["TikTok"], probe(video[: len(video) // 2]))
    assert (violation.reason, violation.value) == ("format", "damaged or incomplete")


@pytest.mark.parametrize("picture_format", ["JPEG", "WEBP"])
def test_a_picture_that_cannot_be_read_is_not_called_another_kind_of_file(picture_format, probe):
    probed = probe(media_samples.encode_picture(picture_format)[:100])
    assert (probed["container"], probed["is_damaged"]) == (picture_format.lower(), True)
    violation = find_violation(PLATFORMS["tiktok"].media_rules["photo"], probed)
    assert (violation.reason, violation.value) == ("format", "damaged or incomplete")


@pytest.mark.parametrize("box_type", [b"prft", b"udta", b"PICT", b"emsg", b"uuid"])
def test_any_box_may_be_the_first_one_of_a_video(box_type, probe):
    box = (32).to_bytes(4, "big") + box_type + bytes(24)
    probed = probe(box + media_samples.encode_clip())
    assert (probed["container"], probed["width"], probed["is_truncated"]) == ("mp4", 640, False)


def test_videos_of_phones_are_what_their_boxes_say(probe):
    assert probe(media_samples.encode_clip("mov"))["container"] == "mov"
    assert probe(media_samples.encode_clip("3gp"))["container"] == "mp4"
    without_brand = media_samples.encode_clip("mov")
    first_box = int.from_bytes(without_brand[:4], "big")
    free = without_brand[:4] + b"free" + bytes(first_box - 8)
    assert probe(free + without_brand[first_box:])["container"] == "mov"


def test_a_codec_that_nobody_here_knows_is_left_to_the_platform(probe):
    video = media_samples.encode_clip(add_tracks=[media_samples.sound_track()])
    for changed in (video.replace(b"avc1", b"zzz1"), video.replace(b"mp4a", b"zzz2")):
        probed = probe(changed)
        assert (probed["kind"], probed["duration_ms"]) == ("video", 4000)
        assert all(find_violation(rule, probed) is None for rule in VIDEO_RULES.values())


def test_what_an_edit_list_cuts_off_is_not_counted(probe):
    video = bytearray(media_samples.encode_clip())
    for box, offset in ((b"mvhd", 20), (b"tkhd", 24), (b"elst", 12)):  # in thousandths of a second
        position = video.index(box) + offset
        assert int.from_bytes(video[position : position + 4], "big") == 4000
        video[position : position + 4] = (3250).to_bytes(4, "big")
    probed = probe(bytes(video))
    assert (probed["duration_ms"], probed["fps"]) == (3250, 24.0)


def test_boxes_within_boxes_without_end_are_no_video(probe):
    data = b""
    for name in [b"mdia"] * 3000 + [b"trak", b"moov"]:
        data = (len(data) + 8).to_bytes(4, "big") + name + data
    assert probe(data) is None
    assert probe(b"\x1aE\xdf\xa3" + b"\xff" * 1000)["is_damaged"]


def test_a_picture_of_an_iphone_is_no_video(probe):
    probed = probe(media_samples.build_heic())
    assert (probed["kind"], probed["container"]) == ("image", "heic")
    rules = PLATFORMS["instagram"].media_rules
    assert find_violation(rules["feed_image"], probed).value == "heic"
    assert find_violation(rules["reel_video"], probed).reason == "format"


def test_a_jpeg_with_further_pictures_behind_it_is_a_jpeg(probe):
    further = [Image.new("RGB", (300, 200))]
    data = media_samples.encode_picture("MPO", save_all=True, append_images=further)
    probed = probe(data)
    assert (probed["container"], probed["frames"]) == ("jpeg", 1)
    assert find_violation(PLATFORMS["instagram"].media_rules["feed_image"], probed) is None


@pytest.mark.parametrize("picture_format", ["PNG", "WEBP", "GIF"])
def test_an_animation_says_how_many_pictures_it_has(picture_format, probe):
    probed = probe(media_samples.encode_animation(picture_format))
    assert (probed["container"], probed["frames"]) == (picture_format.lower(), 3)


def test_the_size_of_a_huge_picture_is_read_without_unpacking_it(probe):
    probed = probe(media_samples.encode_picture("PNG", size=(16_320, 12_240), mode="1"))
    assert (probed["width"], probed["height"]) == (16_320, 12_240)
    probed = probe(media_samples.build_huge_png(60_000))  # unpacked, it would have 10 GB
    assert (probed["width"], probed["height"]) == (60_000, 60_000)


def write_picture(file, picture_format, size=(600, 400), mode="RGB", **options):
    Image.new(mode, size, "red" if mode != "RGBA" else (255, 0, 0, 128)).save(
        file, picture_format, **options
    )
    return file


@pytest.mark.parametrize("picture_format", ["JPEG", "PNG", "WEBP", "GIF"])
def test_a_picture_is_recognized_by_its_headers(tmp_path, picture_format):
    probed = inspection.probe_media(write_picture(tmp_path / "picture", picture_format))
    assert (probed["kind"], probed["container"]) == ("image", picture_format.lower())
    assert (probed["width"], probed["height"]) == (600, 400)


def test_a_picture_that_lies_on_its_side_is_measured_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    probed = inspection.probe_media(write_picture(tmp_path / "picture", "JPEG", exif=exif))
    assert (probed["width"], probed["height"]) == (400, 600)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "CMYK"])
def test_a_picture_of_any_kind_is_converted_to_jpeg(tmp_path, mode):
    picture_format = "JPEG" if mode == "CMYK" else "PNG"
    file = write_picture(tmp_path / "picture", picture_format, mode="RGB")
    with Image.open(file) as picture:
        picture.convert(mode).save(file, picture_format)
    converted = inspection.convert_to_jpeg(file)
    with Image.open(BytesIO(converted)) as picture:
        assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (600, 400))


def test_a_transparent_picture_gets_a_white_background(tmp_path):
    file = write_picture(tmp_path / "picture", "PNG", mode="RGBA")
    with Image.open(BytesIO(inspection.convert_to_jpeg(file))) as picture:
        red, green, _ = picture.getpixel((10, 10))
    assert red > 240
    assert 110 < green < 150


def test_what_is_no_picture_is_not_converted(tmp_path):
    file = tmp_path / "picture"
    file.write_bytes(b"no picture at all")
    assert inspection.convert_to_jpeg(file) is None


def test_a_picture_of_too_many_pixels_is_not_converted(tmp_path):
    file = write_picture(tmp_path / "picture", "PNG", size=(15_000, 10_000), mode="1")
    assert inspection.convert_to_jpeg(file) is None
