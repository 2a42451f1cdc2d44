"""Lost starts and nameless posts, as the list of public videos and the status tell of them."""

from datetime import timedelta

import pytest
from sqlalchemy import func, update

from core.ledger.settle import State
from core.posts import reconcile
from db.records import TikTokPost
from platforms.base import Phase
from tests.counting import SCOPES, Shop
from tests.platforms.script import ok
from tests.publishing import A_PULL, CREATOR, DIRECT, STATUS, status

HOURS, MINUTE = timedelta(hours=1), timedelta(minutes=1)
SOON = timedelta(seconds=-5)  # after the start
PUBLIC = {"mode": "DIRECT", "privacy_level": "PUBLIC_TO_EVERYONE"}
INFO = {
    "creator_username": "ada",
    "creator_nickname": "Ada",
    "privacy_level_options": ["PUBLIC_TO_EVERYONE", "SELF_ONLY"],
    "comment_disabled": False,
    "duet_disabled": False,
    "stitch_disabled": False,
    "max_video_post_duration_sec": 300,
}


@pytest.fixture
def shop(desk):
    shop = Shop(desk)
    desk.says(CREATOR, ok(**INFO))
    desk.loses(DIRECT)
    return shop


@pytest.fixture
def account(shop):
    account = shop.account(scope=f"{SCOPES},video.publish,video.upload")
    shop.enrols()
    shop.works(4)
    return account


def lose(shop, account, title="A film", **more):
    """A direct pull whose start was sent and never answered."""
    user = shop.desk.tenants.account(account).user_id
    wish = {**A_PULL, **PUBLIC, "title": title, "account_id": account, **more}
    post = shop.desk.request(user, wish).post.id
    shop.desk.works(1)
    assert shop.desk.post(post).state == State.UNCONFIRMED
    return post


def look(shop):
    """The list is read, and the posts look again."""
    shop.works(4)
    shop.desk.works(1)


def test_a_lost_start_is_found_in_the_list_of_public_videos(shop, account):
    post = lose(shop, account)
    video = shop.shows(
        7_602_997_517_160_123_666, ago=SOON, title="A  film", share_url="https://t/7"
    )
    look(shop)
    found = shop.desk.post(post)
    assert (found.state, found.platform_post_id) == (State.PUBLISHED, video)
    assert (found.permalink, found.publish_id, found.due_at) == ("https://t/7", None, None)
    assert found.finished_at is not None
    assert [one.kind for one in shop.desk.events(post)].count("found") == 1
    assert len(shop.desk.calls(DIRECT)) == 1


def test_a_doubt_brings_the_next_look_at_the_list_forward(shop, account):
    assert shop.waits(account) > 10 * MINUTE
    lose(shop, account)
    assert shop.waits(account) <= timedelta(0)


@pytest.mark.parametrize(
    "told",
    [
        {"title": "Another film"},
        {"title": ""},
        {"ago": HOURS},  # it was there before the start
        {"ago": -25 * HOURS},
    ],
)
def test_a_video_that_may_be_anybodys_is_not_taken(shop, account, told):
    post = lose(shop, account)
    shop.shows(7, **{"ago": SOON, "title": "A film", **told})
    look(shop)
    assert shop.desk.post(post).state == State.UNCONFIRMED


def test_two_videos_alike_are_not_guessed_apart(shop, account):
    post = lose(shop, account)
    for number in (7, 8):
        shop.shows(number, ago=SOON, title="A film")
    look(shop)
    assert shop.desk.post(post).state == State.UNCONFIRMED


def test_two_lost_starts_with_one_title_are_not_guessed_apart(shop, account):
    posts = [lose(shop, account) for _ in range(2)]
    shop.shows(7, ago=SOON, title="A film")
    look(shop)
    assert {shop.desk.post(post).state for post in posts} == {State.UNCONFIRMED}


def test_two_lost_starts_with_titles_of_their_own_are_both_found(shop, account):
    one, other = lose(shop, account), lose(shop, account, title="Another film")
    shop.shows(7, ago=SOON, title="A film")
    shop.shows(8, ago=SOON, title="Another film")
    look(shop)
    assert [shop.desk.post(post).platform_post_id for post in (one, other)] == ["7", "8"]


