"""Small pictures of media files: made once, in a confined process, and shown to their owner."""

import io

import av
import pytest
from PIL import Image
from sqlalchemy import select

from core.health.housekeeping import run_housekeeping
from core.media.inspection import make_thumbnail
from db.media.thumbnails import Thumbnail
from tests.support.media_samples import encode_clip, encode_picture

SIDEWAYS_EXIF = Image.Exif()
SIDEWAYS_EXIF[0x0112] = 6  # turn by 90 degrees to the right


def encode_red_left_half(rotation=None):
    """A video that is red on the left and black on the right, as it is stored."""
    file = io.BytesIO()
    picture = Image.new("RGB", (640, 360))
    picture.paste((255, 0, 0), (0, 0, 320, 360))
    with av.open(file, "w", format="mp4") as video:
        stream = video.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        if rotation:
            stream.set_display_rotation(rotation)
        for packet in (*stream.encode(av.VideoFrame.from_image(picture)), *stream.encode()):
            video.mux(packet)
    return file.getvalue()


def open_thumbnail(tmp_path, data):
    path = tmp_path / "file"
    path.write_bytes(data)
    image = make_thumbnail(path)
    return image and Image.open(io.BytesIO(image))


def is_red(picture, x, y):
    red, green, _ = picture.getpixel((x, y))
    return red > 150 and green < 100


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (encode_picture("PNG", size=(600, 400)), (320, 213)),
        (encode_picture("JPEG", size=(4000, 1000)), (320, 80)),
        (encode_picture("JPEG", size=(600, 400), exif=SIDEWAYS_EXIF), (213, 320)),
        (encode_picture("WEBP", size=(100, 50), mode="RGBA"), (100, 50)),
        (encode_clip(size=(1280, 720)), (320, 180)),
        (encode_clip("webm", codec="libvpx", size=(180, 320)), (180, 320)),
    ],
    ids=["png", "large-jpeg", "sideways-jpeg", "small-webp", "mp4", "webm"],
)
def test_a_file_becomes_a_jpeg_of_at_most_320_pixels(tmp_path, data, size):
    picture = open_thumbnail(tmp_path, data)
    assert (picture.format, picture.size) == ("JPEG", size)


def test_a_video_on_its_side_is_turned_upright(tmp_path):
    lying = open_thumbnail(tmp_path, encode_red_left_half())
    assert is_red(lying, 20, 90)
    assert not is_red(lying, 300, 90)
    # 90 degrees against the clock: what was left is below
    upright = open_thumbnail(tmp_path, encode_red_left_half(rotation=90))
    assert upright.size == (180, 320)
    assert is_red(upright, 90, 300)
    assert not is_red(upright, 90, 20)


@pytest.mark.parametrize("data", [b"", b"no picture", encode_clip()[:300]])
def test_what_cannot_be_read_has_none(tmp_path, data):
    assert open_thumbnail(tmp_path, data) is None


@pytest.fixture
def media_id(publisher, alice):
    return publisher.create_media(alice.id, encode_picture("PNG"))


def test_the_owner_sees_the_thumbnail_and_nobody_else_does(
    media_id, alice, make_user, sign_in, publisher
):
    url = f"/media/{media_id}/thumbnail"
    browser = sign_in(alice)
    response = browser.get(url)
    assert (response.status_code, response.mimetype) == (200, "image/jpeg")
    assert "private" in response.headers["Cache-Control"]
    again = browser.get(url, headers={"If-None-Match": response.headers["ETag"]})
    assert again.status_code == 304
    assert sign_in(make_user("bob@example.org")).get(url).status_code == 404


def test_it_is_made_once(media_id, alice, sign_in, publisher):
    browser = sign_in(alice)
    first = browser.get(f"/media/{media_id}/thumbnail").data
    path = publisher.services.media.local_path(publisher.media(media_id).path)
    path.write_bytes(b"")
    assert browser.get(f"/media/{media_id}/thumbnail").data == first


def test_a_file_without_a_picture_shows_a_transparent_pixel(alice, sign_in, publisher):
    broken = publisher.create_media(alice.id, b"no picture")
    unfinished = publisher.create_media(alice.id, encode_picture("PNG"), complete=False)
    browser = sign_in(alice)
    for media in (broken, unfinished):
        response = browser.get(f"/media/{media}/thumbnail")
        assert (response.status_code, response.mimetype) == (200, "image/png")
        assert response.headers["Cache-Control"] == "no-store"


def test_housekeeping_makes_the_missing_ones_and_deletes_them_with_their_files(media_id, publisher):
    broken = publisher.create_media(publisher.media(media_id).user_id, b"no picture")
    run_housekeeping(publisher.database, publisher.services)
    images = {each.media_id: each.image for each in publisher.all(select(Thumbnail))}
    assert images[media_id].startswith(b"\xff\xd8")
    assert images[broken] is None
    with publisher.database.transaction() as session:
        session.delete(publisher.media(media_id))
    assert {each.media_id for each in publisher.all(select(Thumbnail))} == {broken}
