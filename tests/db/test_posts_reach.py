"""Addresses are looked at before the platform is told of them; what lies there is not fetched."""

from dataclasses import replace
from datetime import timedelta

import pytest

from core.ledger.settle import State
from core.posts.reach import is_wanted, reach
from platforms.base import Order
from platforms.errors import Rejected
from platforms.http import Http, stranger_session
from tests.platforms.hostile import a_port_nobody_listens_on, answer
from tests.publishing import INIT

FILM, PICTURE = "/film.mp4", "/a.jpg"
SECOND = timedelta(seconds=1)


@pytest.fixture
def desk(desk):
    """A house that looks, beside which the internet is this machine."""
    desk.starts()
    desk.settled(tiktok=replace(desk.world.settings.tiktok, check_urls="on"))
    desk.world = replace(desk.world, outside=Http(excerpt=100, sleep=lambda _: None))
    return desk


def there(desk, path=FILM, kind="video/mp4", status=200, **headers):
    desk.says(path, answer(status, b"", Content_Type=kind, **headers))


def look(desk, *paths):
    urls = tuple(f"{desk.server.url}{path}" for path in paths)
    film = {"video_url": urls[0]} if paths == (FILM,) else {"images": urls}
    kind = "INBOX_VIDEO" if paths == (FILM,) else "INBOX_PHOTO"
    reach(Order(kind, "PULL_FROM_URL", **film), desk.world)


def fault(desk, *paths):
    with pytest.raises(Rejected) as refused:
        look(desk, *paths)
    assert refused.value.code == "url_unreachable"
    assert "127.0.0.1" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    "kind",
    ["video/mp4", "video/quicktime", "Video/WebM; x=1", "application/octet-stream", ""],
)
def test_a_film_that_is_there_is_fine(desk, kind):
    there(desk, kind=kind)

    look(desk, FILM)

    assert desk.calls(FILM) == [b""]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"kind": "text/html"}, "leads to text/html, not to a film"),
        ({"kind": "image/jpeg"}, "leads to image/jpeg, not to a film"),
        ({"status": 404}, "answers 404"),
        ({"status": 403}, "answers 403"),
        ({"status": 500}, "answers 500"),
        ({"status": 302, "Location": "/other"}, "answers 302: redirects are not followed"),
        ({"status": 206, "Content_Range": "bytes 0-0/4000000001"}, "too large"),
    ],
)
def test_what_the_platform_could_not_fetch_is_named(desk, said, why):
    there(desk, **said)

    assert why in fault(desk, FILM)


def test_a_server_that_does_not_know_head_is_asked_for_one_byte(desk):
    desk.says(FILM, answer(405, b""), answer(206, b"x", Content_Range="bytes 0-0/1000"))

    look(desk, FILM)

    assert [head.get("range") for head in desk.server.heads] == [None, "bytes=0-0"]


def test_a_film_larger_than_the_setting_is_refused(desk):
    figures = replace(desk.world.settings.limits, tiktok_max_video_bytes=999)
    desk.settled(limits=figures)
    there(desk, status=206, Content_Range="bytes 0-0/1000")

    assert "too large" in fault(desk, FILM)


def test_who_does_not_answer_is_told_apart(desk):
    url = f"{a_port_nobody_listens_on()}{FILM}"
    with pytest.raises(Rejected, match="does not answer"):
        reach(Order("INBOX_VIDEO", "PULL_FROM_URL", video_url=url), desk.world)


def test_an_address_in_a_private_network_is_not_visited(desk):
    there(desk)
    desk.world = replace(desk.world, outside=Http(session=stranger_session, excerpt=100))

    assert "private network" in fault(desk, FILM)
    assert desk.calls(FILM) == []


def test_of_pictures_the_one_that_is_wrong_is_named(desk):
    there(desk, PICTURE, "image/jpeg")
    there(desk, "/b.png", "image/png")

    look(desk, PICTURE, PICTURE)
    assert fault(desk, PICTURE, "/b.png") == "picture 2 leads to image/png, not to a picture"


def test_a_picture_has_twenty_megabytes_at_most(desk):
    there(desk, PICTURE, "image/webp", 206, Content_Range="bytes 0-0/20000001")

    assert "too large" in fault(desk, PICTURE, PICTURE)


def test_what_takes_too_long_to_look_at_is_left_to_the_platform(desk):
    begun, clock = desk.world.now(), iter([0, 0, 7])
    desk.world = replace(desk.world, now=lambda: begun + next(clock) * SECOND)
    there(desk, PICTURE, "image/jpeg")

    look(desk, PICTURE, "/missing.jpg")

    assert desk.calls("/missing.jpg") == []


def test_a_post_whose_film_is_not_there_fails_before_the_platform_is_told(desk):
    there(desk, status=404)
    post_id = desk.tenants.a_post(
        desk.tenants.an_account(),
        source="PULL_FROM_URL",
        sent_by="PLATFORM",
        has_slot=True,
        payload_json={"video_url": f"{desk.server.url}{FILM}"},
    )

    desk.works()

    post = desk.post(post_id)
    assert (post.state, post.error_code) == (State.FAILED, "url_unreachable")
    assert post.error_message == "the address answers 404"
    assert desk.calls(INIT) == []


@pytest.mark.parametrize(
    ("said", "base", "wanted"),
    [
        ("auto", "https://open.tiktokapis.com", True),
        ("auto", "http://127.0.0.1:1", False),
        ("on", "http://127.0.0.1:1", True),
        ("off", "https://open.tiktokapis.com", False),
    ],
)
def test_where_another_server_stands_in_its_internet_is_not_ours(desk, said, base, wanted):
    tiktok = replace(desk.world.settings.tiktok, check_urls=said, api_base=base)

    assert is_wanted(tiktok) is wanted