def test_a_video_that_may_be_another_posts_is_not_taken(shop, account):
    shop.desk.starts()
    user = shop.desk.tenants.account(account).user_id
    wish = {**A_PULL, **PUBLIC, "title": "A film", "account_id": account}
    sent = shop.desk.request(user, wish).post.id
    shop.desk.says(STATUS, status("PROCESSING_DOWNLOAD"))
    shop.desk.loses(DIRECT)
    post = lose(shop, account)
    shop.shows(7, ago=SOON, title="A film")
    look(shop)
    assert shop.desk.post(post).state == State.UNCONFIRMED
    shop.desk.says(STATUS, status("PUBLISH_COMPLETE", publicaly_available_post_id=[7]))
    shop.desk.works(2)
    assert shop.desk.post(sent).platform_post_id == "7"
    assert shop.desk.post(post).state == State.UNCONFIRMED  # the only video is the other's
    shop.shows(8, ago=SOON, title="A film")
    shop.due(account)
    look(shop)
    assert shop.desk.post(post).platform_post_id == "8"


@pytest.mark.parametrize("more", [{"privacy_level": "SELF_ONLY"}, {"mode": "INBOX"}])
def test_what_the_public_does_not_see_under_our_caption_is_not_looked_for(shop, account, more):
    shop.desk.loses("/v2/post/publish/inbox/video/init/")
    wish = {**PUBLIC, **more}
    if more.get("mode") == "INBOX":
        wish.pop("privacy_level")
    user = shop.desk.tenants.account(account).user_id
    post = shop.desk.request(user, {**A_PULL, **wish, "account_id": account}).post.id
    shop.desk.works(1)
    shop.shows(7, ago=SOON, title="A film")
    look(shop)
    assert shop.desk.post(post).state == State.UNCONFIRMED


def published(shop, account, **columns):
    """A post that is out, and whose id nobody has told."""
    shop.desk.starts()
    user = shop.desk.tenants.account(account).user_id
    wish = {**A_PULL, **PUBLIC, "account_id": account}
    post = shop.desk.request(user, wish).post.id
    shop.desk.hears(post, Phase.PUBLISHED, "PUBLISH_COMPLETE")
    heard = {"completed_at": func.now() - HOURS / 2, "last_polled_at": func.now() - 10 * MINUTE}
    with shop.desk.database.transaction() as session:
        mine = TikTokPost.ledger_id == post
        session.execute(update(TikTokPost).where(mine).values(**{**heard, **columns}))
    return post


def test_a_published_post_without_an_id_is_asked_about_again(shop, account):
    post = published(shop, account)
    shop.desk.says(STATUS, status("PUBLISH_COMPLETE", publicaly_available_post_id=[2**62]))
    assert reconcile.look_again(shop.desk.database) == 1
    shop.desk.works(1)
    found = shop.desk.post(post)
    assert (found.platform_post_id, found.state, found.due_at) == (str(2**62), "PUBLISHED", None)
    assert shop.desk.record(post).details["publicaly_available_post_id"] == [str(2**62)]
    assert reconcile.look_again(shop.desk.database) == 0


@pytest.mark.parametrize(
    "columns",
    [
        {"last_polled_at": func.now() - MINUTE},
        {"completed_at": func.now() - 2 * HOURS, "last_polled_at": func.now() - 10 * MINUTE},
        {"completed_at": func.now() - 200 * HOURS},
        {"details": {"privacy_level": "SELF_ONLY"}},
        {"details": {"publicaly_available_post_id": ["7"]}},
    ],
)
def test_nobody_is_asked_too_often_too_long_or_for_what_never_comes(shop, account, columns):
    published(shop, account, **columns)
    assert reconcile.look_again(shop.desk.database) == 0


def test_of_an_account_that_is_gone_nothing_is_asked(shop, account):
    published(shop, account)
    shop.desk.tenants.change(account, status="NEEDS_RECONNECT")
    assert reconcile.look_again(shop.desk.database) == 0
