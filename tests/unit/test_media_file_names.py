"""Names and types of files as clients send them: cleaned for people, never part of an address."""

from mimetypes import guess_type
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest

from core.media.file_names import display_filename, link_filename, read_type_hint

LONG = "ä" * 300
ODD_NAMES = [
    *("..", ".", "", "/", "\\", "../..", "a/..", "...", " . ", "\0", "a\0b.mp4", "\u202e4pm.exe"),
    *("\u200b", "CON", "nul.mp4", "com1.tar.mov", "LPT9", "%2e%2e", "a?b#c&d=e.mp4", ";.mp4"),
    *(LONG, f"{LONG}.mp4", "x" * 254 + "é.mp4", "a b.mp4", "été.mp4", "影片.mov", "a\r\nX: y.mp4"),
]


@pytest.mark.parametrize("content_type", ["video/mp4", "image/jpeg", "application/octet-stream"])
@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_a_link_with_any_name_is_followed_to_the_same_address(name, content_type):
    linked = link_filename(name, content_type)
    path = f"/m/token/{quote(linked, safe='')}"
    followed = urlsplit(urljoin("https://host.example/other", path)).path
    assert followed == path
    assert unquote(followed.rpartition("/")[2]) == linked
    assert linked.isprintable()
    assert linked.strip(". ")
    assert len(linked.encode()) <= 255
    if content_type != "application/octet-stream":
        assert guess_type(linked)[0] == content_type


@pytest.mark.parametrize(
    ("given", "displayed"),
    [
        ("..", "file"),
        ("\u200b\u202e", "file"),
        ("\u202egnp.exe", "gnp.exe"),
        ("NUL.mp4", "_NUL.mp4"),
        ("con", "_con"),
        ("control.mp4", "control.mp4"),
        (f"{LONG}.mp4", "ä" * 125 + ".mp4"),
        (LONG, "ä" * 127),
    ],
    ids=ascii,
)
def test_a_name_is_cleaned_and_shortened_with_its_suffix(given, displayed):
    assert display_filename(given) == displayed


def test_the_suffix_of_a_link_says_what_the_bytes_are():
    assert link_filename("photo.png", "image/jpeg") == "photo.jpg"
    assert link_filename("IMG_1.MOV", "video/quicktime") == "IMG_1.MOV"
    assert link_filename("clip", "video/webm") == "clip.webm"


@pytest.mark.parametrize(
    ("label", "name", "hint"),
    [
        ("video/webm;codecs=vp9,opus", "a", "video/webm"),
        ("VIDEO/MP4", "a", "video/mp4"),
        ("", "IMG_0001.MOV", "video/quicktime"),
        (None, "IMG_0001.MOV", "video/quicktime"),
        ("text/plain", "a.mp4", "video/mp4"),
        ("video/x-matroska", "a.mkv", "application/octet-stream"),
        ("image/jpg", "", "application/octet-stream"),
        ("application/octet-stream", "a.pdf", "application/octet-stream"),
        ("nonsense", "", "application/octet-stream"),
        ("text/html", "", None),
        ("application/pdf", "a.pdf", None),
    ],
)
def test_a_label_is_a_hint_and_refuses_only_what_is_surely_no_media_file(label, name, hint):
    assert read_type_hint(label, name) == hint
