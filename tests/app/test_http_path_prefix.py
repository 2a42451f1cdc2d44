"""signalpost below a path of its host, behind proxies that strip it and others that do not."""

import re
from urllib.parse import urlsplit

import pytest

from core.errors import Misconfigured
from core.media.links import build_media_link
from tests.app.conftest import BrowserClient

PREFIX = "/tools/signalpost"
PUBLIC_URL = f"http://apps.example.org{PREFIX}"
LINK_PATTERN = re.compile(r'(?:href|src|action|data-live|data-posts-url)="(/[^"]*)"')
PAGE_PATHS = (
    "/",
    "/platforms/connect",
    "/posts",
    "/notifications",
    "/settings/keys",
    "/platforms/connect/tiktok",
    "/docs",
    "/no-such-page",
)


@pytest.fixture
def prefixed_app(app_factory, tmp_path):
    return app_factory.create_app(PUBLIC_URL=PUBLIC_URL, MEDIA_URL=f"file://{tmp_path}")


@pytest.fixture
def prefixed_browser(prefixed_app, make_user):
    browser = BrowserClient(prefixed_app, prefixed_app.response_class, use_cookies=True)
    return browser.sign_in(make_user())


@pytest.mark.parametrize("path", PAGE_PATHS)
@pytest.mark.parametrize("sent_prefix", [PREFIX, ""], ids=["passed on", "stripped"])
def test_every_link_of_a_page_has_the_prefix(prefixed_browser, sent_prefix, path):
    page = prefixed_browser.get(sent_prefix + path).text
    links = LINK_PATTERN.findall(page)
    assert links
    assert [link for link in links if not link.startswith((PREFIX + "/", "//"))] == []


def test_scripts_learn_the_prefix(prefixed_browser):
    page = prefixed_browser.get(f"{PREFIX}/").text
    assert f'<meta name="path-prefix" content="{PREFIX}">' in page


def test_without_a_path_there_is_no_prefix(app):
    assert '<meta name="path-prefix" content="">' in app.test_client().get("/login").text


def test_the_login_leads_back_to_the_page_below_the_prefix(prefixed_app):
    response = prefixed_app.test_client().get(f"{PREFIX}/posts?state=FAILED")
    assert response.status_code == 302
    assert response.headers["Location"].startswith(f"{PREFIX}/login?next={PREFIX}/posts?state")


def test_the_callback_of_a_platform_leads_to_a_page_below_the_prefix(prefixed_browser):
    response = prefixed_browser.get(f"{PREFIX}/api/auth/tiktok/callback?error=access_denied")
    assert urlsplit(response.headers["Location"]).path == f"{PREFIX}/platforms/connect/tiktok"


def test_a_new_upload_is_found_below_the_prefix(prefixed_browser):
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "5"}
    response = prefixed_browser.post(f"{PREFIX}/api/media", headers=headers)
    assert response.status_code == 201
    assert response.headers["Location"].startswith(f"{PREFIX}/api/media/")
    assert prefixed_browser.head(response.headers["Location"], headers=headers).status_code == 200


def test_a_link_to_a_file_has_the_prefix_once(prefixed_app):
    services = prefixed_app.extensions["signalpost"].services
    link = build_media_link(services, 1, "film.mp4")
    assert link.startswith(f"{PUBLIC_URL}/m/")


def test_a_longer_path_with_the_same_beginning_is_another_path(prefixed_app):
    assert prefixed_app.test_client().get(f"{PREFIX}ed/healthz").status_code == 404


@pytest.mark.parametrize("path", ["/api", "/static/files", "/login"])
def test_a_prefix_like_one_of_our_own_paths_is_refused(app_factory, path):
    with pytest.raises(Misconfigured, match="PUBLIC_URL must not have a path that begins with"):
        app_factory.create_app(PUBLIC_URL=f"http://apps.example.org{path}")


@pytest.mark.parametrize("path", ["/a b", "/%61", "/a//b", "/../a", "/a;b"])
def test_a_prefix_that_clients_write_in_different_ways_is_refused(app_factory, path):
    with pytest.raises(Misconfigured, match="PUBLIC_URL"):
        app_factory.create_app(PUBLIC_URL=f"http://apps.example.org{path}")
