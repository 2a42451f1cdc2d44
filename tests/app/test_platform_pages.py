"""What platforms bring to the pages: colours, pages and scripts of their own, texts of drafts."""

import re

import pytest

from app.pages import badges, brand_styles
from db.posts.posts import Post
from platforms.base import Phase
from platforms.platform import Brand, BrandColours
from platforms.registry import PLATFORMS
from tests.support.row_factory import RowFactory

STYLES_PATH = "/static/platforms.css"
OWN_SCRIPT_PATH = "/static/platforms/tiktok/composer_block.js"
ACTIVE_CONTENT = re.compile(r"<script(?![^>]* src=)|\son\w+=|javascript:")


@pytest.fixture
def alice_browser(sign_in, make_user, container):
    """Alice's browser; she has connected an account."""
    alice = make_user()
    RowFactory(container.database, container.services.key_ring).create_account(alice.id)
    return sign_in(alice)


def test_every_platform_has_its_colours_in_the_style_sheet(client):
    response = client.get(STYLES_PATH)
    assert response.mimetype == "text/css"
    for platform in PLATFORMS.values():
        assert f".button.{platform.brand.css_class} {{" in response.text
        assert f".mark.{platform.brand.css_class} {{" in response.text
    assert response.text.count("{") == response.text.count("}")


def test_an_unchanged_style_sheet_is_not_sent_again(client):
    tag = client.get(STYLES_PATH).headers["ETag"]
    assert client.get(STYLES_PATH, headers={"If-None-Match": tag}).status_code == 304


def test_a_platform_without_colours_looks_like_all_pages():
    assert brand_styles.brand_rules(Brand("Plain", "plain", "https://plain.example.com")) == ""


def test_other_colours_of_the_dark_theme_are_used_in_it_alone():
    light, dark = BrandColours("#010101", "#020202"), BrandColours("#f1f1f1", "#f2f2f2")
    brand = Brand("Two", "two", "https://two.example.com", colours=light, dark_colours=dark)
    before, _, after = brand_styles.brand_rules(brand).partition("@media")
    assert "#020202" in before
    assert "#f2f2f2" not in before
    assert "#f2f2f2" in after


def test_pages_load_the_style_sheet(client):
    assert f'href="{STYLES_PATH}?v=' in client.get("/login").text


def test_the_script_of_a_page_is_served_without_the_templates_beside_it(client):
    response = client.get(OWN_SCRIPT_PATH)
    assert response.status_code == 200
    assert "javascript" in response.mimetype
    for path in (
        "../_composer_block.html",
        "../../form.py",
        "%2e%2e/_composer_block.html",
        "_composer_block.html",
    ):
        assert client.get(f"/static/platforms/tiktok/{path}").status_code == 404


def test_everything_that_the_page_loads_is_there(alice_browser):
    page = alice_browser.get("/platforms/tiktok/upload").text
    scripts = re.findall(r'<script src="([^"?]+)', page)
    assert any(path.endswith("composer/main.js") for path in scripts)
    own_scripts = re.findall(r'data-script="([^"?]+)', page)
    assert own_scripts == [OWN_SCRIPT_PATH]
    library = re.findall(r'data-upload-library="([^"?]+)', page)
    modules = [f"/static/pages/composer/{name}.js" for name in ("files", "upload")]
    paths = [*scripts, *own_scripts, *library, *modules]
    assert len(library) == 1
    assert {alice_browser.get(path).status_code for path in paths} == {200}


def test_pages_of_platforms_hold_no_active_content(alice_browser):
    page = alice_browser.get("/platforms/tiktok/upload").text
    assert ACTIVE_CONTENT.findall(page) == []
    assert ACTIVE_CONTENT.search("<p onclick=x>")


def test_a_platform_with_the_general_form_has_no_page_of_its_own(alice_browser):
    assert alice_browser.get("/platforms/instagram/upload").status_code == 404


def test_a_delivered_draft_is_described_in_the_words_of_its_platform(app):
    delivered = {"state": "PUBLISHED", "step": Phase.DELIVERED}
    with app.test_request_context():
        of_tiktok = badges.post_badge(Post(provider="tiktok", **delivered))
        of_another = badges.post_badge(Post(provider="instagram", **delivered))
    assert (of_tiktok.label, of_another.label) == ("In TikTok inbox", "Delivered as a draft")
    assert of_tiktok.colour == of_another.colour == "wait"
