"""Where one publishes on each platform: a page of the platform's own, or the general form."""

from typing import TypedDict

from flask import url_for

from platforms.registry import PLATFORMS


class PublishPage(TypedDict):
    code: str
    name: str
    url: str
    css_class: str


def list_publish_pages() -> list[PublishPage]:
    """Return the publishing pages of all platforms that have one."""
    pages = (find_publish_page(name) for name in PLATFORMS)
    return [page for page in pages if page is not None]


def find_publish_page(platform: str) -> PublishPage | None:
    """Return the publishing page of a platform; None if it takes no posts from a form."""
    form, brand = PLATFORMS[platform].form, PLATFORMS[platform].brand
    if form is None or not PLATFORMS[platform].kinds:
        return None
    has_own_page = form.page is not None
    view = "publish_pages.show_upload_form" if has_own_page else "publish_pages.show_publish_form"
    url = url_for(view, platform=platform)
    return PublishPage(code=platform, name=brand.title, url=url, css_class=brand.css_class)
