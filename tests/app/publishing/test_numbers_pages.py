"""What TikTok counts, on pages: a dash where it told nothing, and nothing at all before that."""

import re

import pytest
from sqlalchemy import update

from db.records import TikTokPost
from tests.counting import SCOPES, Shop
from tests.publishing import A_PULL

VIDEO = 7_602_997_517_160_123_666


@pytest.fixture
def app(stage, server, tmp_path):
    return stage.house(
        TIKTOK_API_BASE_URL=server.url,
        TIKTOK_AUTH_BASE_URL=server.url,
        MEDIA_URL=f"file://{tmp_path}/media",
        ENABLE_TIKTOK_INSIGHTS="on",
        INLINE_BUDGET_SECONDS="30",
    )


@pytest.fixture
def shop(desk):
    return Shop(desk)


@pytest.fixture
def account(shop, alice):
    return shop.account(user_id=alice.id, scope=f"{SCOPES},video.upload")


@pytest.fixture
def page(signed_in, alice):
    return signed_in(alice)


@pytest.fixture
def post(program, desk, account):
    """A post of ours that the public sees under the id of the video."""
    asked = {**A_PULL, "account_id": account}
    answer = program.post("/api/tiktok/upload", json=asked, headers={"Prefer": "respond-async"})
    made = answer.json["data"]["id"]
    desk.works(1)
    ids = {"publicaly_available_post_id": [str(VIDEO)]}
    with desk.database.transaction() as session:
        session.execute(update(TikTokPost).where(TikTokPost.ledger_id == made).values(details=ids))
    return made


@pytest.fixture
def counted(shop, account):
    shop.shows(VIDEO, title="A film", duration=12, share_url="https://t/7", share_count=...)
    shop.enrols()
    shop.works(4)


def numbers(text):
    """By their names, as they stand on the page."""
    return dict(re.findall(r'<dt class="quiet">(\w+)</dt><dd class="figure">([^<]+)</dd>', text))


def test_a_post_shows_what_tiktok_counts_and_a_dash_where_it_told_nothing(page, post, counted):
    shown = page.get(f"/posts/{post}").text
    assert numbers(shown) == {
        "views": "100",
        "likes": "10",
        "comments": "4",
        "shares": "\N{EN DASH}",
    }
    assert "Engagement:" not in shown  # one of its numbers is not known
    assert 'href="https://t/7"' in shown


@pytest.mark.parametrize("path", ["/", "/widgets/tiktok", "/platforms/tiktok"])
def test_the_sums_of_all_videos_are_seen_at_once(page, counted, path):
    assert numbers(page.get(path).text)["views"] == "100"


@pytest.mark.parametrize("path", ["/", "/widgets/tiktok"])
def test_before_anything_was_counted_no_number_is_made_up(page, account, path):
    assert "views" not in numbers(page.get(path).text)


def test_a_post_that_nobody_has_counted_shows_no_numbers(page, post):
    assert "What TikTok counts" not in page.get(f"/posts/{post}").text
