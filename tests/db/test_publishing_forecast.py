"""A forecast against what happens: the post goes out when its slot becomes free, and not before."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update

from core.publishing.forecast import ForecastPost, forecast_post
from core.publishing.move import find_post_target
from db.posts.posts import Post
from db.records.tiktok_posts import TikTokPost
from platforms.registry import PLATFORMS

LIMIT = 5
MINUTE = timedelta(minutes=1)


@pytest.fixture
def account(publisher):
    publisher.accept_starts()
    return publisher.factory.account(publisher.factory.create_account())


@pytest.fixture
def full_account(publisher, account):
    """An account whose drafts take all slots; the first was taken 20 hours ago."""
    for number in range(LIMIT):
        post_id = publisher.request_upload(account.user_id).post.id
        age_posts(publisher, timedelta(hours=20 - number), [post_id])
    return account


def age_posts(publisher, by, post_ids=None):
    """As if so much time had passed since these posts, or all, were requested and recorded."""
    with publisher.database.transaction() as session:
        for model, key in ((Post, Post.id), (TikTokPost, TikTokPost.post_id)):
            conditions = () if post_ids is None else (key.in_(post_ids),)
            statement = update(model).where(*conditions).values(created_at=model.created_at - by)
            session.execute(statement, execution_options={"synchronize_session": False})


def forecast(publisher, post_id, at=None):
    post = publisher.post(post_id)
    with publisher.database.transaction() as session:
        target = find_post_target(session, post)
    kind = PLATFORMS[post.provider].kinds[post.kind]
    question = ForecastPost(post.user_id, target, kind, at=at, post_id=post_id)
    (answer,) = forecast_post(publisher.database, publisher.services, question)
    return answer


def test_a_post_goes_out_at_the_time_of_its_forecast_and_not_before(publisher, full_account):
    post_id = publisher.request_upload(full_account.user_id, may_queue=True).post.id
    answer = forecast(publisher, post_id)
    assert (answer.used, answer.limit) == (LIMIT, LIMIT)
    wait = answer.goes_at - publisher.one(select(func.now()))
    assert timedelta(hours=3, minutes=59) < wait < timedelta(hours=4, minutes=1)

    age_posts(publisher, wait - MINUTE)
    publisher.run_workers(1)
    assert publisher.post(post_id).state == "QUEUED"

    age_posts(publisher, MINUTE)
    publisher.run_workers(1)
    assert publisher.post(post_id).state != "QUEUED"


def test_a_post_in_the_future_finds_the_slots_of_that_time(publisher, full_account):
    post_id = publisher.request_upload(full_account.user_id, may_queue=True).post.id
    now = publisher.one(select(func.now()))

    answer = forecast(publisher, post_id, now + timedelta(hours=10))

    assert answer.used == 0  # all of today's are free by then
    assert answer.goes_at == now + timedelta(hours=10)


def test_a_post_does_not_delay_itself(publisher, account):
    publish_at = publisher.one(select(func.now())) + timedelta(hours=1)
    post_id = publisher.factory.create_post(
        account.id, publish_at=publish_at, due_at=publish_at, title="A video"
    )
    assert forecast(publisher, post_id, publish_at).used == 0


def test_a_post_on_hold_takes_no_place(publisher, account):
    publish_at = publisher.one(select(func.now())) + timedelta(hours=1)
    posts = [
        publisher.factory.create_post(account.id, publish_at=publish_at, due_at=publish_at)
        for _ in range(2)
    ]
    assert forecast(publisher, posts[0], publish_at).used == 1

    publisher.update_post(posts[1], hold_reason="overdue", due_at=None)

    assert forecast(publisher, posts[0], publish_at).used == 0


def test_a_forecast_changes_nothing(publisher, full_account):
    post_id = publisher.request_upload(full_account.user_id, may_queue=True).post.id
    before = publisher.one(text("SELECT md5(array_agg(posts::text ORDER BY id)::text) FROM posts"))

    forecast(publisher, post_id)

    after = publisher.one(text("SELECT md5(array_agg(posts::text ORDER BY id)::text) FROM posts"))
    assert after == before
