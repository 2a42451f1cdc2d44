"""What TikTok counts, on pages: a dash where it told nothing, and nothing at all before that."""

import re

import pytest
from sqlalchemy import update

from db.records import TikTokPost
from tests.app.publishing.numbers import VIDEO, account, counted, shop, switches
from tests.publishing import A_PULL

__all__ = ["account", "counted", "shop", "switches"]  # fixtures


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
