import io
import tempfile

import av
import click
import pytest
from rich.console import Console

from local.browser import ConsentForm
from local.demo import check_published, check_webhooks, disposable_folder
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


def check_demo(*states, expected_count):
    posts = [
        CheckedPost(number, "somewhere", "VIDEO", state, "id", 0, 1)
        for number, state in enumerate(states)
    ]
    check_published(posts, expected_count, Console(file=io.StringIO()))


def test_the_demo_succeeds_when_every_post_is_published():
    check_demo("PUBLISHED", "PUBLISHED", expected_count=2)


@pytest.mark.parametrize("states", [("PUBLISHED", "PROCESSING"), ("PUBLISHED",), ()])
def test_the_demo_fails_when_a_post_is_missing_or_not_published(states):
    with pytest.raises(click.ClickException, match="of 2 posts are published"):
        check_demo(*states, expected_count=2)


def test_the_demo_fails_when_no_webhook_of_a_platform_was_applied():
    posts = [CheckedPost(1, "here", "VIDEO", "PUBLISHED", "id", 0, 1)]
    check_webhooks(posts, {"here": 2}, Console(file=io.StringIO()))
    with pytest.raises(click.ClickException, match="no webhook event of here"):
        check_webhooks(posts, {"there": 2}, Console(file=io.StringIO()))


@pytest.fixture
def temporary_folders(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def end_demo(error, *, logs=("web.log",)):
    """A demo that has written these logs and then ends with an error."""
    with disposable_folder() as folder:
        for name in logs:
            (folder / name).touch()
        raise error


@pytest.mark.parametrize("interruption", [click.Abort, KeyboardInterrupt])
def test_an_interrupted_demo_leaves_no_folder(temporary_folders, interruption):
    with pytest.raises(interruption):
        end_demo(interruption)
    assert list(temporary_folders.iterdir()) == []


def test_a_failed_demo_keeps_its_folder_and_says_where_its_logs_are(temporary_folders, capsys):
    with pytest.raises(click.ClickException):
        end_demo(click.ClickException("a post is not published"))
    (folder,) = temporary_folders.iterdir()
    assert f"{folder}/*.log" in capsys.readouterr().err


def test_a_demo_that_fails_before_anything_starts_leaves_no_folder(temporary_folders):
    with pytest.raises(click.ClickException):
        end_demo(click.ClickException("the port is in use"), logs=())
    assert list(temporary_folders.iterdir()) == []


def test_a_consent_form_submits_its_preselected_fields_and_allow():
    assert ConsentForm(CONSENT_PAGE).fields == [
        ("token", "t"),
        ("creator", "first"),
        ("scopes", "video.publish"),
        ("decision", "allow"),
    ]


def test_a_form_without_an_action_is_submitted_to_the_url_of_its_page():
    page_url = "http://127.0.0.1:1/consent?state=s"
    assert ConsentForm(CONSENT_PAGE).action_url(page_url) == page_url
    with_action = CONSENT_PAGE.replace('method="post"', 'method="post" action="/decide"')
    assert ConsentForm(with_action).action_url(page_url) == "http://127.0.0.1:1/decide"


@pytest.mark.parametrize("size", [0, 300_000])
def test_a_sample_video_is_one_that_platforms_accept(tmp_path, size):
    path = create_video(tmp_path / "video.mp4", size=size)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert min(stream.width, stream.height) >= 360
        assert 23 <= stream.average_rate <= 60
        assert stream.duration * stream.time_base >= 3
        assert sum(1 for _ in container.decode(video=0)) == stream.frames
    assert path.stat().st_size == size or not size


def test_a_sample_video_cannot_be_padded_to_less_than_its_size(tmp_path):
    with pytest.raises(ValueError, match="without padding; size must be larger"):
        create_video(tmp_path / "video.mp4", size=10)
