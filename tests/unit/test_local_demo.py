import io

import av
import click
import pytest
from rich.console import Console

from local.browser import ConsentForm
from local.demo import check_published
from local.demo_check import CheckedPost
from local.sample_video import create_video

CONSENT_PAGE = """
<form method="post">
  <input type="hidden" name="token" value="t">
  <select name="creator">
    <option value="first">One</option><option value="second">Two</option>
  </select>
  <input type="checkbox" name="scopes" value="video.publish" checked>
  <input type="checkbox" name="scopes" value="unticked">
  <button name="decision" value="allow">Allow</button>
  <button name="decision" value="deny">Deny</button>
</form>
"""


def check_demo(*states, wanted):
    found = [CheckedPost(number, state, "?", 1) for number, state in enumerate(states)]
    check_published(found, wanted, Console(file=io.StringIO()))


def test_the_demo_ends_well_when_all_is_published():
    check_demo("PUBLISHED", "PUBLISHED", wanted=2)


@pytest.mark.parametrize("states", [("PUBLISHED", "PROCESSING"), ("PUBLISHED",), ()])
def test_the_demo_fails_when_anything_is_not_published_or_not_there(states):
    with pytest.raises(click.ClickException):
        check_demo(*states, wanted=2)


def test_a_person_who_allows_sends_what_the_form_holds():
    assert ConsentForm(CONSENT_PAGE).fields == [
        ("token", "t"),
        ("creator", "first"),
        ("scopes", "video.publish"),
        ("decision", "allow"),
    ]


def test_a_form_without_an_address_goes_back_to_its_page():
    page = "http://127.0.0.1:1/consent?state=s"
    assert ConsentForm(CONSENT_PAGE).action_url(page) == page
    elsewhere = CONSENT_PAGE.replace('method="post"', 'method="post" action="/decide"')
    assert ConsentForm(elsewhere).action_url(page) == "http://127.0.0.1:1/decide"


@pytest.mark.parametrize("size", [0, 300_000])
def test_a_sample_video_is_one_that_platforms_accept(tmp_path, size):
    path = create_video(tmp_path / "film.mp4", size=size)
    with av.open(str(path)) as film:
        video = film.streams.video[0]
        assert (video.codec_context.name, min(video.width, video.height) >= 360) == ("h264", True)
        assert 23 <= video.average_rate <= 60
        assert video.duration * video.time_base >= 3
        assert sum(1 for _ in film.decode(video=0)) == video.frames
    assert path.stat().st_size == size or not size


def test_a_sample_video_does_not_shrink(tmp_path):
    with pytest.raises(ValueError, match="the film alone"):
        create_video(tmp_path / "film.mp4", size=10)
