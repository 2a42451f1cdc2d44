"""Uploaded files are probed in a process of their own with few rights."""

import os
import subprocess
import sys

import pytest

from core.media import video_rules
from tests.platforms.contract_videos import encode_video


def test_a_video_is_recognized_by_its_headers(tmp_path):
    file = tmp_path / "film"
    file.write_bytes(encode_video())
    probed = video_rules.probe_video(file)
    assert video_rules.find_violation(probed) is None
    assert (probed["width"], probed["height"], probed["codec"]) == (640, 360, "h264")
    assert (probed["container"], probed["fps"], probed["duration_ms"]) == ("mp4", 24.0, 3000)


@pytest.mark.parametrize("data", [b"", b"no film at all" * 100, b"\x00" * 4096])
def test_what_is_no_video_is_probed_as_none(tmp_path, data):
    file = tmp_path / "file"
    file.write_bytes(data)
    assert video_rules.probe_video(file) is None


def test_a_playlist_that_names_another_file_is_no_video(tmp_path):
    (tmp_path / "film.mp4").write_bytes(encode_video())
    playlist = tmp_path / "listed"
    playlist.write_text(f"ffconcat version 1.0\nfile {tmp_path}/film.mp4\n")
    assert video_rules.probe_video(playlist) is None
    playlist.write_text(f"#EXTM3U\n#EXTINF:3,\n{tmp_path}/film.mp4\n#EXT-X-ENDLIST\n")
    assert video_rules.probe_video(playlist) is None


def test_a_probe_that_does_not_end_is_stopped(tmp_path):
    endless = tmp_path / "pipe"
    os.mkfifo(endless)
    assert video_rules.probe_video(endless, timeout=1.0) is None


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
        env={"PYTHONPATH": str(video_rules.PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert error_name in process.stderr
    assert (process.returncode == 0) == (error_name == "")
