"""Uploaded files are probed and converted in separate processes with few rights."""

import os
import subprocess
import sys
from io import BytesIO

import pytest
from PIL import Image

from core.media import inspection
from core.media.rule_check import find_violation
from platforms.registry import PLATFORMS
from tests.platforms.contract_videos import encode_video


def test_a_video_is_recognized_by_its_headers(tmp_path):
    file = tmp_path / "film"
    file.write_bytes(encode_video())
    probed = inspection.probe_media(file)
    assert find_violation(PLATFORMS["tiktok"].media_rules["video"], probed) is None
    assert (probed["width"], probed["height"], probed["codec"]) == (640, 360, "h264")
    assert (probed["container"], probed["fps"], probed["duration_ms"]) == ("mp4", 24.0, 3000)


@pytest.mark.parametrize("data", [b"", b"no film at all" * 100, b"\x00" * 4096])
def test_what_is_no_video_is_probed_as_none(tmp_path, data):
    file = tmp_path / "file"
    file.write_bytes(data)
    assert inspection.probe_media(file) is None


def test_a_playlist_that_names_another_file_is_no_video(tmp_path):
    (tmp_path / "film.mp4").write_bytes(encode_video())
    playlist = tmp_path / "listed"
    playlist.write_text(f"ffconcat version 1.0\nfile {tmp_path}/film.mp4\n")
    assert inspection.probe_media(playlist) is None
    playlist.write_text(f"#EXTM3U\n#EXTINF:3,\n{tmp_path}/film.mp4\n#EXT-X-ENDLIST\n")
    assert inspection.probe_media(playlist) is None


def test_a_probe_that_does_not_end_is_stopped(tmp_path):
    endless = tmp_path / "pipe"
    os.mkfifo(endless)
    assert inspection.probe_media(endless, timeout=1.0) is None


@pytest.mark.parametrize(
    ("statement", "error_name"),
    [
        ("bytearray(2**31)", "MemoryError"),
        ("open('x', 'w').write('x' * 9**6)", "OSError"),
        ("1", ""),
    ],
)
def test_the_probe_process_has_little_memory_and_cannot_write(statement, error_name, tmp_path):
    code = f"from core.media.probe import limit_resources; limit_resources(); {statement}"
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(inspection.PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert error_name in process.stderr
    assert (process.returncode == 0) == (error_name == "")


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


def test_a_picture_that_unpacks_to_gigabytes_is_not_converted(tmp_path):
    file = write_picture(tmp_path / "picture", "PNG", size=(30_000, 30_000), mode="L")
    assert inspection.convert_to_jpeg(file) is None
