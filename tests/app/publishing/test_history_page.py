"""The list of posts: filters, both directions, actions on several posts, export."""

import csv
import re
from datetime import timedelta
from io import StringIO

import pytest
from sqlalchemy import func, update

from app.pages.bulk_actions import MAX_BULK_POSTS
from app.pages.history import safe_cell
from db.identity.users import User
from tests.app.publishing.post_rows import (
    add_post,
    alice_browser,
    listed_titles,
    page_link,
    post_form,
)

__all__ = ["add_post", "alice_browser"]  # fixtures


@pytest.mark.parametrize("sort", ["", "?sort=publish"])
def test_a_list_is_read_to_its_end_and_back(alice_browser, add_post, sort):
    for number in range(60):
        add_post(f"Post {number}", publish_at=func.now() - timedelta(hours=number))
    expected = [f"Post {number}" for number in range(60)]
    expected = expected if sort else expected[::-1]
    pages = [alice_browser.get(f"/posts{sort}")]
    while older := page_link(pages[-1], "next"):
        pages.append(alice_browser.get(older))
    assert [title for page in pages for title in listed_titles(page)] == expected
    assert page_link(pages[0], "prev") is None
    newer = alice_browser.get(page_link(pages[-1], "prev"))
    assert listed_titles(newer) == listed_titles(pages[-2])


def test_a_tile_and_its_list_have_the_same_number(alice_browser, add_post):
    add_post("Soon", publish_at=func.now() + timedelta(hours=1))
    add_post("Held", hold_reason="overdue")
    for state in ("SENDING", "PROCESSING", "UNCONFIRMED", "CANCELLED"):
        add_post(state, state=state)
    for number in range(3):
        add_post(f"Out {number}", state="PUBLISHED", finished_at=func.now())
    add_post("Long ago", state="PUBLISHED", publish_at=func.now() - timedelta(days=31))
    add_post("Draft", state="PUBLISHED", step="DELIVERED")
    add_post("Failed", state="FAILED", error_code="duration_check_failed")
    tiles = re.findall(
        r'<a class="tile[^"]*" [^>]*href="([^"]*)"><span class="n">(\d+)',
        alice_browser.get("/").text,
    )
    assert [number for _, number in tiles] == ["1", "3", "1", "1", "3", "1"]
    for url, number in tiles:
        page = alice_browser.get(url.replace("&amp;", "&"))
        assert len(listed_titles(page)) == int(number), url


def test_words_and_their_beginnings_are_found(alice_browser, add_post):
    add_post("Clay, glaze and fire")
    add_post("Harbour at dawn")
    assert listed_titles(alice_browser.get("/posts?q=gla+CLAY")) == ["Clay, glaze and fire"]
    assert listed_titles(alice_browser.get("/posts?q=lay")) == []
    for odd in ("'", "\\", "& |", "!", "a:*", "(", "\N{FIRE}"):
        assert alice_browser.get("/posts", query_string={"q": odd}).status_code == 200


def test_days_are_those_of_the_readers_zone(alice_browser, add_post, container, alice):
    with container.database.transaction() as session:
        session.execute(update(User).where(User.id == alice.id).values(time_zone="Asia/Kathmandu"))
    for hour in ("18:14", "18:15"):  # midnight there
        add_post(f"At {hour}", publish_at=f"2026-11-01 {hour}+00", state="PUBLISHED")
    page = alice_browser.get("/posts?from=2026-11-02&to=2026-11-02")
    assert listed_titles(page) == ["At 18:15"]
    assert "2 Nov 2026, 00:00" in page.text


def test_chips_remove_one_filter_each(alice_browser):
    page = alice_browser.get("/posts?state=FAILED&state=HELD&platform=tiktok").text
    chips = re.findall(r'<li><a href="([^"]*)" aria-label="Remove the filter ([^"]*)"', page)
    assert {name: url.replace("&amp;", "&") for url, name in chips} == {
        "Failed": "/posts?state=HELD&platform=tiktok",
        "On hold": "/posts?state=FAILED&platform=tiktok",
        "TikTok": "/posts?state=FAILED&state=HELD",
    }
    assert "No posts match these filters." in page
    assert "No posts yet." in alice_browser.get("/posts").text


