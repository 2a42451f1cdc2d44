"""Pages of a platform whose logins open several accounts, in a browser without scripts."""

import json
import re
from html import unescape

import pytest
from sqlalchemy import select

from core.identity import passwords
from db.identity.users import User, Users
from db.records.instagram_tables import IgMedia, InstagramAccount
from platforms.secret import Secret
from tests.app.conftest import PASSWORD, UserCredentials
from tests.app.publishing.instagram_fixtures import (  # noqa: F401 - fixtures
    app,
    instagram,
    instagram_app,
    instagram_sandbox,
)

CONNECT_PATH = "/platforms/connect/instagram"


@pytest.fixture
def owner_browser(instagram, make_browser):  # noqa: F811 - a fixture
    """The browser of the account's owner."""
    user_id = instagram.account.user_id
    with instagram.database.transaction() as session:
        Users(session).set_password(user_id, passwords.hash_password(Secret(PASSWORD)))
        email = session.get(User, user_id).email
    return make_browser().sign_in(UserCredentials(user_id, email, PASSWORD))


@pytest.fixture
def other_browser(sign_in):
    return sign_in()


def form_data(page, name):
    return json.loads(unescape(re.search(rf"data-{name}='([^']+)'", page)[1]))


def change_destination(instagram, **values):  # noqa: F811
    with instagram.database.transaction() as session:
        row = session.scalars(select(InstagramAccount)).one()
        for name, value in values.items():
            setattr(row, name, value)
        return row.id


def test_the_requirements_are_listed_before_connecting(other_browser):
    page = other_browser.get(CONNECT_PATH).text
    assert "a professional Instagram account: business or creator" in page
    assert 'href="https://help.instagram.com/' in page
    assert "post for you <code" in page


def test_a_login_without_an_account_gets_instructions_and_a_help_link(other_browser):
    page = other_browser.get(f"{CONNECT_PATH}?error=no_business_account").text
    alert = re.search(r'role="alert">(.*?)</div>', page, re.DOTALL)[1]
    assert "No professional Instagram account was found." in alert
    assert "https://help.instagram.com/" in alert
    other_alert = other_browser.get(f"{CONNECT_PATH}?error=access_denied").text
    assert (
        "https://help.instagram.com/"
        not in re.search(r'role="alert">(.*?)</div>', other_alert, re.DOTALL)[1]
    )


def test_missing_permissions_can_be_requested_again(owner_browser):
    page = owner_browser.get("/platforms").text
    assert "Ask again for the permissions" in page
    assert "read, answer, hide and delete comments" in page


def test_the_publishing_form_has_the_kinds_and_limits_of_the_platform(owner_browser):
    page = owner_browser.get("/platforms/instagram/publish").text
    kinds = {kind["name"]: kind for kind in form_data(page, "kind-list")}
    assert list(kinds) == ["IMAGE", "REELS", "STORIES", "CAROUSEL"]
    assert (kinds["CAROUSEL"]["min"], kinds["CAROUSEL"]["max"]) == (2, 10)
    assert kinds["IMAGE"]["maxHashtags"] == 30
    assert kinds["STORIES"]["maxText"] == 0
    assert kinds["REELS"]["accept"] == "video/*"
    assert kinds["STORIES"]["accept"] == "image/*,video/*"


def test_an_account_that_is_not_chosen_is_not_offered(owner_browser, instagram):  # noqa: F811
    change_destination(instagram, selected=False)
    page = owner_browser.get("/platforms/instagram/publish").text
    assert 'id="composer"' not in page
    assert f'href="{CONNECT_PATH}"' in page


def test_an_account_that_cannot_be_posted_to_is_named_with_a_way_out(owner_browser, instagram):  # noqa: F811
    change_destination(instagram, status="BLOCKED")
    page = owner_browser.get("/platforms/instagram/publish").text
    assert re.search(r'name="account" value="instagram-d\d+" disabled', page)
    assert f'href="{CONNECT_PATH}"' in page


def test_a_platform_with_a_page_of_its_own_keeps_it(owner_browser):
    response = owner_browser.get("/platforms/tiktok/publish")
    assert response.location == "/platforms/tiktok/upload"


def test_the_account_page_and_the_widget_show_the_account(owner_browser, instagram):  # noqa: F811
    change_destination(instagram, followers_count=1200, details={"media_count": 7})
    for path in ("/platforms/instagram", "/widgets/instagram"):
        page = owner_browser.get(path).text
        assert f"@{instagram.client.account.username}" in page
        assert "1200 followers" in page
        assert "7 posts" in page


def test_a_metric_without_a_value_is_no_data_and_not_zero(owner_browser, instagram):  # noqa: F811
    destination_id = change_destination(instagram)
    with instagram.database.transaction() as session:
        session.add(
            IgMedia(
                instagram_account_id=destination_id,
                media_type="IMAGE",
                ig_id="17900000000000001",
                caption="<b>bread</b>",
                metrics_json={"reach": 0, "likes": 12},
            )
        )
    page = owner_browser.get("/platforms/instagram/insights").text
    assert page.count("no data") > 5
    assert "&lt;b&gt;bread" in page
    row = re.search(r"&lt;b&gt;bread.*?</tr>", page, re.DOTALL)[0]
    assert re.findall(r'<td class="n">([^<]*)</td>', row)[-6:] == ["–", "0", "12", "–", "–", "–"]  # noqa: RUF001


def test_the_accounts_of_others_are_not_displayed(other_browser, instagram):  # noqa: F811
    destination_id = change_destination(instagram)
    path = f"/platforms/instagram/insights?account={destination_id}"
    assert other_browser.get(path).status_code == 404
    block_path = f"/compose/blocks/instagram-d{destination_id}"
    assert other_browser.post(block_path).status_code == 404
    assert instagram.client.account.username not in other_browser.get("/platforms").text


@pytest.mark.parametrize("page", ["comments", "insights"])
def test_a_platform_without_a_feature_has_no_page_for_it(owner_browser, page):
    assert owner_browser.get(f"/platforms/tiktok/{page}").status_code == 404
    assert owner_browser.get(f"/platforms/instagram/{page}").status_code == 200
