"""Files of strangers are looked into by a process that has little to lose."""

import os
import subprocess
import sys

import pytest

from core.media import films
from tests.platforms.film import a_film


def test_a_film_is_seen_by_its_headers(tmp_path):
    file = tmp_path / "film"
    file.write_bytes(a_film())
    seen = films.probe(file)
    assert films.unfit(seen) is None
    assert (seen["width"], seen["height"], seen["codec"]) == (640, 360, "h264")
    assert (seen["container"], seen["fps"], seen["duration_ms"]) == ("mp4", 24.0, 3000)


@pytest.mark.parametrize("data", [b"", b"no film at all" * 100, b"\x00" * 4096])
def test_what_is_no_film_is_seen_as_none(tmp_path, data):
    file = tmp_path / "file"
    file.write_bytes(data)
    assert films.probe(file) is None


def test_a_playlist_that_names_another_file_is_no_film(tmp_path):
    (tmp_path / "film.mp4").write_bytes(a_film())
    listed = tmp_path / "listed"
    listed.write_text(f"ffconcat version 1.0\nfile {tmp_path}/film.mp4\n")
    assert films.probe(listed) is None
    listed.write_text(f"#EXTM3U\n#EXTINF:3,\n{tmp_path}/film.mp4\n#EXT-X-ENDLIST\n")
    assert films.probe(listed) is None


def test_a_look_that_does_not_end_is_ended(tmp_path):
    endless = tmp_path / "pipe"
    os.mkfifo(endless)
    assert films.probe(endless, patience=1.0) is None


@pytest.mark.parametrize(
    ("deed", "ended"),
    [
        ("bytearray(2**31)", "MemoryError"),
        ("open('x', 'w').write('x' * 9**6)", "OSError"),
        ("1", ""),
    ],
)
def test_who_looks_can_take_little_memory_and_write_no_file(deed, ended, tmp_path):
    code = f"from core.media.look import confine; confine(); {deed}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(films.ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended in done.stderr
    assert (done.returncode == 0) == (ended == "")