def test_an_action_on_several_posts_says_what_became_of_each(alice_browser, add_post):
    queued, published = add_post("Queued"), add_post("Out", state="PUBLISHED")
    page = post_form(
        alice_browser, "/posts/bulk?state=QUEUED", action="cancel", post=[queued, published, 10**9]
    ).text
    assert re.findall(r'<span class="(good|bad)">', page) == ["good", "bad", "bad"]
    assert 'href="/posts?state=QUEUED"' in page
    assert "No post was selected" in post_form(alice_browser, "/posts/bulk", action="retry").text
    assert post_form(alice_browser, "/posts/bulk", action="delete").status_code == 404


def test_a_post_of_another_user_is_not_touched(alice_browser, add_post, sign_in, make_user):
    post_id = add_post("Mine")
    page = post_form(
        sign_in(make_user("bob@example.org")), "/posts/bulk", action="cancel", post=[post_id]
    ).text
    assert re.findall(r'<span class="(good|bad)">', page) == ["bad"]
    assert "Mine" not in page
    assert listed_titles(alice_browser.get("/posts?state=QUEUED")) == ["Mine"]


def test_an_export_has_the_posts_of_the_filter_and_no_formulas(alice_browser, add_post):
    add_post("=HYPERLINK(1)", state="FAILED", error_code="duration_check_failed")
    add_post("Another", state="PUBLISHED")
    response = alice_browser.get("/posts/export.csv?state=FAILED")
    assert response.headers["Content-Disposition"] == 'attachment; filename="posts.csv"'
    (row,) = csv.DictReader(StringIO(response.get_data(as_text=True).removeprefix("\ufeff")))
    assert (row["title"], row["state"]) == ("'=HYPERLINK(1)", "Failed")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_begins_a_formula(start):
    assert safe_cell(f"{start}1") == f"'{start}1"
    assert safe_cell("a" + start) == "a" + start
    assert safe_cell(-1) == -1


def answers(page):
    return re.findall(r'<span class="(good|bad)">', page.text)


def cursor_of(page):
    return re.search(r'name="before" value="(\d+)"', page.text)[1]


def test_all_that_fit_are_counted_before_they_are_changed(alice_browser, add_post):
    for number in range(MAX_BULK_POSTS + 1):
        add_post(f"Clay {number}")
    add_post("Harbour")
    add_post("Clay, out", state="PUBLISHED")
    fields = {"action": "cancel", "all": "1"}
    counted = post_form(alice_browser, "/posts/bulk?q=clay", **fields)
    assert f"{MAX_BULK_POSTS + 1} posts fit these filters" in counted.text
    assert listed_titles(alice_browser.get("/posts?state=CANCELLED")) == []
    add_post("Clay, later")
    fields |= {"confirmed": "1", "before": cursor_of(counted)}
    first = post_form(alice_browser, "/posts/bulk?q=clay", **fields)
    assert answers(first) == ["good"] * MAX_BULK_POSTS
    second = post_form(alice_browser, "/posts/bulk?q=clay", **fields | {"before": cursor_of(first)})
    assert answers(second) == ["good"]
    assert "Go on" not in second.text
    assert listed_titles(alice_browser.get("/posts?state=QUEUED")) == ["Clay, later", "Harbour"]


def test_all_that_fit_are_only_those_of_the_user(alice_browser, add_post, sign_in, make_user):
    add_post("Mine")
    mallory = sign_in(make_user("mallory@example.org"))
    page = post_form(mallory, "/posts/bulk", action="cancel", all="1")
    assert "No post that fits these filters" in page.text
    page = post_form(mallory, "/posts/bulk", action="cancel", all="1", confirmed="1")
    assert answers(page) == []
    assert listed_titles(alice_browser.get("/posts?state=QUEUED")) == ["Mine"]


def test_of_all_that_fit_only_what_is_on_hold_is_released(alice_browser, add_post):
    add_post("Queued")
    add_post("Held", hold_reason="paused")
    page = post_form(alice_browser, "/posts/bulk", action="release", all="1", confirmed="1")
    assert ("Held" in page.text, "Queued" in page.text) == (True, False)
