"""The home page: what needs attention, in order; first steps; charts with their tables."""

import re
from datetime import timedelta

import pytest
from sqlalchemy import func

from tests.app.publishing.post_rows import (
    add_post,
    alice_browser,
    listed_titles,
    post_form,
)

__all__ = ["add_post", "alice_browser"]  # fixtures


def attention_lines(page):
    return re.findall(r'<p class="what">([^<]*)</p>', page.text)


def test_a_new_user_sees_three_steps_and_no_numbers(alice_browser):
    page = alice_browser.get("/").text
    steps = re.findall(r'data-focus-key="step-(\w+)" href="([^"]*)"', page)
    assert [name for name, _ in steps] == ["connect", "upload", "post"]
    assert 'class="tile' not in page
    assert '<svg class="chart"' not in page
    for _, url in steps:
        assert alice_browser.get(url).status_code == 200


def test_with_an_account_the_next_step_is_a_file(alice_browser, factory, alice):
    factory.create_account(alice.id)
    page = alice_browser.get("/").text
    assert re.findall(r'<li class="(done|open)"', page) == ["done", "open", "open"]


def test_nothing_to_do_is_said_in_one_line(alice_browser, add_post):
    add_post("Out", state="PUBLISHED")
    page = alice_browser.get("/")
    assert "Nothing needs your attention." in page.text
    assert attention_lines(page) == []


def test_the_worst_comes_first(alice_browser, add_post, factory, alice):
    add_post("Draft", state="PUBLISHED", step="DELIVERED")
    add_post("Lost", state="UNCONFIRMED", started_at=func.now() - timedelta(hours=2))
    dead = factory.create_account(alice.id, status="REVOKED", due_at=None)
    for hours in (5, 3):
        add_post("Waits", oauth_account_id=dead, publish_at=func.now() + timedelta(hours=hours))
    add_post("Short", state="FAILED", error_code="duration_check_failed")
    page = alice_browser.get("/")
    lines = attention_lines(page)
    assert len(lines) == 4
    assert lines[0] == "“Short” was not published on TikTok"
    assert lines[1].endswith("has to be reconnected")
    assert "2 posts wait. The first is due:" in page.text
    assert lines[2] == "“Lost” is still being confirmed"
    assert lines[3].startswith("1 draft of ")


def test_a_line_that_is_hidden_stays_so_and_is_audited(alice_browser, add_post, run_sql):
    post_id = add_post("Short", state="FAILED", error_code="duration_check_failed")
    subject = f"post:{post_id}:FAILED"
    assert post_form(alice_browser, "/home/hide", subject=subject).status_code == 302
    assert attention_lines(alice_browser.get("/")) == []
    post_form(alice_browser, "/home/hide", subject="post:7:nothing")
    entries = run_sql("SELECT subject FROM audit_log WHERE action = 'home.line_hidden'")
    assert [entry.subject for entry in entries] == [subject]


def test_a_failure_that_was_tried_again_is_no_longer_listed(alice_browser, add_post):
    failed = add_post("Short", state="FAILED", error_code="duration_check_failed")
    add_post("Short", state="PUBLISHED", retry_of=failed)
    assert attention_lines(alice_browser.get("/")) == []


def test_of_many_failures_five_are_listed(alice_browser, add_post):
    for number in range(7):
        add_post(f"Short {number}", state="FAILED", error_code="duration_check_failed")
    page = alice_browser.get("/")
    assert len(attention_lines(page)) == 5
    assert ">See all</a>" in page.text


def test_a_chart_has_a_summary_and_a_table_with_the_same_sums(alice_browser, add_post):
    for days in (0, 1, 1, 29):
        add_post(state="PUBLISHED", publish_at=func.now() - timedelta(days=days))
    add_post(state="FAILED", publish_at=func.now() - timedelta(days=2), error_code="x")
    add_post(state="PUBLISHED", publish_at=func.now() - timedelta(days=40))
    page = alice_browser.get("/").text
    assert '<span class="sum" data-sum>5</span>' in page
    assert "posts, 1 of them failed" in page
    table = page[page.index('aria-labelledby="posts-per-day"') :]
    table = table[: table.index("</table>")]
    cells = [int(cell) for cell in re.findall(r'<td class="n">(\d+)</td>', table)]
    assert (sum(cells[::2]), sum(cells[1::2])) == (4, 1)
    assert table.count("<rect") == 4


def test_what_is_next_is_in_the_order_of_its_time(alice_browser, add_post):
    for hours in (30, 2, 5, 60, 1, 100):
        add_post(f"In {hours}", publish_at=func.now() + timedelta(hours=hours))
    titles = re.findall(r'class="title"[^>]*>([^<]*)</a>', alice_browser.get("/").text)
    assert titles == ["In 1", "In 2", "In 5", "In 30", "In 60"]
    assert listed_titles(alice_browser.get("/posts?state=SCHEDULED"))[0] == "In 100"


@pytest.mark.parametrize("path", ["/", "/widgets/overview"])
def test_a_user_sees_only_own_posts(sign_in, make_user, add_post, path):
    add_post("Short", state="FAILED", error_code="duration_check_failed")
    assert "Short" not in sign_in(make_user("bob@example.org")).get(path).text


def test_the_five_users_of_an_app_that_is_not_audited_are_named(
    alice_browser, add_post, factory, alice
):
    sentence = "at most 5 accounts may post directly in 24 hours, and"
    sent = {"state": "SENDING", "has_slot": True}
    add_post(**sent)
    page = alice_browser.get("/").text
    assert f"TikTok has not audited this application yet: {sentence} 1 have done so." in page
    assert "The next place is free" not in page
    for _ in range(4):
        add_post(oauth_account_id=factory.create_account(alice.id), **sent)
    assert f"{sentence} 5 have done so. The next place is free at" in alice_browser.get("/").text


class TestAnAuditedApp:
    @pytest.fixture
    def extra_settings(self):
        return {"TIKTOK_APP_AUDITED": "1"}

    def test_has_no_limit_of_users(self, alice_browser, add_post):
        add_post(state="SENDING", has_slot=True)
        assert "has not audited" not in alice_browser.get("/").text
