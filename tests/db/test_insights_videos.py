"""Public videos as core reads them: through the reader of their platform, and only through it."""

from types import SimpleNamespace

import pytest
from sqlalchemy.event import listen, remove

from core import insights
from core.errors import NotFound
from db.insights.videos import Video
from tests.support.insights_harness import InsightsHarness


@pytest.fixture
def sampler(publisher):
    return InsightsHarness(publisher)


@pytest.fixture
def account(sampler):
    sampler.add_video(7, title="A video", duration=12)
    account_id = sampler.create_sampled_account()
    return sampler.factory.account(account_id)


@pytest.fixture
def statements(database):
    """The statements that were executed since, without those about the transaction."""
    executed = []

    def record_statement(*arguments):
        executed.append(arguments[2])

    listen(database._engine, "before_cursor_execute", record_statement)
    yield executed
    remove(database._engine, "before_cursor_execute", record_statement)


def make_public_post(account, provider):
    """What reading metrics needs of a post that became video 7."""
    post = SimpleNamespace(
        id=1, provider=provider, oauth_account_id=account.id, platform_post_id="7"
    )
    return post, None


def test_a_list_has_the_videos_of_one_user_as_plain_values(sampler, account):
    page = insights.list_videos(sampler.database, "tiktok", user_id=account.user_id, limit=5)
    (video,) = page.videos
    assert isinstance(video, Video)
    assert (video.key, video.title, video.views) == ((account.id, "7"), "A video", 100)
    other_user = sampler.factory.create_user()
    page = insights.list_videos(sampler.database, "tiktok", user_id=other_user, limit=5)
    assert page.videos == []


def test_a_platform_without_lists_of_videos_has_none(sampler, account):
    with pytest.raises(NotFound, match="instagram has no lists of videos"):
        insights.list_videos(sampler.database, "instagram", user_id=account.user_id, limit=5)


def test_totals_are_summed_over_the_platforms(sampler, account):
    totals = insights.load_video_totals(sampler.database, user_id=account.user_id)
    assert totals == {"videos": 1, "views": 100, "likes": 10, "comments": 4, "shares": 1}


@pytest.mark.parametrize(("provider", "views", "count"), [("tiktok", 100, 1), ("instagram", 0, 0)])
def test_nothing_is_looked_up_for_posts_of_a_platform_without_videos(
    sampler, account, statements, provider, views, count
):
    posts = [make_public_post(account, provider)]
    metrics = insights.load_post_metrics(sampler.database, posts, user_id=account.user_id)
    assert sum(found.views for found in metrics.values()) == views
    assert len([text for text in statements if "tiktok_videos" in text]) == count
